"""A piece of music in memory, and its units.

Time is counted in ticks, 480 to a quarter note, for every Score whatever file it came from: sixteenths (120 ticks),
triplets (160) and the 24 steps per beat of the Lakh piano-rolls (20) are whole numbers. A Score is two plain things: a
table of notes and a tuple of tracks; beside them the tables of tempo, metre and key changes and of chord symbols, which
may be empty.

What a Score does not hold: lyrics, dynamics as words, pitch bends, controllers. The sustain pedal is folded into the
durations by the readers that meet it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from musictool.music import gm

TICKS_PER_QUARTER = 480
DEFAULT_BPM = 120.0  # the MIDI standard's tempo where a file names none; quarter notes per minute
DEFAULT_VELOCITY = 80
PITCHES = 128
CHORDS = 24  # triads, major from C on, then minor; above them stands none
LAST_TICK = 2**31 - 1

NOTE = np.dtype(
    [
        ("onset_ticks", np.int32),
        ("duration_ticks", np.int32),  # at least 1
        ("pitch", np.uint8),  # MIDI number, 0..127; a drum's number where the track is a drum track
        ("velocity", np.uint8),  # 1..127
        ("track", np.uint16),  # index into Score.tracks
    ]
)
TEMPO = np.dtype([("onset_ticks", np.int32), ("bpm", np.float64)])  # quarter notes per minute
METRE = np.dtype([("onset_ticks", np.int32), ("numerator", np.uint8), ("denominator", np.uint8)])
KEY = np.dtype([("onset_ticks", np.int32), ("sharps", np.int8), ("minor", np.bool_)])
CHORD = np.dtype([("onset_ticks", np.int32), ("chord", np.int8)])  # an index of musictool/music/chords.py


@dataclass(frozen=True)
class Track:
    """One instrument's part.

    Attributes:
        program: General MIDI program, 0..127 (0 is the acoustic grand piano); means nothing for drums.
        is_drum: pitches are drum sounds and are never transposed.
        name: what the file calls it, possibly empty.
    """

    program: int = 0
    is_drum: bool = False
    name: str = ""

    def with_metadata(self, program: int | None = None) -> Track:
        """With this program, unless it is of drums or the program is None, and a name: its own, or the program's."""
        program = self.program if program is None or self.is_drum else program
        return replace(self, program=program, name=self.name or ("Drums" if self.is_drum else gm.program_name(program)))


def _empty(dtype: np.dtype) -> np.ndarray:
    return np.zeros(0, dtype)


