"""Score <-> the Score of symusic that MidiTok reads and writes, on MidiTok's own grid.

What MidiTok would round in one way here and in another there is rounded before it sees it, so that nothing is left
for it to change: metres begin on bar lines, notes on steps, lengths are among those that have a token, no pitch of one
part overlaps itself, tempos are among those that have a token, and what comes after the last onset is left out.

A step is a fraction of a beat. In the metres that count eighths the beat is an eighth, so their steps are half as long.
Times here are in *units*: a step of a metre that counts eighths, or of 4/4 where metres are not kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from musictool.music.grid import to_steps, to_ticks, without_overlaps
from musictool.music.score import (
    DEFAULT_VELOCITY,
    LAST_TICK,
    METRE,
    PITCHES,
    TEMPO,
    TICKS_PER_QUARTER,
    Score,
    Track,
    bar_ticks,
    fold_octaves,
)

LONG_BEATS, LONGEST_BEATS = 4, 16  # lengths: on every step up to the one, more coarsely up to the other
SLOWEST_BPM, FASTEST_BPM, BPM_STEP = 20, 260, 5
BEATS = range(1, 13)  # of a bar, in quarters or in eighths
DRUMS = PITCHES  # the part of all drum tracks; the part of any other is its program
PITCH_RANGE = range(PITCHES - 1)  # see MidiTokEncoding.pitches


@dataclass(frozen=True)
class Grid:
    """How a piece is laid out for MidiTok.

    Attributes:
        steps_per_beat: steps of the grid in a beat.
        metre: whether metres are kept; otherwise every bar has four quarters.
        tempo: whether tempos are kept.
        programs: whether programs and drums are kept; otherwise all that is no drum is one piano.
        velocity: whether velocities are kept.
    """

    steps_per_beat: int
    metre: bool
    tempo: bool
    programs: bool
    velocity: bool

    @property
    def units_per_quarter(self) -> int:
        """Units in a quarter note."""
        return self.steps_per_beat * (2 if self.metre else 1)

    @property
    def coarse_steps(self) -> int:
        """Steps per beat of the long lengths."""
        return math.gcd(self.steps_per_beat, 4)

    @cached_property
    def lengths(self) -> np.ndarray:
        """int64, rising: the lengths in steps that have a token."""
        fine = np.arange(1, LONG_BEATS * self.steps_per_beat)
        coarse = self.steps_per_beat // self.coarse_steps
        return np.append(
            fine, np.arange(LONG_BEATS * self.steps_per_beat, LONGEST_BEATS * self.steps_per_beat + 1, coarse)
        )

    def to_symusic(self, score: Score) -> Any:
        """A symusic Score, its tracks by program with the drums last; None if there is nothing to play."""
        import symusic

        metres = bars(score.metres if self.metre else score.metres[:0])
        notes = self._notes(score, metres)
        if not len(notes):
            return None
        last = notes["onset_ticks"][-1]
        result = symusic.Score(self.units_per_quarter)
        columns = self._starts(metres), metres["numerator"], metres["denominator"]
        named = np.stack(columns, axis=1)[columns[0] <= last]
        result.time_signatures.extend(symusic.TimeSignature(*metre) for metre in named.tolist())
        if self.tempo:
            result.tempos.extend(symusic.Tempo(*tempo) for tempo in self._tempos(score, metres, last))
        for part in np.unique(notes["track"]).tolist():
            played = notes[notes["track"] == part]
            track = symusic.Track("", 0 if part == DRUMS else part, part == DRUMS)
            times = (played[name].astype(np.int32) for name in ("onset_ticks", "duration_ticks"))
            track.notes = symusic.Note.from_numpy(
                *times, played["pitch"].astype(np.int8), played["velocity"].astype(np.int8)
            )
            result.tracks.append(track)
        return result

    def to_score(self, music: Any) -> Score:
        """The inverse: one track for each program, as MidiTok names it."""
        parts = [track.notes.numpy() for track in music.tracks]
        tracks = tuple(Track(track.program, track.is_drum, track.name) for track in music.tracks)
        sizes = [len(part["time"]) for part in parts]
        onsets, lengths, pitches, velocities = (
            np.concatenate([part[name] for part in parts] or [np.zeros(0, np.int64)]).astype(np.int64)
            for name in ("time", "duration", "pitch", "velocity")
        )
        onset_ticks = self.to_ticks(onsets)
        return Score.from_columns(
            onset_ticks,
            self.to_ticks(onsets + lengths) - onset_ticks,
            pitches,
            velocities if self.velocity else np.full(len(onsets), DEFAULT_VELOCITY),
            np.repeat(np.arange(len(sizes)), sizes),
            tracks=tracks if self.programs and tracks else (Track(),),
            tempos=self._table(TEMPO, music.tempos if self.tempo else (), lambda change: (_bpm(change.tempo),)),
            metres=self._table(
                METRE,
                music.time_signatures if self.metre else (),
                lambda change: (change.numerator, change.denominator),
            ),
        )

    def to_ticks(self, units: np.ndarray) -> np.ndarray:
        """int64: the time in ticks of each time in units."""
        return to_ticks(units, self.units_per_quarter)

    def _notes(self, score: Score, metres: np.ndarray) -> np.ndarray:
        """NOTE, its times in units, `track` the part, as sort_notes has them."""
        parts = [(DRUMS if self.programs else -1) if track.is_drum else track.program for track in score.tracks]
        of_track = np.array(parts, np.int64)
        if not self.programs:
            of_track = np.minimum(of_track, 0)
        is_kept = of_track[score.notes["track"]] >= 0 if len(score.notes) else np.zeros(0, bool)
        notes = score.notes[is_kept]
        end_ticks = notes["onset_ticks"].astype(np.int64) + notes["duration_ticks"]
        notes["track"] = of_track[notes["track"]]
        notes["pitch"] = np.where(notes["track"] == DRUMS, notes["pitch"], fold_octaves(notes["pitch"], PITCH_RANGE))
        onsets = self._units(notes["onset_ticks"], metres)
        section = np.searchsorted(self._starts(metres), onsets, side="right") - 1  # a note may round into the next
        step = self._step(metres)[section]
        ends = self._units(end_ticks, metres, section)
        lengths = self.lengths[np.searchsorted(self.lengths[1:] + self.lengths[:-1], 2 * ((ends - onsets) // step))]
        notes["onset_ticks"], notes["duration_ticks"] = onsets, lengths * step
        notes = without_overlaps(notes)
        step = self._step(metres)[np.searchsorted(self._starts(metres), notes["onset_ticks"], side="right") - 1]
        cut = np.searchsorted(self.lengths, notes["duration_ticks"] // step, side="right") - 1
        notes["duration_ticks"] = self.lengths[cut] * step
        return notes

    def _tempos(self, score: Score, metres: np.ndarray, last: int) -> list[tuple[int, float]]:
        """(unit, bpm) of each change up to `last`; the first holds from the beginning."""
        bpm = _bpm(score.tempos["bpm"])
        units = self._units(score.tempos["onset_ticks"], metres)
        units[:1] = 0
        is_kept = np.append(np.diff(units) > 0, True)[: len(units)] & (units <= last)
        units, bpm = units[is_kept], bpm[is_kept]
        is_change = np.diff(bpm, prepend=0) != 0
        return list(zip(units[is_change].tolist(), bpm[is_change].tolist(), strict=True))

    def _units(self, ticks: np.ndarray, metres: np.ndarray, section: np.ndarray | None = None) -> np.ndarray:
        """int64: the nearest step of each time, on the grid of the metre that holds there (or of that `section`)."""
        ticks = np.asarray(ticks, np.int64)
        if section is None:
            section = np.searchsorted(metres["onset_ticks"], ticks, side="right") - 1
        beats_per_quarter = metres["denominator"][section].astype(np.int64) // 4
        steps = to_steps((ticks - metres["onset_ticks"][section]) * beats_per_quarter, self.steps_per_beat)
        return self._starts(metres)[section] + steps * self._step(metres)[section]

    def _starts(self, metres: np.ndarray) -> np.ndarray:
        """int64, units: where each metre begins; exact, as every bar line falls on an eighth."""
        return metres["onset_ticks"].astype(np.int64) * self.units_per_quarter // TICKS_PER_QUARTER

    def _step(self, metres: np.ndarray) -> np.ndarray:
        """int64, units: the length of a step in each metre."""
        return np.where(metres["denominator"] == 4, self.units_per_quarter // self.steps_per_beat, 1)

    def _table(self, dtype: np.dtype, changes: Any, values: Any) -> np.ndarray:
        """A table of a Score: by onset, the last of those at one onset."""
        table = {int(change.time): values(change) for change in changes}
        onsets = self.to_ticks(np.array(sorted(table), np.int64)).tolist()
        return np.array([(onset, *table[unit]) for onset, unit in zip(onsets, sorted(table), strict=True)], dtype)


def bars(metres: np.ndarray) -> np.ndarray:
    """METRE: the metres as MidiTok can write them, each from a bar line of the one before it, the first from 0.

    One that has no token of its own is written as another one with bars of the same length (2/2 as 4/4), else as 4/4.
    """
    written: list[tuple[int, int, int]] = [(0, 4, 4)]
    for onset, numerator, denominator in metres.tolist():
        metre = _writable_metre(numerator, denominator)
        bar = bar_ticks(*written[-1][1:])
        start = written[-1][0] + -(-(onset - written[-1][0]) // bar) * bar
        if start > LAST_TICK:
            break
        if start <= written[-1][0]:
            start = written.pop()[0]
        if not written or written[-1][1:] != metre:
            written.append((start, *metre))
    return np.array(written, METRE)


def _writable_metre(numerator: int, denominator: int) -> tuple[int, int]:
    if denominator in (4, 8) and numerator in BEATS:
        return numerator, denominator
    eighths, rest = divmod(8 * numerator, max(1, denominator))
    if rest == 0 and eighths % 2 == 0 and eighths // 2 in BEATS:
        return eighths // 2, 4
    return (eighths, 8) if rest == 0 and eighths in BEATS else (4, 4)


def _bpm(bpm: np.ndarray) -> np.ndarray:
    """float64: the nearest tempo that has a token."""
    return (np.floor(np.clip(bpm, SLOWEST_BPM, FASTEST_BPM) / BPM_STEP + 0.5) * BPM_STEP).astype(np.float64)
