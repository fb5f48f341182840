"""The chorales in sixteenths: a JSON file of four-voice pieces, as it is published (czhuang/JSB-Chorales-dataset).

The file has the lists `train`, `valid` and, usually, `test`; a piece is a list of steps, and a step the MIDI pitches of
soprano, alto, tenor and bass, -1 for a rest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from musictool.apps.polyphony.splits import splits_of
from musictool.errors import BadFile

VOICES = 4
REST = -1
PITCHES = 128
NAMES = {"train": "train", "validation": "valid", "test": "test"}
Piece = np.ndarray  # int64 (T, VOICES), pitches or REST


@dataclass(frozen=True)
class Chorales:
    """The pieces of one file.

    Attributes:
        name: the file's, without its suffix.
        splits: "train", "validation" and, if the file has it, "test" -> pieces.
    """

    name: str
    splits: dict[str, list[Piece]]

    def tokens(self, split: str) -> int:
        """Tokens that are scored: every voice of every step."""
        return sum(piece.size for piece in self.splits[split])


def read(path: Path) -> Chorales:
    """The set in a JSON file, without empty pieces.

    Raises:
        BadFile: if it cannot be read, has no training or validation pieces, or holds anything but steps of four voices.
    """
    if not path.exists():
        raise BadFile("not there").of(path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadFile("no JSON file", f"{error}".split("\n")[0]).of(path) from None
    values = values if isinstance(values, dict) else {}
    return Chorales(path.stem, splits_of(path, values, NAMES, partial(_pieces, path)))


def _pieces(path: Path, values: object, name: str) -> list[Piece]:
    """The pieces in one of the lists."""
    pieces = []
    for number, value in enumerate(values if isinstance(values, list) else [None], 1):
        try:
            piece = np.array(value if value != [] else np.zeros((0, VOICES)), np.float64)
        except (TypeError, ValueError):
            piece = np.zeros(0)
        is_whole = piece.ndim == 2 and piece.shape[1] == VOICES and bool((piece == np.round(piece)).all())
        if not is_whole or (piece < REST).any() or (piece >= PITCHES).any():
            raise BadFile(
                "no chorale",
                f"piece {number} of `{name}` is not a list of steps of {VOICES} MIDI pitches, -1 for a rest",
            ).of(path)
        pieces.append(piece.astype(np.int64))
    return pieces
