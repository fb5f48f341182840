"""The names of pitches: as people type and read them (Eb4), and as music21 spells them (E-4).

Middle C, MIDI number 60, is C4.
"""

from __future__ import annotations

import re

from musictool.music.score import PITCHES

MIDDLE_C = 60
LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}  # the pitch class of each white key
_SIGNS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
NAME = "([A-Ga-g])([#♯b♭]?)"  # a pitch class, as a pattern with two groups
_NOTE = re.compile(NAME + r"(-?\d+)")

PITCH_CLASSES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MAJOR_TONICS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")  # the usual name of each key
MINOR_TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
_MUSIC21_CLASSES = ("C", "C#", "D", "E-", "E", "F", "F#", "G", "G#", "A", "B-", "B")


def pitch_name(pitch: int) -> str:
    """Such as "Eb4" for 63; 0 is "C-1"."""
    return f"{PITCH_CLASSES[pitch % 12]}{pitch // 12 - 1}"


def pitch_of(name: str) -> int:
    """The MIDI number of a note name: C4 is 60, C-1 is 0. Raises ValueError for what is none."""
    match = _NOTE.fullmatch(name)
    pitch = class_of(match[1], match[2]) + 12 * (int(match[3]) + 1) if match else -1
    if not 0 <= pitch < PITCHES:
        raise ValueError(f"{name} is no note")
    return pitch


def class_of(letter: str, sign: str) -> int:
    """-1..12: a letter and its sign; C flat is below C."""
    return LETTERS[letter.upper()] + _SIGNS[sign]


def _music21_name(pitch: int) -> str:
    name, octave = _MUSIC21_CLASSES[pitch % 12], pitch // 12 - 1
    natural = "n" if octave < 0 and name in ("E", "B") else ""  # music21's E-1 would be E flat 1 as well
    return f"{name}{natural}{octave}"


# "-" is music21's flat: E-4 is E flat above middle C. Its names of MIDI numbers are all different but for two in the
# octave below the piano's lowest, which carry an n here: En-1 (number 4) and Bn-1 (number 11).
MUSIC21_NAMES = tuple(_music21_name(pitch) for pitch in range(PITCHES))
