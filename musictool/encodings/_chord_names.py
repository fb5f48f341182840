"""Pitches as text, the way music21 spells them."""

from __future__ import annotations

from functools import cache

from musictool.music.score import PITCHES

_CLASSES = ("C", "C#", "D", "E-", "E", "F", "F#", "G", "G#", "A", "B-", "B")
MIDDLE_C = 60


def _pitch_name(pitch: int) -> str:
    name, octave = _CLASSES[pitch % 12], pitch // 12 - 1
    natural = "n" if octave < 0 and name in ("E", "B") else ""  # music21's E-1 would be E flat 1 as well
    return f"{name}{natural}{octave}"


# "-" is music21's flat: E-4 is E flat above middle C. Its names of MIDI numbers are all different but for two in the
# octave below the piano's lowest, which carry an n here: En-1 (number 4) and Bn-1 (number 11).
PITCH_NAMES = tuple(_pitch_name(pitch) for pitch in range(PITCHES))
_PITCH_OF = {name: pitch for pitch, name in enumerate(PITCH_NAMES)}


def chord_name(pitches: bytes, pitch_classes: bool = False) -> str:
    """ "C4.E4.G4" of MIDI numbers, low to high; with `pitch_classes` the normal order "0.4.7" if there are several."""
    if pitch_classes and len(pitches) > 1:
        return ".".join(map(str, normal_order(frozenset(pitch % 12 for pitch in pitches))))
    return ".".join(PITCH_NAMES[pitch] for pitch in pitches)


def chord_pitches(name: str) -> bytes:
    """The MIDI numbers that a chord_name stands for; pitch classes lie in the octave from middle C.

    Raises:
        ValueError: for text that is no such name.
    """
    parts = name.split(".")
    try:
        if parts[0].isdigit():
            return bytes(sorted(MIDDLE_C + int(part) % 12 for part in parts))
        return bytes(_PITCH_OF[part] for part in parts)
    except KeyError:
        raise ValueError(f"'{name}' is no chord") from None


@cache
def normal_order(classes: frozenset[int]) -> tuple[int, ...]:
    """The pitch classes in music21's normal order: {5, 9, 0} -> (5, 9, 0), F major."""
    from music21.chord import Chord

    return tuple(Chord(sorted(classes)).normalOrder)
