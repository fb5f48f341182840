"""Notes as pairs of a pitch and a duration, of several instruments in one stream: the tokens of MusicAutobot.

The vocabulary is fixed. With the default options, at 4 steps per quarter note, these are the tokens:

    3           a separator: the duration behind it is the time until what comes next
    4..163      a duration of 1, 2, ..., 160 steps: of the pitch, drum or separator before it
    164..251    a pitch, 21 (A0) .. 108 (C8)
    252..379    a drum of MIDI number 0..127
    380..507    the General MIDI program 0..127 of all pitches from here on; before any, it is 0, a piano
    508..523    a metre, and here a bar begins: 4/4 3/4 2/4 6/8 2/2 12/8 9/8 3/8 5/4 6/4 7/8 5/8 7/4 3/2 4/2 1/4; before
                any, it is 4/4
    524..555    what follows is 0, 1, ..., 31 steps after the beginning of its bar

So middle C on a violin, a quarter note long, on the second beat of the first bar is

    separator, duration 4, position 4, program 40, pitch 60, duration 4

A longer time is as many separators of 160 steps as fit and one of the rest. With programs=false there are no programs,
and a piano plays all pitches. With positions=false there are neither metres nor positions. Drums have no program.

What stands at one time is written in this order: separators; the metre, if it changes or begins again off its own bar
lines, as behind a pickup; the position; the notes by program, low to high, a program only where it is another than that
of the pitch before; drums last. Tracks of one program are one part, in which a pitch that is struck again while it
sounds ends there, and of two struck together the longest stays (grid.without_overlaps). Pitches below 21 and above 108
come back moved by octaves, other metres as the one above of the nearest length.

Decoding takes any rows. A pitch, drum or separator without a duration right behind it, and a duration behind anything
else, mean nothing; positions are for the model to read, and only separators make time pass.

What is lost: velocities; names of tracks, and which of two tracks of one program plays a note; tempo and keys; timing
finer than a step; what a note lasts beyond 160 steps (40 quarter notes).

Source: Andrew Shaw, MusicAutobot (2019), whose "xxsep d4 n60 d4" the first three sections are, with its ranges. There
notes stand from high to low, programs are not written, and the beat is a second number beside each token, in bars of
4/4; here it is a token of its own, so that any model of tokens can read it. Limit: a stream of several instruments is
long, about 140 rows per bar of a band, so that a window of a thousand rows holds seven bars.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from musictool.encoding import FIRST_TOKEN, PADDING, Encoding, Spec, one_hot
from musictool.encodings._bars import METRES, Bars
from musictool.encodings._sections import Sections, interleaved
from musictool.music.grid import in_steps, split_long, to_ticks, without_overlaps
from musictool.music.score import DEFAULT_VELOCITY, KEYBOARD, ON_KEYBOARD, PITCHES, Score, Track
from musictool.options import option

PROGRAMS = 128
DRUMS = PROGRAMS  # what stands for drums where notes are sorted by program
FAMILY = 8  # programs of a General MIDI family, such as strings


@dataclass(frozen=True)
class Options:
    """What can be set."""

    steps_per_quarter: int = option(4, "steps of the grid in a quarter note; 4: sixteenths", least=1, most=48)
    longest_quarters: int = option(40, "quarter notes that a note lasts at most", least=1, most=64)
    programs: bool = option(True, "whether there are program tokens; false: a piano plays all")
    positions: bool = option(True, "whether there are tokens for the metre and the position in the bar")


class NoteDuration(Encoding):
    """Pairs of pitch and duration, with instruments and places in the bar: int32 (T,), two tokens per note and more."""

    name = "note-duration"
    kind = "tokens"
    Options = Options
    pitches = KEYBOARD

    def __init__(self, settings: Any = None):
        super().__init__(settings)
        self._longest = self.options.steps_per_quarter * self.options.longest_quarters
        self._bars = Bars(self.options.steps_per_quarter)
        self.sections = Sections(
            separator=1,
            duration=self._longest,
            pitch=len(self.pitches),
            drum=PITCHES,
            program=PROGRAMS * self.options.programs,
            metre=len(METRES) * self.options.positions,
            position=int(self._bars.steps.max()) * self.options.positions,
        )

    @cached_property
    def spec(self) -> Spec:
        return Spec("tokens", (), self.sections.size, self._features())

    def encode(self, score: Score) -> np.ndarray:
        """int32 (T,): the notes and drums of a piece, from tick 0 on; rests at the end are left out."""
        # the times at which something stands: notes, and metres if they are written
        notes, first = self._notes(score), self.sections.first
        onsets = notes["onset_ticks"].astype(np.int64)
        changes, metres = self._bars.changes(score, int(onsets.max(initial=-1)) if self.options.positions else -1)
        times = np.union1d(onsets, changes)
        # places to sort by: at each time one for what opens it, then one for each note
        room = len(notes) + 1
        heads = np.arange(len(times), dtype=np.int64) * room
        places = heads[np.searchsorted(times, onsets)] + np.arange(1, len(notes) + 1)
        # what passes before each time, then metre and position, then program, pitch and duration of each note
        late, waits = split_long(np.diff(times, prepend=0), self._longest)
        separators = np.stack([np.full(len(waits), first["separator"]), first["duration"] + waits - 1], axis=1)
        parts = [(np.repeat(heads[late], 2), separators.reshape(-1))]
        if self.options.positions:
            positions = self._bars.positions(times, changes, metres)
            parts.append((heads[np.searchsorted(times, changes)], first["metre"] + metres))
            parts.append((heads, first["position"] + positions))
        sounds = np.where(notes["track"] == DRUMS, first["drum"], first["pitch"] - self.pitches.start) + notes["pitch"]
        parts.append(self._programs(notes["track"].astype(np.int64), places))
        parts += [(places, sounds), (places, first["duration"] + notes["duration_ticks"] - 1)]
        return interleaved(*parts)

    def decode(self, rows: np.ndarray) -> Score:
        """A track for each program that plays, and one for drums; velocity 80, and the metres that are named."""
        rows, first = np.asarray(rows, np.int64).reshape(-1), self.sections.first
        rows = rows[rows >= FIRST_TOKEN]
        # a note is a pitch or a drum with a duration right behind it
        before = _before(rows)
        is_drum = self.sections.of_kind("drum", before)
        is_sound = is_drum | self.sections.of_kind("pitch", before)
        at = np.flatnonzero(is_sound & self.sections.of_kind("duration", rows))
        steps = np.cumsum(self._waits(rows))
        onsets, ends = steps[at], steps[at] + rows[at] - (first["duration"] - 1)
        begin, end = (to_ticks(times, self.options.steps_per_quarter) for times in (onsets, ends))
        used, track = np.unique(np.where(is_drum, DRUMS, self._programs_at(rows))[at], return_inverse=True)
        changes = np.flatnonzero(self.sections.of_kind("metre", rows))
        default = np.zeros(int(self.options.positions), np.int64)  # 4/4 from the beginning is not written
        return Score.from_columns(
            begin,
            end - begin,
            before[at] - np.where(is_drum[at], first["drum"], first["pitch"] - self.pitches.start),
            np.full(len(at), DEFAULT_VELOCITY),
            track,
            tracks=tuple(Track(is_drum=True) if p == DRUMS else Track(int(p)) for p in used) or (Track(),),
            metres=self._bars.table(
                np.append(default, steps[changes]), np.append(default, rows[changes] - first["metre"])
            ),
        )

    def transpose(self, rows: np.ndarray, semitones: int) -> np.ndarray:
        """Each pitch `semitones` higher, those that leave 21..108 by octaves."""
        return self.sections.transposition(("pitch",), semitones, self.pitches)[rows]

    def positions(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,), ticks: the time at each row; at the duration of a separator, when it is over."""
        rows = np.asarray(rows)
        music = rows >= FIRST_TOKEN
        waits = np.zeros(len(rows), np.int64)
        waits[music] = self._waits(rows[music])
        return to_ticks(np.cumsum(waits), self.options.steps_per_quarter)

    def onset_pitches(self) -> np.ndarray:
        """bool (V, P): the pitch of each pitch token."""
        return self.sections.onset_pitches("pitch", self.pitches)

    def _notes(self, score: Score) -> np.ndarray:
        """NOTE (N,), as rows hold them: times in steps, programs (or DRUMS) as tracks, pitches within 21..108."""
        programs = [DRUMS if track.is_drum else track.program * self.options.programs for track in score.tracks]
        notes = score.notes.copy()
        notes["onset_ticks"], notes["duration_ticks"] = in_steps(notes, self.options.steps_per_quarter)
        notes["track"] = np.array(programs, np.uint16)[notes["track"]]
        notes["pitch"] = np.where(notes["track"] == DRUMS, notes["pitch"], ON_KEYBOARD[notes["pitch"]])
        notes = without_overlaps(notes)
        notes["duration_ticks"] = np.minimum(notes["duration_ticks"], self._longest)
        return notes

    def _programs(self, programs: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(places, tokens) of the programs of int64 (N,) notes, where one is another than that of the pitch before."""
        pitched = np.flatnonzero(programs != DRUMS)
        changes = pitched[np.diff(programs[pitched], prepend=0) != 0]
        return places[changes], self.sections.first["program"] + programs[changes]

    def instruments(self) -> Sequence[Track | None]:
        """The program that a token chooses; of a drum, drums."""
        programs, drums = self.sections.values("program").tolist(), self.sections.values("drum").tolist()
        none_or_drums = [None if drum < 0 else Track(is_drum=True) for drum in drums]
        return [
            other if program < 0 else Track(program) for program, other in zip(programs, none_or_drums, strict=True)
        ]

    def choosing(self, rows: np.ndarray, allowed: Collection[Track]) -> np.ndarray:
        playing = int(self._programs_at(np.append(rows, 0))[-1])
        programs = sorted(track.program for track in allowed if not track.is_drum)
        if not programs or playing in programs or not self.options.programs:
            return rows
        return np.append(rows, np.int32(self.sections.first["program"] + programs[0]))

    def _programs_at(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,): the program that holds at each row."""
        is_program = self.sections.of_kind("program", rows)
        programs = np.append(0, rows[is_program] - self.sections.first["program"])
        return programs[np.cumsum(is_program)]

    def _waits(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,), rows without reserved tokens: the steps of each duration of a separator, else 0."""
        is_wait = self.sections.of_kind("duration", rows) & self.sections.of_kind("separator", _before(rows))
        return np.where(is_wait, rows - (self.sections.first["duration"] - 1), 0).astype(np.int64)

    def _features(self) -> np.ndarray:
        """uint8 (V, 452 by default), 0 or 1: the kind (7); pitch (88) and pitch class (12); drum (128); whole quarters
        (41) and remaining steps (4) of a duration; program (128) and its family (16); metre (16); whole quarters (8)
        and remaining steps (4) of a position."""
        sections, per_quarter = self.sections, self.options.steps_per_quarter
        pitch, program, position = (sections.values(kind) for kind in ("pitch", "program", "position"))
        duration = sections.values("duration")
        steps = np.where(duration < 0, -1, duration + 1)
        parts = [
            sections.kinds(),
            one_hot(pitch, len(self.pitches)),
            one_hot(np.where(pitch < 0, -1, (pitch + self.pitches.start) % 12), 12),
            one_hot(sections.values("drum"), PITCHES),
            one_hot(steps // per_quarter, self.options.longest_quarters + 1),
            one_hot(np.where(steps < 0, -1, steps % per_quarter), per_quarter),
            one_hot(program, sections.sizes["program"]),
            one_hot(program // FAMILY, sections.sizes["program"] // FAMILY),
            one_hot(sections.values("metre"), sections.sizes["metre"]),
            one_hot(position // per_quarter, -(-sections.sizes["position"] // per_quarter)),
            one_hot(np.where(position < 0, -1, position % per_quarter), per_quarter * self.options.positions),
        ]
        return np.concatenate(parts, axis=1)


def _before(rows: np.ndarray) -> np.ndarray:
    """The row before each of `rows` (T,); PADDING before the first."""
    return np.concatenate([[PADDING], rows])[:-1]
