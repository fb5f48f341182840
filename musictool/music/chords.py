"""Chords by name (C, F#m, Bb7, G/B), and what to compare notes with to hear which chord they make.

A chord is one of 24 triads, counted from C major: 0..11 major, 12..23 minor, each by its root; 24 is none. What a name
says besides is left out: sevenths, suspensions and the bass behind a slash. A diminished chord counts as the minor, and
an augmented one as the major. `*` and N.C. name none: no chord is asked for there.

Of several, each stands for a bar, and two with a comma between for its halves: "C,G/B Am F,G C". (So Band-in-a-Box
writes two chords in a bar; a slash names a bass already.)

TRIAD_WEIGHTS are for hearing a chord as T. Fujishima, "Realtime Chord Recognition of Musical Sound" (1999): it is the
triad to whose keys the notes come nearest, by the cosine of how much each pitch class sounds. Limit: the bass counts as
any note, and of four notes such as C6 = Am7 it is the one or the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from musictool.errors import BadOption
from musictool.music.pitches import NAME, PITCH_CLASSES, class_of
from musictool.music.score import CHORDS, PITCHES

TRIADS, NONE = CHORDS, CHORDS
_NO_CHORD = ("*", "n.c.", "nc")
_CHORD = re.compile(NAME + r"(maj|min|dim|aug|m|M|-|°|o|\+)?[\dMmajdsu#b+()°ø-]*(?:/" + NAME + ")?")
_MINOR = ("min", "m", "-", "dim", "°", "o")
_ROOT, _THIRD, _FIFTH = 1.0, 0.8, 0.9  # weights of a triad's keys


def parse_chord(name: str) -> int:
    """The triad of a name such as C, F#m, Bb7 or G/B; NONE of * and N.C. Raises BadOption for what is no name."""
    if name.lower() in _NO_CHORD:
        return NONE
    match = _CHORD.fullmatch(name)
    if not match:
        raise BadOption(f"'{name}' is no chord; write the root, and m for minor: C G/B Am F, or * for any")
    return class_of(match[1], match[2]) % 12 + 12 * (match[3] in _MINOR)


def parse_chords(text: str) -> tuple[int, ...]:
    """The triads of bars with spaces between, two for each bar: of its halves. Raises BadOption for no names, and for
    more than two in a bar."""
    if not text.split():
        raise BadOption("name at least one chord: C G/B Am F")
    halves: list[int] = []
    for bar in text.split():
        chords = [parse_chord(name or bar) for name in bar.split(",")]
        if len(chords) > 2:
            raise BadOption(f"'{bar}' has {len(chords)} chords in a bar, and two, as in C,G, are the most")
        halves += [chords[0], chords[-1]]
    return tuple(halves)


def whole_bars(halves: Sequence[int]) -> tuple[int, ...] | None:
    """The chord of each bar, of two for each bar; None where the two of a bar differ."""
    return tuple(halves[::2]) if halves[::2] == halves[1::2] else None


def symbols(named: Iterable[tuple[int, str]]) -> list[tuple[int, int]]:
    """(time, chord) of each (time, name) that stands above notes; other text is left out."""
    found = []
    for time, name in named:
        if name.lower() in _NO_CHORD or _CHORD.fullmatch(name):
            found.append((time, parse_chord(name)))
    return found


def chord_name(chord: int) -> str:
    """Such as C, Ebm; - for none."""
    return "-" if chord == NONE else PITCH_CLASSES[chord % 12] + "m" * (chord >= 12)


def _triads() -> np.ndarray:
    """float32 (12, 24): the weight of each pitch class in each triad, of the length 1."""
    triads = np.zeros((12, TRIADS), np.float32)
    for chord in range(TRIADS):
        root, third = chord % 12, 3 if chord >= 12 else 4
        triads[root, chord], triads[(root + third) % 12, chord], triads[(root + 7) % 12, chord] = _ROOT, _THIRD, _FIFTH
    return triads / np.linalg.norm(triads, axis=0)


def _vectors() -> np.ndarray:
    """float32 (25, 13): the root of each chord, and 1 for minor; zeros for none. As MidiNet (Yang 2017) has them."""
    vectors = np.zeros((TRIADS + 1, 13), np.float32)
    chords = np.arange(TRIADS)
    vectors[chords, chords % 12], vectors[12:TRIADS, 12] = 1, 1
    return vectors


TRIAD_WEIGHTS, VECTORS = _triads(), _vectors()
CLASS_OF_PITCH = np.eye(12, dtype=np.float32)[np.arange(PITCHES) % 12]  # (P, 12)
