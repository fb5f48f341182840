"""Whether a model says more than one thing: how far its pieces lie from each other, and which are the same.

Two 0/1 rolls are as far apart as the share of what sounds in either that does not sound in both (Jaccard 1912). A
generator that has collapsed writes the same piece whatever it is asked, and all distances go to 0.

Honest limit: the rolls are laid over each other as they are. The same piece a step later or a semitone higher counts as
another.
"""

from __future__ import annotations

import math

import numpy as np

NEAR = 0.1  # of what sounds in either: two pieces that differ by less are told as one
_EXACT = 2**24  # what float32 counts to, without rounding


def distances(rolls: np.ndarray) -> np.ndarray:
    """float64 (N, N), 0 to 1: 1 - |both| / |either| of each two of 0/1 (N, ...); 0 for two in which nothing sounds.

    Time and memory go with N * N and with the size of a roll in float32: meant for some hundreds.
    """
    flat = rolls.reshape(len(rolls), math.prod(rolls.shape[1:]))
    flat = flat.astype(np.float32 if flat.shape[1] < _EXACT else np.float64)
    both = (flat @ flat.T).astype(np.float64)
    sounding = both.diagonal()
    either = sounding[:, None] + sounding - both
    return np.divide(either - both, either, out=np.zeros_like(both), where=either > 0)


def variety(rolls: np.ndarray) -> float:
    """The mean distance between two of the rolls, 0 to 1: 0 if all are the same; 0 for fewer than two.

    Args:
        rolls: uint8 or bool 0/1 (N, ...).
    """
    count = len(rolls)
    return float(distances(rolls).sum() / (count * (count - 1))) if count > 1 else 0.0


def near_duplicates(rolls: np.ndarray, within: float = NEAR) -> float:
    """The share of the rolls, 0 to 1, that have another one no further away than `within`; 0 for no rolls.

    Args:
        rolls: uint8 or bool 0/1 (N, ...).
        within: a distance, 0 for only what is the same.
    """
    apart = distances(rolls)
    np.fill_diagonal(apart, np.inf)
    return float((apart <= within).any(axis=1).mean()) if len(rolls) else 0.0
