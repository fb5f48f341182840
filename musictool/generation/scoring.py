"""How likely a given piece is to a model: its surprisal, in nats per token, per note and per second.

`score_files` is the function behind `musictool score`. A piece is scored as the model's encoding writes it, each row
given all rows before it; so its figures are comparable with the model's validation loss. Limit: nats per note and per
second compare models of different encodings only as far as these keep the same notes and times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from musictool.arch import HiddenStatesArch
from musictool.encoding import Encoding
from musictool.errors import NoMusic
from musictool.generation.guidance import guidance_of
from musictool.generation.primers import encode_nearest
from musictool.generation.request import Constraints
from musictool.models.model import Model
from musictool.music.bar_positions import BarPositions
from musictool.music.grid import GRID_TICKS, leading_silence_ticks
from musictool.music.score import Score
from musictool.progress import Progress
from musictool.reading import read_named
from musictool.sampling.guidance import Guidance
from musictool.vocabulary import LearnedEncoding

NO_CONSTRAINTS = Constraints()


@dataclass(frozen=True)
class Scored:
    """One piece and how likely it is to a model.

    Attributes:
        name: the file's name, with #2, #3, ... for its further pieces.
        music: the piece as it is in its file; or, if `is_aligned` is False, as decoded from its rows, at its own pitch,
            in its own tempo and metre where the encoding keeps none.
        surprisal: float64 (T,), nats: how unlikely each row was, given those before it.
        onsets_ticks: int64 (T,): where in `music` each row takes effect.
        unknown: share of rows, 0..1, that the vocabulary lacks; the nearest that it has stands for each, if any.
        transposition: semitones by which the model read it higher, as it knows C major and A minor only.
        read_notes: how many notes the model read; None for all of `music`.
        is_aligned: whether it is known where in the file each row takes effect. If not, the bars are those of the piece
            as decoded, which may be longer or shorter.
        file_seconds: playing time of the file; None for that of `music`.
        states: int64 (T,), the likeliest hidden state of the model at each row; None for a model without any.
    """

    name: str
    music: Score
    surprisal: np.ndarray
    onsets_ticks: np.ndarray
    unknown: float = 0.0
    transposition: int = 0
    read_notes: int | None = None
    is_aligned: bool = True
    file_seconds: float | None = None
    states: np.ndarray | None = None

    @property
    def notes(self) -> int:
        """Notes that the model read; of a piece that is not aligned, some may be missing."""
        return len(self.music.notes) if self.read_notes is None else self.read_notes

    @property
    def seconds(self) -> float:
        """Playing time of the piece in its file."""
        return self.music.seconds if self.file_seconds is None else self.file_seconds

    @property
    def total(self) -> float:
        """Nats of the whole piece."""
        return float(self.surprisal.sum())

    @property
    def per_row(self) -> float:
        """Nats per token or time step."""
        return self.total / len(self.surprisal)

    @property
    def per_note(self) -> float:
        """Nats per note."""
        return self.total / max(1, self.notes)

    @property
    def per_second(self) -> float:
        """Nats per second of music."""
        return self.total / max(1e-3, self.seconds)

    @cached_property
    def bars(self) -> np.ndarray:
        """float64 (bars,): the mean nats of the rows of each bar; nan where none begins."""
        lines = self.music.bar_onsets_ticks()
        bar = (np.searchsorted(lines, self.onsets_ticks, side="right") - 1).clip(0)
        rows = np.bincount(bar, minlength=len(lines))[: len(lines)]
        nats = np.bincount(bar, self.surprisal, minlength=len(lines))[: len(lines)]
        return np.where(rows > 0, nats / np.maximum(rows, 1), np.nan)

    def surprising_bars(self, most: int = 3) -> list[tuple[int, float]]:
        """(number, counted from 1; mean nats of its rows) of the least expected bars, the worst first."""
        order = np.argsort(-np.nan_to_num(self.bars, nan=-1.0), kind="stable")
        return [(int(bar) + 1, float(self.bars[bar])) for bar in order[:most] if not np.isnan(self.bars[bar])]

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "piece": self.name,
            "rows": len(self.surprisal),
            "notes": self.notes,
            "seconds": round(self.seconds, 3),
            "nats": self.total,
            "nats_per_row": self.per_row,
            "nats_per_note": self.per_note,
            "nats_per_second": self.per_second,
            "unknown": self.unknown,
            "moved_semitones": self.transposition,
            "bars_of": "the file" if self.is_aligned else "the piece as the model reads it",
            "bars": [None if np.isnan(nats) else float(nats) for nats in self.bars],
            **({} if self.states is None else {"states": self.states.tolist()}),
        }


def score_files(
    model: Model,
    paths: Iterable[Path],
    skipped: Callable[[str], object] = lambda name: None,
    constraints: Constraints = NO_CONSTRAINTS,
    progress: Progress = lambda done, total: None,
) -> Iterator[Scored]:
    """Score every piece of some files.

    Args:
        skipped: called with the name of each piece that has no music which the model's encoding writes.
        constraints: the density, histogram and label of the pieces, for a model with conditions; its other fields are
            ignored.
        progress: called with how many rows of a piece are scored, and how many it has.

    Raises:
        BadFile: for a file that cannot be read.
        BadOption, UnknownName: for a condition that the model was not trained with.
        NoMusic: if no piece of all the files has such music.
    """
    count = 0
    for path in paths:
        for number, score in enumerate(read_named(path).scores, 1):
            name = path.name if number == 1 else f"{path.name}#{number}"
            piece = score_piece(model, score, name, constraints, progress)
            if piece is None:
                skipped(name)
            else:
                count += 1
                yield piece
    if not count:
        raise NoMusic(f"nothing to score: no piece has music that the encoding {model.encoding.name} writes")


def score_piece(
    model: Model,
    score: Score,
    name: str,
    constraints: Constraints = NO_CONSTRAINTS,
    progress: Progress = lambda done, total: None,
) -> Scored | None:
    """Score one piece, see `score_files`; None if it has no music that the model's encoding writes."""
    encoded = _encoded(model, score, constraints)
    if encoded is None:
        return None
    rows, model_score, transposition, unknown, guidance = encoded
    arch = model.player(model.engine_for(len(rows)))
    parts: list[np.ndarray] = []
    for part in arch.surprisal_in_parts(rows, guidance):
        parts.append(part)
        progress(sum(map(len, parts)), len(rows))
    surprisal = np.concatenate(parts)
    states = arch.likeliest_states(rows) if isinstance(arch, HiddenStatesArch) else None
    title = score.title or name
    decoded = model.encoding.decode(rows)
    onsets = _onsets_ticks(model.encoding, model_score, rows)
    if onsets is not None:
        music = replace(score, title=title)
        return Scored(name, music, surprisal, onsets, unknown, transposition, len(decoded.notes), states=states)
    music = replace(
        decoded.transpose(-transposition),
        tempos=decoded.tempos if len(decoded.tempos) else score.tempos,
        metres=decoded.metres if len(decoded.metres) else score.metres,
        title=title,
    )
    onsets = model.encoding.positions(rows)
    counts = unknown, transposition, len(decoded.notes)
    return Scored(name, music, surprisal, onsets, *counts, False, score.seconds, states)


