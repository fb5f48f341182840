"""Vectors of many dimensions as points in two, the same ones each time."""

from __future__ import annotations

import numpy as np

from musictool.errors import BadOption

NAMES = {"tsne": "t-SNE", "pca": "PCA"}
PERPLEXITY = 30.0  # of t-SNE: about how many neighbours a point has
_FEWEST = 5  # vectors that t-SNE has something to say about


def flattened(vectors: np.ndarray, method: str, seed: int | None = None) -> np.ndarray:
    """float64 (N, 2): vectors (N, D), N at least 2, as points whose nearness says how alike they are.

    Args:
        method: "pca" (the two directions in which they differ most) or "tsne" (van der Maaten and Hinton 2008: who is
            near to whom; how far apart groups lie, and how wide they are, means little).
        seed: t-SNE begins with points drawn with it, to see what stays; without one, with those of PCA.

    Raises:
        BadOption: for a method that is none of these.
    """
    if method not in NAMES:
        raise BadOption(f"--method {method}: dimensions become two by {' or '.join(NAMES)}")
    from sklearn.decomposition import PCA

    vectors = np.asarray(vectors, np.float64)
    count, size = vectors.shape
    if method == "pca" or count < _FEWEST:
        points = PCA(min(2, count, size), svd_solver="full").fit_transform(vectors)
        return np.pad(points, ((0, 0), (0, 2 - points.shape[1])))
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(PERPLEXITY, (count - 1) / 3)
    with threadpool_limits(1):  # sums of several threads come in any order, and t-SNE makes much of little
        init = "pca" if seed is None else "random"
        tsne = TSNE(2, perplexity=perplexity, init=init, learning_rate="auto", random_state=seed or 0, n_jobs=1)
        return np.asarray(tsne.fit_transform(vectors), np.float64)
