"""From the probability of each cell of a segment to a 0 or a 1.

A cell sounds where its probability is above its threshold. `--threshold` says which thresholds those are:

    density      one per instrument, at which the validation pieces would have got as many notes as they have (the
                 model has counted them: DensityCalibration)
    bernoulli    a new random number for each cell: it sounds as often as the network says
    0.5, 0.3...  this number for all

Limit: with bernoulli the cells of a note are drawn one by one, so that long notes come out in pieces; with a fixed
number an instrument of which the network is never sure falls silent, which is why density is the default.
"""

from __future__ import annotations

import numpy as np

from musictool.sampling.sampler import BERNOULLI, fixed_threshold

UNREACHABLE = 2.0  # above every probability
BINS, MAX_LOGIT = 1 << 14, 15.0  # of a histogram of logits, from -MAX_LOGIT to MAX_LOGIT: most cells are unlikely


def cell_thresholds(rule: str, densities: np.ndarray, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """What the probabilities of one draw are compared with.

    Args:
        rule: see above.
        densities: float (I,), the thresholds of `density`.
        shape: (B, S, P, I).
        rng: moves on only where the rule is bernoulli.

    Returns:
        float32 of that shape, in [0, 1).
    """
    if rule == BERNOULLI:
        return rng.random(shape, dtype=np.float32)
    value = fixed_threshold(rule)
    return np.broadcast_to(np.float32(value) if value is not None else densities.astype(np.float32), shape)


class DensityCalibration:
    """Counts which probabilities cells got, and how many cells sounded, to find the thresholds of `density`.

    Args:
        instruments: I.
    """

    def __init__(self, instruments: int):
        self.histograms = np.zeros((instruments, BINS), np.int64)
        self.sounding = np.zeros(instruments, np.int64)

    def add(self, probabilities: np.ndarray, targets: np.ndarray) -> None:
        """Float (N, S, P, I) in [0, 1], and the cells that were to be predicted, 0/1 (N, S, P, I)."""
        probabilities = np.clip(probabilities.astype(np.float64), 1e-9, 1 - 1e-9)
        logits = np.log(probabilities) - np.log1p(-probabilities)
        bins = np.clip((logits + MAX_LOGIT) * (BINS / (2 * MAX_LOGIT)), 0, BINS - 1).astype(np.int64)
        for instrument, histogram in enumerate(self.histograms):
            histogram += np.bincount(bins[..., instrument].reshape(-1), minlength=BINS)
        self.sounding += targets.sum(axis=(0, 1, 2), dtype=np.int64)

    def thresholds(self) -> np.ndarray:
        """float32 (I,), in (0, 1): above it lie as many cells as sounded, as nearly as the histogram can say; 0.5 for
        an instrument that never sounds."""
        above = np.cumsum(self.histograms[:, ::-1], axis=1)[:, ::-1]  # (I, BINS): cells in this bin or higher
        bins = np.abs(above - self.sounding[:, None]).argmin(axis=1)  # (I,)
        probabilities = 1 / (1 + np.exp(MAX_LOGIT - bins * (2 * MAX_LOGIT / BINS)))
        return np.where(self.sounding > 0, probabilities, 0.5).astype(np.float32)
