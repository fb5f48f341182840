"""The splits of a benchmark's file: training, validation and, in most files, test pieces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from musictool.errors import BadFile

Pieces = list[np.ndarray]  # (T, ...) each


def splits_of(
    path: Path,
    values: Mapping[str, Any],
    names: Mapping[str, str],
    pieces_of: Callable[[Any, str], Pieces],
    least: int = 1,
    a_piece: str = "piece",
) -> dict[str, Pieces]:
    """The pieces of each split, without those that are too short.

    Args:
        path: of the file.
        values: what the file holds.
        names: "train", "validation" and "test" -> their names in the file; it needs no test pieces.
        pieces_of: (what the file holds under a name, the name) -> pieces.
        least: rows that a piece has at least.
        a_piece: what such a piece is called.

    Raises:
        BadFile: if there are no training or no validation pieces.
    """
    splits = {}
    for split, name in names.items():
        pieces = [piece for piece in pieces_of(values[name], name) if len(piece) >= least] if name in values else []
        if pieces:
            splits[split] = pieces
        elif split != "test":
            raise BadFile("no pieces", f"`{name}` is missing or has no {a_piece}").of(path)
    return splits