@dataclass(frozen=True, eq=False)
class Score:
    """One piece of music.

    Attributes:
        notes: NOTE (N,), sorted by onset, then track, pitch, duration, velocity.
        tracks: what `notes["track"]` points at.
        tempos, metres, keys: TEMPO, METRE, KEY tables sorted by onset; empty where the file says nothing.
        title: what the file calls the piece, possibly empty.
        chords: CHORD, the chord symbols that stand above the music, sorted by onset; they do not sound.
    """

    notes: np.ndarray
    tracks: tuple[Track, ...] = (Track(),)
    tempos: np.ndarray = field(default_factory=lambda: _empty(TEMPO))
    metres: np.ndarray = field(default_factory=lambda: _empty(METRE))
    keys: np.ndarray = field(default_factory=lambda: _empty(KEY))
    title: str = ""
    chords: np.ndarray = field(default_factory=lambda: _empty(CHORD))

    @classmethod
    def from_columns(
        cls,
        onset_ticks: np.ndarray,
        duration_ticks: np.ndarray,
        pitch: np.ndarray,
        velocity: np.ndarray,
        track: np.ndarray,
        **rest: object,
    ) -> Score:
        """A Score from parallel arrays (N,) in any order; durations and velocities are raised to at least 1.

        Notes that end beyond the last tick that NOTE can hold (26 days at 120 bpm) are left out.
        """
        ends = np.asarray(onset_ticks, np.int64) + np.asarray(duration_ticks, np.int64)
        if ends.max(initial=0) > LAST_TICK:
            fits = ends <= LAST_TICK
            columns = (onset_ticks, duration_ticks, pitch, velocity, track)
            onset_ticks, duration_ticks, pitch, velocity, track = (np.asarray(column)[fits] for column in columns)
        notes = np.zeros(len(onset_ticks), NOTE)
        notes["onset_ticks"] = onset_ticks
        notes["duration_ticks"] = np.maximum(duration_ticks, 1)
        notes["pitch"] = pitch
        notes["velocity"] = np.minimum(np.maximum(velocity, 1), 127)  # twice as fast as np.clip
        notes["track"] = track
        return cls(sort_notes(notes), **rest)  # type: ignore[arg-type]

    @classmethod
    def from_notes(
        cls, notes: Iterable[tuple[int, float, float]], tracks: Sequence[Track] = (Track(),), track: int = 0
    ) -> Score:
        """Music written by hand: (pitch, onset, duration), the last two in quarter notes.

        >>> Score.from_notes([(60, 0, 1), (64, 1, 1), (67, 2, 2)])
        """
        # quarter notes -> ticks
        rows = np.array(list(notes), dtype=np.float64).reshape(-1, 3)
        ticks = np.round(rows[:, 1:] * TICKS_PER_QUARTER).astype(np.int32)
        return cls.from_columns(
            ticks[:, 0],
            ticks[:, 1],
            rows[:, 0].astype(np.uint8),
            np.full(len(rows), DEFAULT_VELOCITY),
            np.full(len(rows), track),
            tracks=tuple(tracks),
        )

    @property
    def is_drum(self) -> np.ndarray:
        """bool (N,): which notes are drum sounds."""
        drums = np.array([track.is_drum for track in self.tracks], dtype=bool)
        return drums[self.notes["track"]] if len(drums) else np.zeros(len(self.notes), bool)

    @property
    def end_ticks(self) -> int:
        """When the last note ends; 0 for a Score without notes."""
        if not len(self.notes):
            return 0
        return int((self.notes["onset_ticks"] + self.notes["duration_ticks"]).max())

    @property
    def seconds(self) -> float:
        """Playing time up to the end of the last note."""
        return float(self.to_seconds(np.array([self.end_ticks]))[0])

    @property
    def bars(self) -> int:
        """Bars begun before the end of the last note."""
        return len(self.bar_onsets_ticks())

    def to_seconds(self, ticks: np.ndarray) -> np.ndarray:
        """float64, seconds: when each of `ticks` sounds; the first tempo also holds before it is named."""
        if not len(self.tempos):
            return np.asarray(ticks) * (60.0 / DEFAULT_BPM / TICKS_PER_QUARTER)
        onsets = self.tempos["onset_ticks"].astype(np.float64)
        onsets[0] = 0.0
        seconds_per_tick = 60.0 / self.tempos["bpm"] / TICKS_PER_QUARTER
        starts = np.concatenate([[0.0], np.cumsum(np.diff(onsets) * seconds_per_tick[:-1])])
        at = np.searchsorted(onsets, ticks, side="right") - 1
        return starts[at] + (np.asarray(ticks) - onsets[at]) * seconds_per_tick[at]

    def to_ticks(self, seconds: float) -> int:
        """The tick that sounds at a time, the inverse of to_seconds; rounded down."""
        if not len(self.tempos):
            return int(seconds * DEFAULT_BPM / 60.0 * TICKS_PER_QUARTER)
        starts = self.to_seconds(self.tempos["onset_ticks"])
        at = max(0, int(np.searchsorted(starts, seconds, side="right")) - 1)
        onset = int(self.tempos["onset_ticks"][at]) if at else 0
        since = seconds - (float(starts[at]) if at else 0.0)
        return onset + int(since * float(self.tempos["bpm"][at]) / 60.0 * TICKS_PER_QUARTER)

    def bar_onsets_ticks(self, end_ticks: int | None = None) -> np.ndarray:
        """int64 (bars,): where each bar begins, up to a time (the end of the last note); 4/4 if no metre is named."""
        last = self.end_ticks if end_ticks is None else end_ticks
        changes = self._bar_changes()
        ends = [onset for onset, _ in changes[1:]] + [last]
        bars = [np.arange(onset, min(end, last), bar) for (onset, bar), end in zip(changes, ends, strict=True)]
        return np.concatenate(bars).astype(np.int64)

    def has_bars_within(self, ticks: int) -> bool:
        """Whether no bar, cut by the clock every so many ticks from 0 on, is cut through."""
        return all(ticks % bar == 0 and onset % bar == 0 for onset, bar in self._bar_changes())

    def bar_line_ticks(self, bar: int) -> int:
        """Where a bar begins, counted from 0; the last metre goes on for as long as it takes."""
        changes = self._bar_changes()
        for (onset, length), (end, _) in pairwise(changes):
            bars = -((onset - end) // length)
            if bar < bars:
                return onset + bar * length
            bar -= bars
        onset, length = changes[-1]
        return onset + bar * length

    def _bar_changes(self) -> list[tuple[int, int]]:
        """(tick, ticks of a bar from there on) of each metre; the first at 0."""
        changes = [(int(m["onset_ticks"]), bar_ticks(int(m["numerator"]), int(m["denominator"]))) for m in self.metres]
        return changes if changes and changes[0][0] <= 0 else [(0, bar_ticks(4, 4)), *changes]

    def since(self, begin_ticks: int) -> Score:
        """The piece from a time on, which becomes 0: notes that begin there or later; what holds then stays."""
        notes = self.notes[self.notes["onset_ticks"] >= begin_ticks].copy()
        notes["onset_ticks"] -= begin_ticks
        every = (self.tempos, self.metres, self.keys, self.chords)
        tempos, metres, keys, chords = (_since(table, begin_ticks) for table in every)
        return replace(self, notes=notes, tempos=tempos, metres=metres, keys=keys, chords=chords)

    def later(self, ticks: int) -> Score:
        """The piece with its notes so much later; tempos, metres and keys stay."""
        notes = self.notes.copy()
        notes["onset_ticks"] += ticks
        return replace(self, notes=notes)

    def until(self, end_ticks: int) -> Score:
        """The piece up to a time: notes that begin before it, none sounding past it, and no change of tempo, metre, key
        or chord behind it."""
        notes = self.notes[self.notes["onset_ticks"] < end_ticks].copy()
        notes["duration_ticks"] = np.minimum(notes["duration_ticks"], end_ticks - notes["onset_ticks"])
        last = max(0, end_ticks - 1)
        tempos, metres, keys, chords = (
            table[table["onset_ticks"] <= last] for table in (self.tempos, self.metres, self.keys, self.chords)
        )
        return replace(self, notes=notes, tempos=tempos, metres=metres, keys=keys, chords=chords)

    def drop_empty_tracks(self) -> Score:
        """Without the tracks that have no note; where there is no note at all, with the first track."""
        used, track = np.unique(self.notes["track"], return_inverse=True)
        notes = self.notes.copy()
        notes["track"] = track
        return replace(self, notes=notes, tracks=tuple(self.tracks[i] for i in used) or self.tracks[:1])

    def with_metadata(self, tempos: np.ndarray, metres: np.ndarray, program: int | None = None) -> Score:
        """With these tempos and metres where it has none of its own, and a name for each track.

        Args:
            tempos, metres: TEMPO (N,) and METRE (N,).
            program: of every track that is no drum; None for its own.
        """
        return replace(
            self,
            tempos=self.tempos if len(self.tempos) else tempos,
            metres=self.metres if len(self.metres) else metres,
            tracks=tuple(track.with_metadata(program) for track in self.tracks),
        )

    def transpose(self, semitones: int) -> Score:
        """The piece `semitones` higher (negative: lower); drums stay, pitches off the end of 0..127 move by octaves."""
        if not semitones:
            return self
        notes = self.notes.copy()
        pitch = notes["pitch"].astype(np.int64) + np.where(self.is_drum, 0, semitones)
        notes["pitch"] = fold_octaves(pitch, range(PITCHES))
        chords = self.chords.copy()
        chords["chord"] = transposed_chords(chords["chord"], semitones)
        return replace(self, notes=sort_notes(notes), keys=_empty(KEY), chords=chords)


def _since(table: np.ndarray, begin_ticks: int) -> np.ndarray:
    """A TEMPO, METRE, KEY or CHORD table from a time on, which becomes 0; what holds there stands at 0."""
    first = max(0, int(np.searchsorted(table["onset_ticks"], begin_ticks, side="right")) - 1)
    later = table[first:].copy()
    later["onset_ticks"] = np.maximum(later["onset_ticks"] - begin_ticks, 0)
    return later


def transposed_chords(chords: np.ndarray, semitones: int) -> np.ndarray:
    """int: chords, indices of musictool/music/chords.py, so many semitones higher; what is none stays."""
    return np.where(chords < CHORDS, chords // 12 * 12 + (chords + semitones) % 12, chords)


def fold_octaves(pitches: np.ndarray, into: range) -> np.ndarray:
    """int64: each pitch, those outside of `into` (an octave at least) moved by octaves to its nearer end."""
    index = np.asarray(pitches, np.int64) - into.start
    index = np.where(index < 0, index % 12, index)
    return into.start + np.where(index >= len(into), len(into) - 12 + (index - len(into)) % 12, index)


KEYBOARD = range(21, 109)  # the piano's 88 keys, A0..C8
ON_KEYBOARD = fold_octaves(np.arange(PITCHES), KEYBOARD)  # int64 (P,): each pitch, those off it moved by octaves


def bar_ticks(numerator: int, denominator: int) -> int:
    """Length of one bar, at least 1 tick."""
    return max(1, TICKS_PER_QUARTER * 4 * max(1, numerator) // max(1, denominator))


def sort_notes(notes: np.ndarray) -> np.ndarray:
    """`notes` in the one order that a Score keeps: onset, then track, pitch, duration, velocity."""
    # what nearly always decides fits one number: a sort by it is five times as fast
    first = notes["onset_ticks"].astype(np.int64) << 24 | notes["track"].astype(np.int64) << 8 | notes["pitch"]
    if (first[1:] > first[:-1]).all():
        return notes
    order = np.argsort(first, kind="stable")
    first = first[order]
    # those that it leaves tied, by duration and velocity
    same = first[1:] == first[:-1]
    if same.any():
        tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
        rest = notes[["duration_ticks", "velocity"]][order[tied]]
        second = rest["duration_ticks"].astype(np.int64) << 8 | rest["velocity"]
        order[tied] = order[tied][np.lexsort((second, first[tied]))]
    return notes[order]
