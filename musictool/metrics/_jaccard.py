"""How far 0/1 arrays lie apart: the share of what sounds in either that does not sound in both (Jaccard 1912)."""

from __future__ import annotations

import math

import numpy as np

_EXACT = 2**24  # what float32 counts to, without rounding


def jaccard(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """float64 (N, M), 0 to 1: 1 - |both| / |either| of each of 0/1 (N, ...) and each of (M, ...); 0 where both are
    silent.

    Time and memory go with N * M and with the size of an array in float32: meant for some hundreds.
    """
    size = math.prod(first.shape[1:])
    a, b = (
        each.reshape(len(each), size).astype(np.float32 if size < _EXACT else np.float64) for each in (first, second)
    )
    both = (a @ b.T).astype(np.float64)
    either = a.sum(axis=1, dtype=np.float64)[:, None] + b.sum(axis=1, dtype=np.float64) - both
    return np.divide(either - both, either, out=np.zeros_like(both), where=either > 0)
