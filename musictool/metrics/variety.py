"""Variety of a set of pieces: the distances of each two, and how many are nearly the same.

The distance of two 0/1 rolls is the share of what sounds in either that does not sound in both (Jaccard 1912). The
pieces of a generator that has collapsed are all the same, and their distances 0.

Limit: the rolls are compared as they are. The same piece a step later or a semitone higher counts as another.
"""

from __future__ import annotations

import math

import numpy as np

NEAR = 0.1  # pieces at this distance or less are near duplicates
_EXACT = 2**24  # float32 counts exactly up to here


def jaccard(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """float64 (N, M), 0 to 1: 1 - |both| / |either| of each of 0/1 (N, ...) and each of (M, ...); 0 where both are
    silent.

    Time and memory grow with N * M and with the size of an array in float32: meant for some hundreds.
    """
    size = math.prod(first.shape[1:])
    dtype = np.float32 if size < _EXACT else np.float64
    a, b = first.reshape(len(first), size).astype(dtype), second.reshape(len(second), size).astype(dtype)
    # |both| of all pairs as one matrix product, and |either| = |a| + |b| - |both|
    both = (a @ b.T).astype(np.float64)  # (N, M)
    either = a.sum(axis=1, dtype=np.float64)[:, None] + b.sum(axis=1, dtype=np.float64) - both
    return np.divide(either - both, either, out=np.zeros_like(both), where=either > 0)


def distances(rolls: np.ndarray) -> np.ndarray:
    """float64 (N, N), 0 to 1: the distance of each two of 0/1 (N, ...); 0 for two in which nothing sounds."""
    return jaccard(rolls, rolls)


def variety(rolls: np.ndarray) -> float:
    """The mean distance of two of the rolls, 0 to 1: 0 if all are the same; 0 for fewer than two.

    Args:
        rolls: uint8 or bool 0/1 (N, ...).
    """
    return mean_distance(distances(rolls))


def mean_distance(distances: np.ndarray) -> float:
    """The same, of the distances (N, N)."""
    count = len(distances)
    return float(distances.sum() / (count * (count - 1))) if count > 1 else 0.0


def near_duplicates(rolls: np.ndarray, within: float = NEAR) -> float:
    """The share of the rolls, 0 to 1, that have another one at a distance of at most `within`; 0 for no rolls.

    Args:
        rolls: uint8 or bool 0/1 (N, ...).
        within: a distance; 0 for equal rolls only.
    """
    return share_near(distances(rolls), within)


def share_near(distances: np.ndarray, within: float = NEAR) -> float:
    """The same, of the distances (N, N)."""
    to_others = distances + np.diag(np.full(len(distances), np.inf))
    return float((to_others <= within).any(axis=1).mean()) if len(distances) else 0.0
