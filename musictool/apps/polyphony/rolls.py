"""The four piano-roll sets of Boulanger-Lewandowski, Bengio and Vincent (2012), as the .mat files that all papers use.

A file holds three cell arrays, `traindata`, `validdata` and `testdata`, of one uint8 array (T, 88) per piece: a row
per frame, 1 where a key (MIDI pitch 21 + column) sounds. All pieces are transposed to C major or A minor already. Some
files have no `testdata`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from musictool.apps.polyphony.splits import splits_of
from musictool.errors import BadFile

KEYS = 88
NAMES = {"train": "traindata", "validation": "validdata", "test": "testdata"}
Piece = np.ndarray  # uint8 0/1 (T, 88), T >= 2


@dataclass(frozen=True)
class Rolls:
    """The pieces of one set.

    Attributes:
        name: the file's, without its suffix.
        splits: "train", "validation" and, if the file has it, "test" -> pieces.
    """

    name: str
    splits: dict[str, list[Piece]]

    def frames(self, split: str) -> int:
        """Frames that are scored: all but the first of each piece."""
        return sum(len(piece) - 1 for piece in self.splits[split])


def read(path: Path) -> Rolls:
    """The set in a .mat file, without pieces of one frame, of which nothing is scored.

    Raises:
        BadFile: if it cannot be read, has no training or validation pieces, or holds anything but 0/1 frames of 88.
    """
    from scipy.io import loadmat  # takes a while to import

    if not path.exists():
        raise BadFile("not there").of(path)
    try:
        values = loadmat(path, variable_names=list(NAMES.values()))
    except Exception as error:  # scipy raises many kinds of errors for damaged files
        raise BadFile("no .mat file", f"{type(error).__name__}: {error}".split("\n")[0]).of(path) from None
    pieces_of, a_piece = partial(_pieces, path), "piece of two frames or more"
    return Rolls(path.stem, splits_of(path, values, NAMES, pieces_of, 2, a_piece))


def _pieces(path: Path, cells: Any, name: str) -> list[Piece]:
    """The pieces in a cell array."""
    pieces = []
    for number, cell in enumerate(np.asarray(cells).ravel(), 1):
        array = np.asarray(cell)
        if array.ndim != 2 or array.shape[1] != KEYS or array.dtype.kind not in "buif" or not _is_binary(array):
            raise BadFile(
                "no piano-roll",
                f"piece {number} of `{name}` is {array.dtype} {array.shape}, and has to be 0 or 1 of shape (T, {KEYS})",
            ).of(path)
        pieces.append(array.astype(np.uint8))
    return pieces


def _is_binary(array: np.ndarray) -> bool:
    return bool(((array == 0) | (array == 1)).all())
