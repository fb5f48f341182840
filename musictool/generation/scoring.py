"""How likely a given piece is to a model: in nats, of each symbol, each note and each second of it.

`score_files` is the function behind `musictool score`. A piece is scored as the model's encoding writes it down, after
all that stands before; so its figures are those of a validation piece, and go beside the model's own. One honest limit:
nats a note and a second compare models of different encodings only as far as these keep the same notes and times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from musictool.errors import NoMusic
from musictool.generation.guidance import Wanted
from musictool.generation.primers import encoded, semitones_moved
from musictool.models.model import Model
from musictool.music.score import Score
from musictool.readers._base import read_named

ANYTHING = Wanted()


@dataclass(frozen=True)
class Scored:
    """One piece and what a model says of it.

    Attributes:
        name: the file's name, with #2, #3, ... for its further pieces.
        music: the piece as the encoding tells it, at its own pitch, in its own tempo and metre where the encoding keeps
            none.
        nats: float64 (T,): how little each row was expected.
        onsets_ticks: int64 (T,): where in `music` each row takes effect.
        unknown: share of rows, 0..1, that the vocabulary lacks; the nearest that it has stands for each, if any.
        moved: semitones by which the model heard it higher, as it knows C major and A minor only.
    """

    name: str
    music: Score
    nats: np.ndarray
    onsets_ticks: np.ndarray
    unknown: float = 0.0
    moved: int = 0

    @property
    def total(self) -> float:
        """Nats of the whole piece."""
        return float(self.nats.sum())

    @property
    def per_row(self) -> float:
        """Nats a symbol or a time step."""
        return self.total / len(self.nats)

    @property
    def per_note(self) -> float:
        """Nats a note."""
        return self.total / max(1, len(self.music.notes))

    @property
    def per_second(self) -> float:
        """Nats a second of music."""
        return self.total / max(1e-3, self.music.seconds)

    @cached_property
    def bars(self) -> np.ndarray:
        """float64 (bars,): the mean nats of the rows of each bar; nan where none begins."""
        lines = self.music.bar_onsets_ticks()
        bar = (np.searchsorted(lines, self.onsets_ticks, side="right") - 1).clip(0)
        rows = np.bincount(bar, minlength=len(lines))[: len(lines)]
        nats = np.bincount(bar, self.nats, minlength=len(lines))[: len(lines)]
        return np.where(rows > 0, nats / np.maximum(rows, 1), np.nan)

    def surprising_bars(self, most: int = 3) -> list[tuple[int, float]]:
        """(number, counted from 1; mean nats of its rows) of the bars that were least expected, the least first."""
        order = np.argsort(-np.nan_to_num(self.bars, nan=-1.0), kind="stable")
        return [(int(bar) + 1, float(self.bars[bar])) for bar in order[:most] if not np.isnan(self.bars[bar])]

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "piece": self.name,
            "rows": len(self.nats),
            "notes": len(self.music.notes),
            "seconds": round(self.music.seconds, 3),
            "nats": self.total,
            "nats_per_row": self.per_row,
            "nats_per_note": self.per_note,
            "nats_per_second": self.per_second,
            "unknown": self.unknown,
            "moved_semitones": self.moved,
            "bars": [None if np.isnan(nats) else float(nats) for nats in self.bars],
        }


def score_files(
    model: Model,
    paths: Iterable[Path],
    skipped: Callable[[str], object] = lambda name: None,
    wanted: Wanted = ANYTHING,
) -> Iterator[Scored]:
    """Score every piece of some files.

    Args:
        skipped: told the name of each piece that has no music which the model's encoding writes.
        wanted: the density, histogram and label that the model is told the pieces have; nothing else of it counts.

    Raises:
        BadFile: for a file that cannot be read.
        BadOption, UnknownName: for what the model was not trained to be told.
        NoMusic: if no piece of all the files has such music.
    """
    found = False
    for path in paths:
        for number, score in enumerate(read_named(path).scores, 1):
            name = path.name if number == 1 else f"{path.name}#{number}"
            piece = score_piece(model, score, name, wanted)
            if piece is None:
                skipped(name)
            else:
                found = True
                yield piece
    if not found:
        raise NoMusic(f"nothing to score: no piece has music that the encoding {model.encoding.name} writes")


def score_piece(model: Model, score: Score, name: str, wanted: Wanted = ANYTHING) -> Scored | None:
    """Score one piece, told what `score_files` says; None if it has no music that the model's encoding writes."""
    moved = semitones_moved(model, score)
    rows, unknown = encoded(model.encoding, score.transpose(moved))
    if not len(rows):
        return None
    music = model.encoding.decode(rows).transpose(-moved)
    if not len(music.tempos):
        music = replace(music, tempos=score.tempos)
    if not len(music.metres):
        music = replace(music, metres=score.metres)
    title = replace(music, title=score.title or name)
    nats = model.arch.surprise(rows, wanted.guidance(model, moved))
    return Scored(name, title, nats, model.encoding.positions(rows), unknown, moved)
