"""Music cut wherever a note begins or ends, each slice written by its parts: what note-chord and chord-roll share.

A slice is a duration, and behind it every pitch that sounds until it is over, low to high, each struck or held over
from the slice before. That is what music21's `chordify` makes of a piece. A network that predicts token after token
draws a chord pitch by pitch, each given the duration and the pitches below, so any chord can be written, and its
likelihood is exact: the product over its tokens.

The tokens of this family, one behind another:

    duration    a slice begins here; 1, 2, ... steps
    struck      a pitch, 21 (A0) .. 108 (C8), that begins with the slice
    held        the same, of a pitch that goes on sounding
    metre       a bar begins here, of one of 16 metres; before any it is 4/4
    position    the slice behind it is 0, 1, ... steps after the beginning of its bar

Decoding takes any rows. Only durations make time pass; metres and positions are for the model to read. A pitch before
the first duration, and a held one that did not sound in the slice before, mean nothing; of a pitch that stands twice in
a slice one is enough, struck rather than held.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from musictool.encoding import Encoding, Spec, one_hot
from musictool.encodings._bars import METRES, Bars
from musictool.encodings._sections import Sections, interleaved
from musictool.music.grid import in_steps, split_long, strikes_of, to_ticks
from musictool.music.score import DEFAULT_VELOCITY, KEYBOARD, ON_KEYBOARD, PITCHES, Score
from musictool.ragged import one_by_one

_LENGTHY = np.zeros(PITCHES, bool)  # no pitch is percussive


class Slices(Encoding):
    """Such an encoding: int32 (T,), a duration and the pitches that sound for each slice.

    Args:
        settings: with steps_per_quarter.
        longest: steps of a slice at most; a longer one is several, all but the first of held pitches.
        positions: whether the metre and the position in the bar are written.
    """

    kind = "tokens"
    pitches = KEYBOARD

    def __init__(self, settings: Any, longest: int, positions: bool):
        super().__init__(settings)
        self._longest, self._positions = longest, positions
        self._bars = Bars(self.options.steps_per_quarter)
        self.sections = Sections(
            duration=longest,
            struck=len(KEYBOARD),
            held=len(KEYBOARD),
            metre=len(METRES) * positions,
            position=int(self._bars.steps.max()) * positions,
        )

    @cached_property
    def spec(self) -> Spec:
        return Spec("tokens", (), self.sections.size, self._features())

    def encode(self, score: Score) -> np.ndarray:
        """int32 (T,): the slices of all notes that are no drums, from tick 0 to the end of the last."""
        notes, first = score.notes[~score.is_drum], self.sections.first
        if not len(notes):
            return np.zeros(0, np.int32)
        keys, steps = ON_KEYBOARD[notes["pitch"]].astype(np.int64), in_steps(notes, self.options.steps_per_quarter)
        keys, onsets, lengths = strikes_of(keys, *steps, _LENGTHY)
        ends = onsets + lengths
        # the times at which a slice begins, and the end of the last: where anything changes, and where one is too long
        changes, metres = self._bars.changes(score, int(ends.max()) - 1 if self._positions else -1)
        times = np.unique(np.concatenate([[0], onsets, ends, changes]))
        _, durations = split_long(np.diff(times), self._longest)
        times = np.append(0, np.cumsum(durations))
        # which note sounds in which slices; it is struck in the first of them
        begins = np.searchsorted(times, onsets)
        note, nth = one_by_one(np.searchsorted(times, ends) - begins)
        # places to sort by: in each slice one for what opens it, then one for each key
        heads = np.arange(len(durations)) * (len(KEYBOARD) + 1)
        parts = []
        if self._positions:
            positions = self._bars.positions(times[:-1], changes, metres)
            parts.append((heads[np.searchsorted(times, changes)], first["metre"] + metres))
            parts.append((heads, first["position"] + positions))
        key = keys[note] - KEYBOARD.start
        parts.append((heads, first["duration"] + durations - 1))
        parts.append((heads[begins[note] + nth] + 1 + key, np.where(nth == 0, first["struck"], first["held"]) + key))
        return interleaved(*parts)

    def decode(self, rows: np.ndarray) -> Score:
        """One piano track at velocity 80, and the metres that are named."""
        rows, sections = np.asarray(rows, np.int64).reshape(-1), self.sections
        is_duration, slices = self._slices(rows)
        times = np.append(0, np.cumsum(rows[is_duration] - sections.first["duration"] + 1))
        is_struck, is_held = sections.of_kind("struck", rows), sections.of_kind("held", rows)
        sounds = (is_struck | is_held) & (slices >= 0)
        key = rows - np.where(is_struck, sections.first["struck"], sections.first["held"])
        # what sounds, key by key and slice by slice, each once, struck rather than held
        order = np.lexsort((is_held[sounds], slices[sounds], key[sounds]))
        key, at, held = (column[sounds][order] for column in (key, slices, is_held))
        new = (np.diff(key, prepend=-1) != 0) | (np.diff(at, prepend=-1) != 0)
        key, at, held = key[new], at[new], held[new]
        # a note goes on where its key is held in the very next slice; one that nothing struck is none
        goes_on = held & (np.diff(key, prepend=-1) == 0) & (np.diff(at, prepend=-1) == 1)
        firsts = np.flatnonzero(~goes_on)
        lasts = np.append(firsts[1:], len(key))[: len(firsts)] - 1
        firsts, lasts = firsts[~held[firsts]], lasts[~held[firsts]]
        begin, end = (
            to_ticks(steps, self.options.steps_per_quarter) for steps in (times[at[firsts]], times[at[lasts] + 1])
        )
        velocities = np.full(len(firsts), DEFAULT_VELOCITY)
        pitches = key[firsts] + KEYBOARD.start
        return Score.from_columns(
            begin, end - begin, pitches, velocities, velocities * 0, metres=self._metres(rows, times)
        )

    def transpose(self, rows: np.ndarray, semitones: int) -> np.ndarray:
        """Each pitch `semitones` higher, those that leave 21..108 by octaves."""
        return self.sections.transposition(("struck", "held"), semitones, KEYBOARD)[rows]

    def positions(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,), ticks: where the slice begins that each row is in; before a duration still the one before."""
        rows = np.asarray(rows, np.int64)
        is_duration, slices = self._slices(rows)
        steps = rows[is_duration] - self.sections.first["duration"] + 1
        begins = np.append(0, np.cumsum(steps) - steps)  # with one for what stands before the first slice
        return to_ticks(begins[slices + 1], self.options.steps_per_quarter)

    def onset_pitches(self) -> np.ndarray:
        """bool (V, P): the pitch of each struck token."""
        return self.sections.onset_pitches("struck", KEYBOARD)

    def _slices(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """bool (T,), which rows are durations, and int64 (T,), the slice that each is in, -1 before the first."""
        is_duration = self.sections.of_kind("duration", rows)
        return is_duration, np.cumsum(is_duration) - 1

    def _metres(self, rows: np.ndarray, times: np.ndarray) -> np.ndarray:
        """METRE: the changes that rows (T,) name, each at the slice behind it; 4/4 from the beginning is not named.

        Args:
            rows: int64 (T,).
            times: int64, steps at which each slice begins, and the end of the last.
        """
        changes = np.flatnonzero(self.sections.of_kind("metre", rows))
        default = np.zeros(int(self._positions), np.int64)
        steps = times[self._slices(rows)[1][changes] + 1]
        return self._bars.table(
            np.append(default, steps), np.append(default, rows[changes] - self.sections.first["metre"])
        )

    def _features(self) -> np.ndarray:
        """uint8 (V, F), 0 or 1: the kind (5); pitch (88) and pitch class (12); whole quarters and remaining steps of a
        duration; metre (16); whole quarters and remaining steps of a position."""
        sections, per_quarter = self.sections, self.options.steps_per_quarter
        key = np.maximum(sections.values("struck"), sections.values("held"))
        duration, position = sections.values("duration"), sections.values("position")
        steps = np.where(duration < 0, -1, duration + 1)
        parts = [
            sections.kinds(),
            one_hot(key, len(KEYBOARD)),
            one_hot(np.where(key < 0, -1, (key + KEYBOARD.start) % 12), 12),
            one_hot(np.where(steps < 0, -1, steps // per_quarter), self._longest // per_quarter + 1),
            one_hot(np.where(steps < 0, -1, steps % per_quarter), per_quarter),
            one_hot(sections.values("metre"), sections.sizes["metre"]),
            one_hot(np.where(position < 0, -1, position // per_quarter), -(-sections.sizes["position"] // per_quarter)),
            one_hot(np.where(position < 0, -1, position % per_quarter), per_quarter * self._positions),
        ]
        return np.concatenate(parts, axis=1)
