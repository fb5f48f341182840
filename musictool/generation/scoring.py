"""How likely a given piece is to a model: in nats, of each symbol, each note and each second of it.

`score_files` is the function behind `musictool score`. A piece is scored as the model's encoding writes it down, after
all that stands before; so its figures are those of a validation piece, and go beside the model's own. One honest limit:
nats a note and a second compare models of different encodings only as far as these keep the same notes and times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from musictool.encoding import Encoding
from musictool.vocabulary import LearnedEncoding
from musictool.errors import NoMusic
from musictool.generation.constraints import Constraints
from musictool.generation.primers import GRID_TICKS, encoded, left_out_ticks, semitones_moved
from musictool.models.model import Model
from musictool.music.score import Score
from musictool.reading import read_named

ANYTHING = Constraints()


@dataclass(frozen=True)
class Scored:
    """One piece and what a model says of it.

    Attributes:
        name: the file's name, with #2, #3, ... for its further pieces.
        music: the piece as it is in its file; or, if `is_own` is False, as the encoding tells it, at its own pitch, in
            its own tempo and metre where the encoding keeps none.
        nats: float64 (T,): how little each row was expected.
        onsets_ticks: int64 (T,): where in `music` each row takes effect.
        unknown: share of rows, 0..1, that the vocabulary lacks; the nearest that it has stands for each, if any.
        moved: semitones by which the model heard it higher, as it knows C major and A minor only.
        read_notes: how many notes the model read; None for all of `music`.
        is_own: whether it is known where in the file each row takes effect. If not, the bars are those of the piece as
            the encoding tells it, which may be longer or shorter.
        own_seconds: playing time of the file; None for that of `music`.
    """

    name: str
    music: Score
    nats: np.ndarray
    onsets_ticks: np.ndarray
    unknown: float = 0.0
    moved: int = 0
    read_notes: int | None = None
    is_own: bool = True
    own_seconds: float | None = None

    @property
    def notes(self) -> int:
        """Notes that the model read; of a piece that is not its own, some may be missing."""
        return len(self.music.notes) if self.read_notes is None else self.read_notes

    @property
    def seconds(self) -> float:
        """Playing time of the piece in its file."""
        return self.music.seconds if self.own_seconds is None else self.own_seconds

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
        return self.total / max(1, self.notes)

    @property
    def per_second(self) -> float:
        """Nats a second of music."""
        return self.total / max(1e-3, self.seconds)

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
            "notes": self.notes,
            "seconds": round(self.seconds, 3),
            "nats": self.total,
            "nats_per_row": self.per_row,
            "nats_per_note": self.per_note,
            "nats_per_second": self.per_second,
            "unknown": self.unknown,
            "moved_semitones": self.moved,
            "bars_of": "the file" if self.is_own else "the piece as the model reads it",
            "bars": [None if np.isnan(nats) else float(nats) for nats in self.bars],
        }


def score_files(
    model: Model,
    paths: Iterable[Path],
    skipped: Callable[[str], object] = lambda name: None,
    wanted: Constraints = ANYTHING,
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


def score_piece(model: Model, score: Score, name: str, wanted: Constraints = ANYTHING) -> Scored | None:
    """Score one piece, told what `score_files` says; None if it has no music that the model's encoding writes."""
    moved = semitones_moved(model, score)
    heard = score.transpose(moved)
    rows, unknown = encoded(model.encoding, heard)
    if not len(rows):
        return None
    nats = model.arch.surprisal(rows, wanted.guidance(model, moved))
    title = score.title or name
    notes = len(model.encoding.decode(rows).notes)
    onsets = _places_ticks(model.encoding, heard, rows)
    if onsets is not None:
        return Scored(name, replace(score, title=title), nats, onsets, unknown, moved, notes)
    music = model.encoding.decode(rows).transpose(-moved)
    if not len(music.tempos):
        music = replace(music, tempos=score.tempos)
    if not len(music.metres):
        music = replace(music, metres=score.metres)
    music = replace(music, title=title)
    return Scored(name, music, nats, model.encoding.positions(rows), unknown, moved, notes, False, score.seconds)


def _places_ticks(encoding: Encoding, score: Score, rows: np.ndarray) -> np.ndarray | None:
    """int64 (T,): where in a piece each of its rows takes effect; None if the encoding tells it in another time.

    Args:
        rows: (T, *shape), the piece encoded. Where its vocabulary lacks a word, the nearest that stands for it may
            take another time; so the times are those of the words themselves, in a vocabulary of this piece alone.
    """
    if isinstance(encoding, LearnedEncoding):
        most = next(each for each in fields(encoding.options) if each.name == "max_vocabulary").metadata["most"]
        encoding = type(encoding)(replace(encoding.options, max_vocabulary=most))
        encoding.fit([score])
        rows = encoding.encode(score)
    told, places = encoding.decode(rows), encoding.positions(rows)
    if not len(told.notes):
        return None
    lead = left_out_ticks(score, told)
    places, last = places + lead, int(told.notes["onset_ticks"].max()) + lead
    if encoding.stretches:
        seconds, where = np.unique(told.to_seconds(np.append(places, last)), return_inverse=True)
        ticks = np.array([score.to_ticks(time) for time in seconds], np.int64)[where]
        places, last = ticks[:-1], int(ticks[-1])
    own = score.notes if told.is_drum.any() else score.notes[~score.is_drum]
    return places if abs(int(own["onset_ticks"].max()) - last) <= GRID_TICKS else None
