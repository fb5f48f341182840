"""What a sample goes on from: a music file, notes typed by hand, or one of the openings that a model keeps."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np

from musictool.errors import BadFile
from musictool.key import key_index, semitones_to_c
from musictool.model import Model
from musictool.readers._base import read_named
from musictool.scales import pitch_of
from musictool.score import Score
from musictool.wishes import TO_C

_LONGEST_QUARTERS = 64  # of a typed note
_REST = ("R", "REST")


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
        return read_named(Path(primer)).scores[0]
    try:
        return typed(primer)
    except ValueError as error:
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
    for word in re.split(r"[\s,]+", text.strip()):
        names, colon, length = word.partition(":")
        try:
            quarters = Fraction(length) if colon else Fraction(1)
        except ZeroDivisionError:
            quarters = Fraction(0)
        if not 0 < quarters <= _LONGEST_QUARTERS:
            raise ValueError(f"{word} has no length from 0 to {_LONGEST_QUARTERS} quarter notes")
        if names.upper() not in _REST:
            notes += [(pitch_of(name), float(time), float(quarters)) for name in names.split("+")]
        time += quarters
    if not notes:
        raise ValueError("there are only rests")
    return Score.from_notes(notes)


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
