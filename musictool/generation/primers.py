"""What a sample continues: a music file, notes typed by hand, or one of the openings that a model keeps."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from musictool.encoding import UNKNOWN, Encoding
from musictool.errors import BadFile
from musictool.generation.request import is_file
from musictool.models.model import Model
from musictool.music.pitches import pitch_of
from musictool.music.score import METRE, Score, bar_ticks
from musictool.reading import read_named, suffixes
from musictool.vocabulary import LearnedEncoding

log = logging.getLogger(__name__)

_SHORTEST_QUARTERS, _LONGEST_QUARTERS = Fraction(1, 64), 64  # of a typed note
_LENGTH = re.compile(r"\d{1,9}(/\d{1,9}|\.\d{1,9})?|\.\d{1,9}")
_REST = ("R", "REST")


def read_primer(primer: Path | str) -> Score:
    """The music of a file, or if there is no such file, of notes such as "C4 E4 G4:2".

    Raises:
        BadFile: for text that is neither, or a file that cannot be read.
    """
    if is_file(primer) or isinstance(primer, Path):
        pieces = read_named(Path(primer)).scores
        if len(pieces) > 1:
            log.warning("%s has %d pieces; the first of them is the primer", primer, len(pieces))
        return pieces[0]
    try:
        return typed(primer)
    except ValueError as error:
        reason = "there is no such file" if Path(primer).suffix.lower() in suffixes() else error
        raise BadFile(
            "no primer", f"'{primer}' is neither a music file nor notes such as \"C4 E4 G4:2 C4+E4+G4\" ({reason})"
        ) from None


def typed(text: str) -> Score:
    """The music of "C4 Eb4:0.5 R:1/2 C4+E4+G4:2": notes one after another, each a quarter note long.

    A colon gives another length, in quarter notes; + makes chords; R is a rest.

    Raises:
        ValueError: for other text, or for text without a note.
    """
    notes, time = [], Fraction(0)
    for note in filter(None, re.split(r"[\s,]+", text)):
        names, colon, length = note.partition(":")
        quarters = _quarters(note, length) if colon else Fraction(1)
        if "" in names.split("+"):
            raise ValueError(f"{note} lacks a note")
        if names.upper() not in _REST:
            notes += [(pitch_of(name), float(time), float(quarters)) for name in names.split("+")]
        time += quarters
    if not notes:
        raise ValueError("there are only rests" if time else "there are no notes")
    return Score.from_notes(notes)


def _quarters(note: str, length: str) -> Fraction:
    """A length in quarter notes, as 2, 0.5 or 1/2."""
    try:
        quarters = Fraction(length if _LENGTH.fullmatch(length) else 0)
    except ZeroDivisionError:
        quarters = Fraction(0)
    if not _SHORTEST_QUARTERS <= quarters <= _LONGEST_QUARTERS:
        raise ValueError(f"the length of {note} is none from {_SHORTEST_QUARTERS} to {_LONGEST_QUARTERS} quarter notes")
    return quarters


def encode_nearest(encoding: Encoding, score: Score) -> tuple[np.ndarray, float]:
    """The rows of a piece, and the share of them, 0..1, that the vocabulary lacks; the nearest stand for these."""
    if isinstance(encoding, LearnedEncoding):
        tokens = encoding.find(encoding.token_bytes(score))
        return np.abs(tokens), float((tokens < 0).mean()) if len(tokens) else 0.0
    rows = encoding.encode(score)
    unknown = rows == UNKNOWN if encoding.kind == "tokens" else np.zeros(1)
    return rows, float(unknown.mean()) if len(rows) else 0.0


def model_primers(model: Model, num: int, length: int | None, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Openings drawn from those that the model keeps: spec.dtype (T, *spec.shape) and METRE of each of `num`; T is 0 if
    it keeps none.

    Args:
        length: rows of each at most; None for as many as there are up to the last bar line, where it is known.
    """
    openings = [opening for opening in zip(model.primers, model.primer_metres, strict=True) if len(opening[0])]
    if not openings:
        return [(np.zeros((0, *model.spec.shape), model.spec.dtype), np.zeros(0, METRE))] * num
    drawn = [openings[i] for i in np.random.default_rng((seed, 1)).integers(0, len(openings), num).tolist()]
    if length is not None:
        return [(rows[:length], metres) for rows, metres in drawn]
    return [(_up_to_bar_line(model.encoding, rows, metres), metres) for rows, metres in drawn]


def _up_to_bar_line(encoding: Encoding, rows: np.ndarray, metres: np.ndarray) -> np.ndarray:
    """The rows before the last bar line, so that what goes on begins on it; all of them if none but the first is known.

    Args:
        metres: METRE, where the rows do not say it.
    """
    music = encoding.decode(rows)
    if not len(music.metres) and encoding.rows_per_quarter is not None:
        music = replace(music, metres=metres)
    if not len(music.metres):
        return rows
    positions = encoding.positions(rows)
    lines = music.bar_onsets_ticks(int(positions[-1]) + 1)
    first = np.searchsorted(positions, lines)  # of each bar, the row with which it begins
    begins = first[(first > 0) & (positions[np.minimum(first, len(rows) - 1)] == lines)]
    return rows[: begins[-1]] if len(begins) else rows


def metres_of_beginning(metres: np.ndarray) -> np.ndarray:
    """Of the METRE of a piece, what holds in its first bar: one metre, and where it begins again behind an upbeat."""
    first = metres[:1]
    ticks = [bar_ticks(int(metre["numerator"]), int(metre["denominator"])) for metre in first]
    return metres[metres["onset_ticks"] < sum(ticks)] if len(first) else metres
