"""A piece that is written by rule: a mode on a tonic, a tempo, a length, and the notes that a process puts into it.

Times are in quarter notes. All that is random comes from the name and the number of the piece.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from musictool.music.scales import SCALES
from musictool.music.score import METRE, TEMPO, TICKS_PER_QUARTER, Score, Track

SHORTEST_SECONDS, LONGEST_SECONDS = 120.0, 240.0
MODES = {**SCALES, "ionian": SCALES["major"], "aeolian": SCALES["minor"]}
SOFTEST, LOUDEST = 28, 118  # velocities


@dataclass(frozen=True)
class Scale:
    """Degrees of a mode as pitches: scale[0] is the tonic, scale[7] in a mode of seven tones an octave above it."""

    tonic: int
    steps: tuple[int, ...]

    def __getitem__(self, degree: int) -> int:
        octave, step = divmod(degree, len(self.steps))
        return self.tonic + 12 * octave + self.steps[step]

    def within(self, low: int, high: int, classes: Sequence[int] = ()) -> list[int]:
        """The pitches of some degrees (all, if none are named) from `low` to `high`, ascending."""
        named = {self[degree] % 12 for degree in classes or range(len(self.steps))}
        return [pitch for pitch in range(low, high + 1) if pitch % 12 in named]


class Draft:
    """A piece that is being written.

    Args:
        process, number: of the piece; all that is random comes of them.
        modes: names of modes to choose from.
        bpm: the slowest and the fastest tempo, in quarter notes per minute.

    Attributes:
        draw: random numbers.
        scale: a mode on a tonic from G3 to F#4.
        beats: how long the piece ought to be.
        end: when the last note so far ends.
    """

    def __init__(self, process: str, number: int, modes: Sequence[str], bpm: tuple[int, int]):
        self.draw = random.Random(f"{process} {number}")
        self.scale = Scale(self.draw.randrange(55, 67), MODES[self.draw.choice(modes)])
        self.bpm = self.draw.randrange(bpm[0], bpm[1] + 1, 2)
        self.beats = self.draw.uniform(SHORTEST_SECONDS, LONGEST_SECONDS) * self.bpm / 60
        self.end = 0.0
        self._shape = self.draw.choice(SHAPES)
        self._tracks: list[Track] = []
        self._metres: list[tuple[int, int, int]] = []
        self._notes: list[tuple[float, float, int, float, int]] = []

    def track(self, program: int) -> int:
        """One more player; returns the number of its track."""
        self._tracks.append(Track(program).with_metadata())
        return len(self._tracks) - 1

    def metre(self, onset: float, numerator: int, denominator: int = 4) -> None:
        """The metre from a bar line on; the same again is not repeated."""
        if not self._metres or self._metres[-1][1:] != (numerator, denominator):
            self._metres.append((round(onset * TICKS_PER_QUARTER), numerator, denominator))

    def note(self, track: int, onset: float, length: float, pitch: int, loudness: float = 0.6) -> None:
        """One note; loudness from 0 to 1 is what its part asks for, before the shape of the whole piece."""
        while pitch > 103:
            pitch -= 12
        while pitch < 28:
            pitch += 12
        self._notes.append((onset, length, pitch, loudness, track))
        self.end = max(self.end, onset + length)

    def score(self, title: str) -> Score:
        """The piece, with the dynamics of its shape, accents on bars and beats, and a hand that is not quite even."""
        onsets, lengths, pitches, loudness, tracks = (np.array(column) for column in zip(*self._notes, strict=True))
        whole = np.array([self._shape(onset / self.end) for onset in onsets])
        accent = np.where(onsets % 1 == 0, 3, 0) + np.where(onsets % 4 == 0, 3, 0)
        uneven = np.array([self.draw.gauss(0, 2) for _ in onsets])
        velocity = SOFTEST + (LOUDEST - SOFTEST) * loudness * whole + accent + uneven
        return Score.from_columns(
            np.round(onsets * TICKS_PER_QUARTER).astype(np.int64),
            np.round(lengths * TICKS_PER_QUARTER).astype(np.int64),
            pitches,
            np.clip(np.round(velocity), 20, 120).astype(np.int64),
            tracks,
            tracks=tuple(self._tracks),
            tempos=np.array([(0, self.bpm)], TEMPO),
            metres=np.array(self._metres or [(0, 4, 4)], METRE),
            title=title,
        )


SHAPES: tuple[Callable[[float], float], ...] = (
    lambda t: 1.0,  # level
    lambda t: 0.55 + 0.45 * min(1.0, 3 * t, 3 * (1 - t)),  # in and out
    lambda t: 0.5 + 0.5 * t,  # ever louder
    lambda t: 0.6 + 0.4 * np.sin(np.pi * t) ** 2,  # an arch
    lambda t: (0.65, 0.85, 1.0, 0.75)[min(3, int(4 * t))],  # terraces
)


# ---- what several processes need ----


def voiced(classes: Sequence[int], before: Sequence[int], low: int, high: int) -> list[int]:
    """A chord for as many voices as `before` had, ascending, each as near to where it was as can be.

    All pitch classes are sounded if there are voices enough, and no two voices meet.
    """
    pitches = [pitch for pitch in range(low, high + 1) if pitch % 12 in {each % 12 for each in classes}]
    best: list[int] = []
    least = float("inf")
    for start in range(len(pitches) - len(before) + 1):  # close positions
        chord = pitches[start : start + len(before)]
        moved = sum(abs(new - old) for new, old in zip(chord, before, strict=True))
        if moved < least:
            best, least = chord, moved
    return best


def harmonies(draft: Draft, count: int, tones: int = 3) -> list[list[int]]:
    """Pitch classes of some chords of the mode that share tones from one to the next; the first is the tonic's."""
    roots = [0]
    while len(roots) < count:
        step = draft.draw.choice((-2, 2, 2, -3, 3, 1))  # by thirds and fourths, sometimes by a second
        roots.append((roots[-1] + step) % len(draft.scale.steps))
        if len(roots) == count and roots[-1] == 0:
            roots.pop()
    return [[draft.scale[root + 2 * third] % 12 for third in range(tones)] for root in roots]


def swell(position: float) -> float:
    """Loudness through a breath, from 0 to 1 and back."""
    return float(np.sin(np.pi * min(max(position, 0.0), 1.0)))


def nearest(pitch: int, pitches: Sequence[int], above: bool) -> int:
    """The nearest of some pitches strictly above another, or below it."""
    side = [each for each in pitches if (each > pitch if above else each < pitch)]
    return (min(side) if above else max(side)) if side else pitch
