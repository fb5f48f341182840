"""From the probability of each cell of a segment to a 0 or a 1.

A cell sounds where its probability is above its cut. A rule says which cuts those are:

    density      one for each instrument, at which the validation pieces would have got as many notes as they have (the
                 model has counted them: `thresholds_for`)
    bernoulli    a new random number for each cell: it sounds as often as the network says
    0.5, 0.3...  this number for all

Honest limit: with bernoulli the cells of a note are drawn one by one, so that long notes come out in pieces; with a
fixed number an instrument of which the network is never sure falls silent, which is why density is the default.
"""

from __future__ import annotations

import numpy as np

from musictool.sampling.options import BERNOULLI, fixed_threshold

NEVER_CUT = 2.0  # above every probability
BINS, SUREST = 1 << 14, 15.0  # of a histogram of log-odds, from -SUREST to SUREST: most cells are unlikely


def cuts(rule: str, thresholds: np.ndarray, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """What the probabilities of one drawing are held against.

    Args:
        rule: see above.
        thresholds: float (I,), those that the model has counted.
        shape: (B, S, P, I).
        rng: moves on only where the rule is bernoulli.

    Returns:
        float32 of that shape, in [0, 1).
    """
    if rule == BERNOULLI:
        return rng.random(shape, dtype=np.float32)
    value = fixed_threshold(rule)
    return np.broadcast_to(np.float32(value) if value is not None else thresholds.astype(np.float32), shape)


class Densities:
    """Counts how likely cells were said to be, and how many of them sounded.

    Args:
        instruments: I.
    """

    def __init__(self, instruments: int):
        self.counts = np.zeros((instruments, BINS), np.int64)
        self.sounding = np.zeros(instruments, np.int64)

    def add(self, probabilities: np.ndarray, segments: np.ndarray) -> None:
        """Float (N, S, P, I) in [0, 1], and what was to be foretold, 0/1 (N, S, P, I)."""
        likely = np.clip(probabilities.astype(np.float64), 1e-9, 1 - 1e-9)
        odds = np.log(likely) - np.log1p(-likely)
        places = np.clip((odds + SUREST) * (BINS / (2 * SUREST)), 0, BINS - 1).astype(np.int64)
        for instrument, counts in enumerate(self.counts):
            counts += np.bincount(places[..., instrument].reshape(-1), minlength=BINS)
        self.sounding += segments.sum(axis=(0, 1, 2), dtype=np.int64)

    def thresholds(self) -> np.ndarray:
        """float32 (I,), in (0, 1): above it lie as many cells as sounded, as nearly as the histogram can say; 0.5 for
        an instrument that never sounds."""
        above = np.cumsum(self.counts[:, ::-1], axis=1)[:, ::-1]  # (I, BINS): cells in this bin or higher
        bins = np.abs(above - self.sounding[:, None]).argmin(axis=1)
        said = 1 / (1 + np.exp(SUREST - bins * (2 * SUREST / BINS)))
        return np.where(self.sounding > 0, said, 0.5).astype(np.float32)
