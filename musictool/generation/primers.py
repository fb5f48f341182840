"""What a sample goes on from: a music file, notes typed by hand, or one of the openings that a model keeps."""

from __future__ import annotations

import logging
import re
from fractions import Fraction
from pathlib import Path

import numpy as np

from musictool.corpus.keys import key_index
from musictool.encoding import UNKNOWN, Encoding
from musictool.encodings._learned import LearnedEncoding
from musictool.errors import BadFile
from musictool.models.model import Model
from musictool.music.key import TO_C, semitones_to_c
from musictool.music.scales import pitch_of
from musictool.music.score import TICKS_PER_QUARTER, Score
from musictool.reading import read_named, suffixes

log = logging.getLogger(__name__)

_SHORTEST_QUARTERS, _LONGEST_QUARTERS = Fraction(1, 64), 64  # of a typed note
_LENGTH = re.compile(r"\d{1,9}(/\d{1,9}|\.\d{1,9})?|\.\d{1,9}")
_REST = ("R", "REST")
GRID_TICKS = TICKS_PER_QUARTER // 4  # that an encoding's grid moves the end of a piece, at most
_LEAD_TICKS = TICKS_PER_QUARTER // 24  # what is less was moved onto a grid


def is_file(primer: Path | str) -> bool:
    """Whether a primer is a file and not notes."""
    try:
        return Path(primer).is_file()
    except OSError:  # too many notes for a file name
        return False


def read_primer(primer: Path | str) -> Score:
    """A music file, or if there is none of this name, the notes that it spells.

    Raises:
        BadFile: for what is neither, or a file that cannot be read.
    """
    if is_file(primer) or isinstance(primer, Path):
        pieces = read_named(Path(primer)).scores
        if len(pieces) > 1:
            log.warning("%s has %d pieces; the first of them is the primer", primer, len(pieces))
        return pieces[0]
    try:
        return typed(primer)
    except ValueError as why:
        error = "there is no such file" if Path(primer).suffix.lower() in suffixes() else why
        raise BadFile(
            "no primer", f"'{primer}' is neither a music file nor notes such as \"C4 E4 G4:2 C4+E4+G4\" ({error})"
        ) from None


def typed(text: str) -> Score:
    """The music of "C4 Eb4:0.5 R:1/2 C4+E4+G4:2": notes one after another, each a quarter note long.

    Behind a colon stands another length, in quarter notes; + makes chords; R is a rest.

    Raises:
        ValueError: for what is no such text, or has no note.
    """
    notes, time = [], Fraction(0)
    for word in filter(None, re.split(r"[\s,]+", text)):
        names, colon, length = word.partition(":")
        quarters = _quarters(word, length) if colon else Fraction(1)
        if "" in names.split("+"):
            raise ValueError(f"{word} lacks a note")
        if names.upper() not in _REST:
            notes += [(pitch_of(name), float(time), float(quarters)) for name in names.split("+")]
        time += quarters
    if not notes:
        raise ValueError("there are only rests" if time else "there are no notes")
    return Score.from_notes(notes)


def _quarters(word: str, length: str) -> Fraction:
    """A length in quarter notes, as 2, 0.5 or 1/2."""
    try:
        quarters = Fraction(length if _LENGTH.fullmatch(length) else 0)
    except ZeroDivisionError:
        quarters = Fraction(0)
    if not _SHORTEST_QUARTERS <= quarters <= _LONGEST_QUARTERS:
        raise ValueError(f"the length of {word} is none from {_SHORTEST_QUARTERS} to {_LONGEST_QUARTERS} quarter notes")
    return quarters


def semitones_moved(model: Model, score: Score | None, key: int | None = None) -> int:
    """How far the user's music is moved for a model that knows C major and A minor only; for another, 0.

    Args:
        score: the user's own; None if there is none, and then
        key: the key that is asked for, an index into KEY_NAMES; None for any.
    """
    if model.info["training"]["wishes"]["transpose"] != TO_C:
        return 0
    if score is not None:
        key = key_index(score)
    return 0 if key is None else semitones_to_c(key)


def encoded(encoding: Encoding, score: Score) -> tuple[np.ndarray, float]:
    """The rows of a piece, and the share of them, 0..1, that the vocabulary lacks; the nearest stand for these."""
    if isinstance(encoding, LearnedEncoding):
        ids = encoding.find(encoding.words(score))
        return np.abs(ids), float((ids < 0).mean()) if len(ids) else 0.0
    rows = encoding.encode(score)
    unknown = rows == UNKNOWN if encoding.kind == "tokens" else np.zeros(1)
    return rows, float(unknown.mean()) if len(rows) else 0.0


def left_out_ticks(given: Score, heard: Score) -> int:
    """Ticks of silence before the first note of a piece that are missing where it was encoded and decoded.

    An encoding that writes tempos or metres leaves none out.
    """
    if len(heard.tempos) or len(heard.metres) or not len(heard.notes):
        return 0
    notes = given.notes if heard.is_drum.any() else given.notes[~given.is_drum]
    left_out = notes["onset_ticks"].min() - heard.notes["onset_ticks"].min()
    return max(0, round(left_out / _LEAD_TICKS) * _LEAD_TICKS)


def as_heard(model: Model, score: Score) -> Score:
    """A piece in the key in which the model hears it."""
    return score.transpose(semitones_moved(model, score))


def own_primers(model: Model, num: int, length: int | None, seed: int) -> np.ndarray:
    """spec.dtype (num, T, *spec.shape): openings drawn from those that the model keeps; T = 0 if it keeps none.

    Args:
        length: rows of each at most; None for as many as all of them have.
    """
    own = [rows for rows in model.primers if len(rows)]
    if not own:
        return np.zeros((num, 0, *model.spec.shape), model.spec.dtype)
    drawn = np.random.default_rng((seed, 1)).integers(0, len(own), num)
    shortest = min(len(own[i]) for i in drawn)
    return np.stack([own[i][: shortest if length is None else min(length, shortest)] for i in drawn])
