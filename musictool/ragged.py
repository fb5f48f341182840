"""Lists of different lengths, laid end to end in one array."""

from __future__ import annotations

import numpy as np


class Ragged:
    """Such lists.

    Args:
        flat: (N,), the items of all lists.
        sizes: int64 (lists,), how many items each has.
    """

    def __init__(self, flat: np.ndarray, sizes: np.ndarray):
        self._flat, self._sizes = flat, sizes
        self._first = np.cumsum(sizes) - sizes

    def of(self, lists: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(M,) each: for every item of lists, int (L,), the one of the L that it is in, and the item."""
        owner, nth = one_by_one(self._sizes[lists])
        return owner, self._flat[self._first[lists][owner] + nth]


def one_by_one(sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[2, 0, 3] -> [0, 0, 2, 2, 2] and [0, 1, 0, 1, 2]: the list that each item is in, and its place there."""
    owner = np.repeat(np.arange(len(sizes)), sizes)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
