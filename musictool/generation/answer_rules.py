"""Which token may come next, while a model of music with blanks writes what belongs in them.

The answer is held to what can be read: a wait has a length and ends within its bar, a note is of a program that is
asked for, notes that begin together stand in the order of their programs and pitches, and no key is struck twice at
once or while a locked note holds it. Once little room is left, bars are ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from musictool.dataset.blanks import Blanks
from musictool.encoding import START, UNKNOWN
from musictool.encodings.note_duration import DRUMS
from musictool.music.score import PITCHES


@dataclass
class AnswerRules:
    """Which token may come next, while an answer is written.

    Args:
        blanks: of the model's encoding.
        begins, lengths: int64 (K,), of each bar with a blank its first step and how many it has.
        programs: who may play, and how many notes of each begin together at most.
        keys: of each program bool (128,): which keys it may strike.
        taken: (step, program) -> the keys that are struck or held there, of notes that are locked.
        room: rows that may be written.
    """

    blanks: Blanks
    begins: np.ndarray
    lengths: np.ndarray
    programs: Mapping[int, int]
    keys: Mapping[int, np.ndarray]
    taken: dict[tuple[int, int], set[int]]
    room: int
    bar: int = -1
    time: int = 0
    program: int = 0
    sounding: int | None = None  # the pitch or drum that waits for its length
    is_drum: bool = False  # whether that is a drum
    is_waiting: bool = False  # a separator waits for its length
    just_chosen: bool = False  # a program has been named and nothing played
    placed: bool = False  # whether the place in the bar has been written
    chord: dict[int, int] = field(default_factory=dict)  # of each program, its highest pitch here
    struck: Counter[int] = field(default_factory=Counter)  # how many notes of each program begin here
    notes: list[tuple[int, int, int, int]] = field(default_factory=list)

    def allowed(self) -> np.ndarray:
        """bool (V,)."""
        sections = self.blanks.sections
        first, allowed = sections.first, np.zeros(sections.size, bool)
        if self.bar < 0:
            allowed[UNKNOWN] = True
            return allowed
        if self.sounding is not None:
            allowed[first["duration"] : first["duration"] + sections.sizes["duration"]] = True
            return allowed
        left = int(self.lengths[self.bar]) - (self.time - int(self.begins[self.bar]))  # steps of the bar from here on
        if self.is_waiting:
            allowed[first["duration"] : first["duration"] + min(left - 1, sections.sizes["duration"])] = True
            return allowed
        at_end = self.placed or self.time == self.begins[self.bar]
        bars_left = len(self.begins) - self.bar - 1
        is_full = self.room < 8 + 2 * bars_left
        if not self.placed and not (at_end and is_full):
            here = self.time - int(self.begins[self.bar])
            allowed[first["position"] + min(here, sections.sizes["position"] - 1)] = self._can_play()
        elif self.placed and not (is_full and self.chord):
            self._allow_notes(allowed)
        if at_end and not self.just_chosen and (self.chord or not self.placed):
            allowed[UNKNOWN if bars_left else START] = True
            allowed[first["separator"]] = left > 1 and not is_full
        if not allowed.any():  # everything here is taken: what remains is to end the bar
            allowed[UNKNOWN if bars_left else START] = True
        return allowed

    def take(self, token: int) -> bool:
        """Read the token that was chosen; whether it was the last."""
        sections = self.blanks.sections
        first = sections.first
        self.room -= 1
        kind = next((kind for kind in sections.sizes if sections.of_kind(kind, np.array(token))), None)
        if token == START:
            return True
        if token == UNKNOWN:
            self.bar += 1
            self.time, self.placed, self.just_chosen = int(self.begins[self.bar]), False, False
            self.chord, self.struck = {}, Counter()
        elif kind == "separator":
            self.is_waiting = True
        elif kind == "duration" and self.is_waiting:
            self.time += token - first["duration"] + 1
            self.is_waiting, self.placed = False, False
            self.chord, self.struck = {}, Counter()
        elif kind == "duration" and self.sounding is not None:
            plays = DRUMS if self.is_drum else self.program
            self.notes.append((self.time, plays, self.sounding, token - first["duration"] + 1))
            self.sounding = None
        elif kind == "position":
            self.placed = True
        elif kind == "program":
            self.program, self.just_chosen = token - first["program"], True
        elif kind in ("pitch", "drum"):
            self.is_drum, self.just_chosen = kind == "drum", False
            self.sounding = token - first[kind] + (0 if self.is_drum else self.blanks.pitches.start)
            plays = DRUMS if self.is_drum else self.program
            self.chord[plays] = max(self.sounding, self.chord.get(plays, -1))
            self.struck[plays] += 1
        return False

    def _can_play(self) -> bool:
        allowed = np.zeros(self.blanks.sections.size, bool)
        self._allow_notes(allowed)
        return bool(allowed.any())

    def _allow_notes(self, allowed: np.ndarray) -> None:
        """Let notes begin: pitches of the program that plays, then other programs, low to high, drums last."""
        first, pitches = self.blanks.sections.first, self.blanks.pitches
        if DRUMS not in self.chord:
            if self.program in self.programs and (not self.chord or max(self.chord) <= self.program):
                above = self.chord.get(self.program, pitches.start - 1) + 1
                self._allow_keys(allowed, first["pitch"] - pitches.start, self.program, above, pitches.stop)
            if not self.just_chosen and self.blanks.has_programs:
                highest = max(self.chord, default=-1)
                for program in {*self.programs} - {DRUMS, self.program}:
                    allowed[first["program"] + program] = program > highest
        if DRUMS in self.programs and not self.just_chosen:
            self._allow_keys(allowed, first["drum"], DRUMS, self.chord.get(DRUMS, -1) + 1, PITCHES)

    def _allow_keys(self, allowed: np.ndarray, first: int, program: int, low: int, high: int) -> None:
        if self.struck[program] >= self.programs[program]:
            return
        allowed[first + low : first + high] = self.keys[program][low:high]
        for key in self.taken.get((self.time, program), ()):
            if low <= key < high:
                allowed[first + key] = False