def surprisals(model: Model, scores: Sequence[Score]) -> list[tuple[Score, np.ndarray]]:
    """The surprisal of the rows of several pieces, nats float64 (T,), alone, and so several times as fast; without the
    pieces that have no music which the model's encoding writes. Raises BadOption as `Arch.surprisal`."""
    encoded = [(score, _encoded(model, score, NO_CONSTRAINTS)) for score in scores]
    pieces = [(score, piece.rows, piece.guidance) for score, piece in encoded if piece is not None]
    lengths = [len(rows) for _, rows, _ in pieces]
    engine = model.engine_for(sum(lengths) / max(1, len(lengths)), len(lengths))
    surprisals = model.player(engine).surprisals([rows for _, rows, _ in pieces], [each for *_, each in pieces])
    return list(zip([score for score, *_ in pieces], surprisals, strict=True))


class _Encoded(NamedTuple):
    """A piece as a model reads it: (T, *shape); the same before it was encoded; how many semitones higher that is; the
    share of rows, 0..1, that the vocabulary lacks; and what is known of the piece besides."""

    rows: np.ndarray
    score: Score
    transposition: int
    unknown: float
    guidance: Guidance


def _encoded(model: Model, score: Score, constraints: Constraints) -> _Encoded | None:
    """None for a piece that has no music which the model's encoding writes."""
    transposition = model.semitones_for(score)
    model_score = score.transpose(transposition)
    rows, unknown = encode_nearest(model.encoding, model_score)
    if not len(rows):
        return None
    guidance = guidance_of(model, constraints, transposition)
    if (rows_per_quarter := model.encoding.rows_per_quarter) is not None:
        guidance = replace(guidance, bar_positions=BarPositions((score.metres,), rows_per_quarter))
    return _Encoded(rows, model_score, transposition, unknown, guidance)


def _onsets_ticks(encoding: Encoding, score: Score, rows: np.ndarray) -> np.ndarray | None:
    """int64 (T,): where in a piece each of its rows takes effect; None if the encoding writes it in another time.

    Args:
        rows: (T, *shape), the piece encoded. Where its vocabulary lacks a token, the nearest that stands for it may
            take another time; so the times are those of a vocabulary of this piece alone.
    """
    if isinstance(encoding, LearnedEncoding):
        most = next(field for field in fields(encoding.options) if field.name == "max_vocabulary").metadata["most"]
        encoding = type(encoding)(replace(encoding.options, max_vocabulary=most))
        encoding.fit([score])
        rows = encoding.encode(score)
    decoded, onsets = encoding.decode(rows), encoding.positions(rows)
    if not len(decoded.notes):
        return None
    # times as decoded, from the first note of the file on
    silence = leading_silence_ticks(score, decoded)
    onsets, last = onsets + silence, int(decoded.notes["onset_ticks"].max()) + silence
    if encoding.stretches:  # it counts seconds: to the file's own beats, by its own tempos
        seconds, index = np.unique(decoded.to_seconds(np.append(onsets, last)), return_inverse=True)
        ticks = np.array([score.to_ticks(time) for time in seconds], np.int64)[index]
        onsets, last = ticks[:-1], int(ticks[-1])
    # they are the file's if its last note stands where the last decoded one does
    notes = score.notes if decoded.is_drum.any() else score.notes[~score.is_drum]
    return onsets if abs(int(notes["onset_ticks"].max()) - last) <= GRID_TICKS else None
