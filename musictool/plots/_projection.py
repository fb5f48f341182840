"""Projections of vectors to two dimensions, the same ones each time."""

from __future__ import annotations

import numpy as np

from musictool.errors import BadOption

NAMES = {"tsne": "t-SNE", "pca": "PCA"}
PERPLEXITY = 30.0  # of t-SNE: about how many neighbours a point has
_MIN_VECTORS = 5  # of t-SNE; fewer are projected by PCA


def projected(vectors: np.ndarray, method: str, seed: int | None = None) -> np.ndarray:
    """float64 (N, 2): vectors (N, D), N at least 2, projected so that similar ones are near to each other.

    Args:
        method: "pca" (the two directions of the largest variance) or "tsne" (van der Maaten and Hinton 2008: keeps
            neighbourhoods; the distances and widths of groups mean little).
        seed: of the points that t-SNE begins with; None to begin with those of PCA.

    Raises:
        BadOption: for another method.
    """
    if method not in NAMES:
        raise BadOption(f"--method {method}: dimensions become two by {' or '.join(NAMES)}")
    from sklearn.decomposition import PCA

    vectors = np.asarray(vectors, np.float64)
    count, size = vectors.shape
    if method == "pca" or count < _MIN_VECTORS:
        points = PCA(min(2, count, size), svd_solver="full").fit_transform(vectors)
        return np.pad(points, ((0, 0), (0, 2 - points.shape[1])))
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(PERPLEXITY, (count - 1) / 3)
    with threadpool_limits(1):  # sums of several threads come in any order, and t-SNE makes much of little
        init = "pca" if seed is None else "random"
        tsne = TSNE(2, perplexity=perplexity, init=init, learning_rate="auto", random_state=seed or 0, n_jobs=1)
        return np.asarray(tsne.fit_transform(vectors), np.float64)
