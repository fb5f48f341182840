"""Whether two sets of pieces are distributed alike: the method of Yang and Lerch (2018).

Each piece has nine features. In each of them every two samples have a distance, and so have each sample and each piece
of the corpus. Where samples and corpus are one kind of music, these two distributions of distances are the same;
`compare_distances` gives their overlap (1: wholly) and their divergence (Kullback and Leibler, nats, 0: not at all).

The densities are Gaussian kernel estimates with Scott's bandwidth, both on one grid over all the distances. The
authors' own program, mgeval, puts each on a grid of its own, so that what it calls the divergence is not one.
Limits: a feature says nothing about the order of bars and phrases; few pieces have few distances, so compare with the
same figures for as many human pieces; and note_count and pitch_range grow with a piece's length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musictool.music.score import TICKS_PER_QUARTER, Score

# quarter notes, as in the paper: plain, dotted and triplet values
LENGTHS = np.array([4, 2, 1, 1 / 2, 1 / 4, 3, 3 / 2, 3 / 4, 3 / 8, 4 / 3, 2 / 3, 1 / 3])
BINS = 512
_MIN_BANDWIDTH = 2.0  # bins, so that the grid can resolve a kernel
_MARGIN = 4  # bandwidths that the grid goes beyond the outermost value
_EPSILON = 1e-10  # the least density, so that a divergence is finite


@dataclass(frozen=True)
class Agreement:
    """The similarity of two distributions.

    Attributes:
        overlap: 0 to 1, of the areas under their densities.
        divergence: Kullback and Leibler's, from the first to the second, nats.
    """

    overlap: float
    divergence: float


def distribution_features(score: Score) -> dict[str, np.ndarray]:
    """The nine features of a piece by name: numbers as float64 (1,), histograms as shares, float64 (12,) or (144,).

    Notes follow each other by onset, then pitch; drums are left out. Onsets are in quarter notes, not in seconds as
    by mgeval, since most encodings keep no tempo.
    """
    notes = score.notes[~score.is_drum]
    notes = notes[np.lexsort((notes["pitch"], notes["onset_ticks"]))]
    pitches = notes["pitch"].astype(np.int64)
    quarters = notes["duration_ticks"] / TICKS_PER_QUARTER
    lengths = np.abs(np.log(quarters[:, None] / LENGTHS)).argmin(axis=1)
    return {
        "pitch_count": np.array([float(len(np.unique(pitches)))]),
        "pitch_class_histogram": _shares(pitches % 12, 12),
        "pitch_class_transitions": _shares(pitches[:-1] % 12 * 12 + pitches[1:] % 12, 144),
        "pitch_range": np.array([float(np.ptp(pitches)) if len(pitches) else 0.0]),
        "pitch_interval": _mean(np.abs(np.diff(pitches))),
        "note_count": np.array([float(len(notes))]),
        "inter_onset_interval": _mean(np.diff(notes["onset_ticks"]) / TICKS_PER_QUARTER),
        "note_length_histogram": _shares(lengths, 12),
        "note_length_transitions": _shares(lengths[:-1] * 12 + lengths[1:], 144),
    }


def compare_distances(samples: np.ndarray, corpus: np.ndarray) -> Agreement | None:
    """The agreement of the distances among the samples with those from samples to the corpus, in one feature.

    Args:
        samples, corpus: float64 (N, F) and (M, F), a row per piece.

    Returns:
        None for fewer than two samples, or no piece of the corpus: there are no distances.
    """
    if len(samples) < 2 or not len(corpus):
        return None
    within = _distances(samples, samples)[np.triu_indices(len(samples), 1)]
    across = _distances(samples, corpus).ravel()
    return agreement(within, across)


def agreement(one: np.ndarray, other: np.ndarray) -> Agreement:
    """The agreement of the distributions of two sets of numbers, (N,) and (M,), both on one grid."""
    if max(one.max(), other.max()) - min(one.min(), other.min()) < 1e-12:
        return Agreement(1.0, 0.0)
    _, (p, q) = densities(one, other)
    divergence = float((p * np.log(np.maximum(p, _EPSILON) / np.maximum(q, _EPSILON))).sum())
    return Agreement(float(np.minimum(p, q).sum()), max(0.0, divergence))


def densities(*several: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """The kernel density estimates of sets of numbers, not all of one value, on one grid.

    Returns:
        float64 (BINS + 1,), the edges of the grid's bins; and for each set float64 (BINS,), its share of each bin.
    """
    low, high = min(values.min() for values in several), max(values.max() for values in several)
    bandwidths = [_scott(values) for values in several]
    margin = _MARGIN * max(*bandwidths, (high - low) / BINS * _MIN_BANDWIDTH)
    edges = np.linspace(low - margin, high + margin, BINS + 1)
    return edges, [_density(values, width, edges) for values, width in zip(several, bandwidths, strict=True)]


def _scott(values: np.ndarray) -> float:
    """Scott's bandwidth (1992)."""
    return float(values.std(ddof=1) * len(values) ** -0.2) if len(values) > 1 else 0.0


def _density(values: np.ndarray, bandwidth: float, edges: np.ndarray) -> np.ndarray:
    """float64 (BINS,), of sum 1: the share of the kernel estimate in each bin."""
    step = edges[1] - edges[0]
    # a histogram on the grid, convolved with a Gaussian that is sampled on the same grid
    counts = np.histogram(values, edges)[0].astype(np.float64)
    offsets = np.arange(-BINS, BINS + 1) * step / max(bandwidth, _MIN_BANDWIDTH * step)
    density = np.convolve(counts, np.exp(-(offsets**2) / 2))[BINS : 2 * BINS]
    return np.asarray(density / density.sum())


def _distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """float64 (N, M): Euclidean."""
    return np.asarray(np.sqrt(((one[:, None] - other[None]) ** 2).sum(axis=-1)))


def _shares(values: np.ndarray, size: int) -> np.ndarray:
    return np.bincount(values, minlength=size) / max(1, len(values))


def _mean(values: np.ndarray) -> np.ndarray:
    return np.array([float(values.mean()) if len(values) else 0.0])
