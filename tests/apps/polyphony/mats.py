"""Small .mat files like those of the benchmark."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import savemat

TUNE = ((40, 44, 47), (41, 45), (43, 47, 50), ())  # keys of each frame


def piece(length: int, shift: int = 0) -> np.ndarray:
    """uint8 (T, 88): the tune over and over, moved by some keys."""
    rows = np.zeros((length, 88), np.uint8)
    for t in range(length):
        rows[t, [key + shift for key in TUNE[t % len(TUNE)]]] = 1
    return rows


def cells(pieces: list[np.ndarray]) -> np.ndarray:
    """The cell array that MATLAB makes of them."""
    array = np.empty((1, len(pieces)), object)
    for i, each in enumerate(pieces):
        array[0, i] = each
    return array


def write(path: Path, **splits: list[np.ndarray]) -> Path:
    """A file with these splits, such as traindata=[...]."""
    savemat(path, {name: cells(pieces) for name, pieces in splits.items()})
    return path


def small(path: Path, with_test: bool = False) -> Path:
    """Six training and two validation pieces."""
    splits = {"traindata": [piece(20 + i, i) for i in range(6)], "validdata": [piece(24), piece(17, 3)]}
    return write(path, **splits, **({"testdata": [piece(30, 2)]} if with_test else {}))
