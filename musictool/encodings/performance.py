"""Piano playing as a stream of key presses, releases, waits and changes of touch: the tokens of Performance RNN.

The vocabulary is fixed. With the default options it has the paper's 388 tokens in the order of its implementation, each
that implementation's number plus 3, the reserved tokens:

    3..130      press the key of MIDI pitch 0..127
    131..258    release it
    259..358    wait 10 ms, 20 ms, ..., 1 s
    359..390    whatever is pressed from now on has the velocity 2, 6, ..., 126: the middle of one of 32 bins, of which
                bin b is 4 b + 1 .. 4 b + 4

A longer wait is as many of 1 s as fit and the rest. With velocity=false there are no velocity tokens (V = 359), and
all is played at velocity 80. steps_per_second=50 makes waits of 20 ms, 40 ms, ..., 1 s.

Seconds count, not beats: a piece is written as its tempos play it, and comes back at 120 quarter notes per minute.
Times are rounded to the nearest 10 ms before waits are made of them, so errors never add up; a note lasts at least 10
ms. What happens at one time is written in this order: releases, low to high; presses by velocity bin, the softest
first, low to high within a bin, with a velocity token only where the bin is another than that of the press before.
Notes of all tracks are one stream. A pitch that is pressed again while it sounds, by another part or under the pedal,
is released as often as it was pressed, and a release ends the note that was pressed first.

Decoding takes any rows. A release of a pitch that does not sound means nothing. A press without a release, found as an
opening bracket without a closing one is found, ends where its pitch is pressed next, else with the stream, but after
5 s at the latest, as in the implementation: what a model forgets does not sound for minutes.

What is lost: which track plays what and programs; drums, which are left out; tempo, metre and beats; times finer than
10 ms and velocities finer than a bin; of two notes of one pitch, one sounding within the other, which one ends first.

Source: Simon and Oore, "Performance RNN: Generating Music with Expressive Timing and Dynamics" (2017); Oore et al.,
"This Time with Feeling" (2018); Huang et al., "Music Transformer" (2018). Limit: a note is nearly four rows and a
second of a pianist about forty, so that a window of a thousand rows holds 25 seconds; where a bar begins is not
written.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from musictool.encoding import Encoding, Spec, one_hot
from musictool.encodings._sections import Sections, interleaved
from musictool.music.grid import split_long
from musictool.music.score import DEFAULT_BPM, DEFAULT_VELOCITY, PITCHES, TEMPO, TICKS_PER_QUARTER, Score
from musictool.options import option

TICKS_PER_SECOND = int(TICKS_PER_QUARTER * DEFAULT_BPM / 60)  # of a decoded piece
UNRELEASED_SECONDS = 5  # that a press sounds at most which nothing releases
_WAITS = 10  # features: so many neighbouring waits share one


@dataclass(frozen=True)
class Options:
    """What can be set."""

    velocity: bool = option(True, "whether there are velocity tokens")
    velocity_bins: int = option(32, "number of velocity levels", least=2, most=127)
    steps_per_second: int = option(100, "steps of time in a second; 100: 10 ms each", least=10, most=200)


class Performance(Encoding):
    """Piano playing as presses, releases, waits and velocities: int32 (T,), one token per event."""

    name = "performance"
    kind = "tokens"
    Options = Options
    stretches = True

    def __init__(self, settings: Any = None):
        super().__init__(settings)
        self._steps_per_second = self.options.steps_per_second
        bins = self.options.velocity_bins if self.options.velocity else 0
        self.sections = Sections(on=PITCHES, off=PITCHES, wait=self._steps_per_second, velocity=bins)
        self._bins = (np.arange(PITCHES) - 1).clip(0) * bins // (PITCHES - 1)  # of each velocity
        edges = np.searchsorted(self._bins[1:], np.arange(bins + 1)) + 1
        self._velocities = (edges[:-1] + edges[1:] - 1) // 2  # of each bin

    @cached_property
    def spec(self) -> Spec:
        return Spec("tokens", (), self.sections.size, self._features())

    def encode(self, score: Score) -> np.ndarray:
        """int32 (T,): the events of all notes that are no drums, from tick 0 on; rests at the end are left out."""
        # the fields of each event
        events = self._events(score)
        steps, is_on, bins, pitch = events >> 15, events >> 14 & 1, events >> 7 & 127, events & 127
        first = self.sections.first
        waiting, waits = split_long(np.diff(steps, prepend=0), self._steps_per_second)
        # before each event its wait, and before a press of another touch than the last its velocity
        parts = [(waiting, first["wait"] + waits - 1)]
        if self.options.velocity:
            presses = np.flatnonzero(is_on)
            changes = presses[np.diff(bins[presses], prepend=-1) != 0]
            parts.append((changes, first["velocity"] + bins[changes]))
        parts.append((np.arange(len(events)), np.where(is_on, first["on"], first["off"]) + pitch))
        return interleaved(*parts)

    def decode(self, rows: np.ndarray) -> Score:
        """One piano track at 120 quarter notes per minute; velocity 80 before the first velocity token."""
        rows = np.asarray(rows, np.int64).reshape(-1)
        steps = self._steps(rows)
        is_on = self.sections.of_kind("on", rows)
        keys = np.flatnonzero(is_on | self.sections.of_kind("off", rows))
        pitch = (rows[keys] - self.sections.first["on"]) % PITCHES
        last, longest = int(steps[-1]) if len(steps) else 0, UNRELEASED_SECONDS * self._steps_per_second
        presses, ends = _notes(pitch, is_on[keys], steps[keys], last, longest)
        begin, end = self._to_ticks(steps[keys][presses]), self._to_ticks(ends)
        velocity = self._velocities_at(rows, keys[presses])
        tempo = np.array([(0, DEFAULT_BPM)], TEMPO)
        return Score.from_columns(begin, end - begin, pitch[presses], velocity, np.zeros(len(presses)), tempos=tempo)

    def transpose(self, rows: np.ndarray, semitones: int) -> np.ndarray:
        """Each press and release `semitones` higher, pitches off the end of 0..127 by octaves.

        Where a pitch goes off the end, keys pressed (or released) one right after the other are put in order again.
        """
        first = self.sections.first
        transposed = self.sections.transposition(("on", "off"), semitones, self.pitches)[rows]
        is_key = (rows >= first["on"]) & (rows < first["wait"])
        if not (is_key & (transposed - rows != semitones)).any():
            return transposed
        # within each run of neighbours of one kind, the keys are sorted again
        kinds = np.digitize(rows, list(first.values()))
        breaks = ~is_key
        breaks[..., 1:] |= kinds[..., 1:] != kinds[..., :-1]
        runs = np.cumsum(breaks, axis=-1)
        return (np.sort(runs * self.sections.size + transposed, axis=-1) % self.sections.size).astype(transposed.dtype)

    def positions(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,), ticks at 120 quarter notes per minute: the time of each event; of a wait, when it is over."""
        return self._to_ticks(self._steps(np.asarray(rows)))

    def onset_pitches(self) -> np.ndarray:
        """bool (V, P): the pitch of each press."""
        return self.sections.onset_pitches("on", self.pitches)

    def ends(self) -> np.ndarray:
        """bool (V, P): the pitch of each release."""
        return self.sections.onset_pitches("off", self.pitches)

    def stretch(self, rows: np.ndarray, factor: float) -> np.ndarray:
        """Each wait becomes the nearest to `factor` times as long, 10 ms to 1 s; so a second cannot become longer."""
        table = np.arange(self.sections.size, dtype=np.int32)
        steps = np.arange(1, self._steps_per_second + 1)
        stretched = np.floor(steps * factor + 0.5).clip(1, self._steps_per_second).astype(np.int32)
        table[self.sections.first["wait"] + steps - 1] = self.sections.first["wait"] + stretched - 1
        return table[rows]

    def _events(self, score: Score) -> np.ndarray:
        """int64 (2 N,), sorted: step, then whether a press, then velocity bin, then pitch, in bits 15, 14, 7 and 0."""
        notes = score.notes[~score.is_drum]
        onset_ticks = notes["onset_ticks"].astype(np.int64)
        seconds = score.to_seconds(np.concatenate([onset_ticks, onset_ticks + notes["duration_ticks"]]))
        steps = np.floor(seconds * self._steps_per_second + 0.5).astype(np.int64)
        onsets, pitch = steps[: len(notes)], notes["pitch"].astype(np.int64)
        ends = np.maximum(steps[len(notes) :], onsets + 1)
        presses = onsets << 15 | 1 << 14 | self._bins[notes["velocity"]] << 7 | pitch
        return np.sort(np.concatenate([presses, ends << 15 | pitch]))

    def _steps(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,): the time after each row."""
        waits = np.where(self.sections.of_kind("wait", rows), rows - (self.sections.first["wait"] - 1), 0)
        return np.cumsum(waits, dtype=np.int64)

    def _to_ticks(self, steps: np.ndarray) -> np.ndarray:
        """int64: rounded, by less than half a step, so that the step can be had back."""
        return (2 * steps * TICKS_PER_SECOND + self._steps_per_second) // (2 * self._steps_per_second)

    def _velocities_at(self, rows: np.ndarray, at: np.ndarray) -> np.ndarray:
        """The velocity that holds at each index of `rows`."""
        if not self.options.velocity:
            return np.full(len(at), DEFAULT_VELOCITY)
        changes = np.flatnonzero(self.sections.of_kind("velocity", rows))
        velocities = self._velocities[rows[changes] - self.sections.first["velocity"]]
        return np.append(DEFAULT_VELOCITY, velocities)[np.searchsorted(changes, at)]

    def _features(self) -> np.ndarray:
        """uint8 (V, 196 by default), 0 or 1: the kind (4), pitch (128) and pitch class (12) of presses and releases,
        the tens (10) and units (10) of a wait's steps less 1, the velocity bin (32)."""
        sections = self.sections
        pitch = np.maximum(sections.values("on"), sections.values("off"))
        wait = sections.values("wait")
        parts = [
            sections.kinds(),
            one_hot(pitch, PITCHES),
            one_hot(np.where(pitch < 0, -1, pitch % 12), 12),
            one_hot(wait // _WAITS, -(-self._steps_per_second // _WAITS)),
            one_hot(np.where(wait < 0, -1, wait % _WAITS), _WAITS),
            one_hot(sections.values("velocity"), sections.sizes["velocity"]),
        ]
        return np.concatenate(parts, axis=1)


def _notes(
    pitch: np.ndarray, is_on: np.ndarray, steps: np.ndarray, last: int, longest: int
) -> tuple[np.ndarray, np.ndarray]:
    """The notes of any presses and releases.

    Args:
        pitch, is_on, steps: int64, bool, int64 (E,), in order of time.
        last: the step on which the stream ends.
        longest: the steps of a note that is not released, at most.

    Returns:
        int64 (N,) each: the index of each press, and the step on which its note ends.
    """
    # the events pitch by pitch
    order = np.argsort(pitch, kind="stable")
    pitch, is_on, steps = pitch[order], is_on[order], steps[order]
    presses = np.flatnonzero(is_on)
    # without a release a note ends with the next press of its pitch, else with the stream, and is cut
    ends = np.full(len(pitch), last)
    again = np.flatnonzero(np.diff(pitch[presses]) == 0)
    ends[presses[again]] = steps[presses[again + 1]]
    ends = np.minimum(ends, steps + longest)
    released, releases = _balanced(pitch, is_on)
    ends[released] = steps[releases]
    return order[presses], np.maximum(ends[presses], steps[presses] + 1)


def _balanced(pitch: np.ndarray, is_on: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int64 (M,) each, indices of events sorted by pitch: the presses that are released, and their releases.

    Which presses have a release at all is found as for brackets: the two have the same depth, and nothing of that depth
    stands between them. Of those, the first pressed is the first released.
    """
    change = np.where(is_on, 1, -1)
    level = np.cumsum(change) - pitch * 2 * (len(pitch) + 1)  # each pitch lies deeper than all before it
    ground = (level - change)[np.searchsorted(pitch, pitch)]  # where the pitch began
    sounding = level - np.minimum(np.minimum.accumulate(level), ground)  # after the event; never below 0
    deep = pitch * (len(pitch) + 1) + sounding + ~is_on
    nested = np.argsort(deep, kind="stable")
    pairs = (np.diff(deep[nested]) == 0) & is_on[nested[:-1]]
    return np.sort(nested[:-1][pairs]), np.sort(nested[1:][pairs])
