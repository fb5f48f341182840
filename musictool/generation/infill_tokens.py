"""A piece of any number of tracks, drums too, a part of it written anew by a model of music with blanks.

What is free is taken out of the piece, bar by bar; as many bars as the model sees at once, with bars around them, are
given to it with blanks (musictool/dataset/blanks.py), and it answers with what belongs there. A long part is written in
several such turns, each in view of those before it. Which tokens an answer may have is said in answer_rules.py.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import replace
from functools import cached_property
from itertools import combinations

import numpy as np

from musictool import arch as archs
from musictool.arch import BlanksArch
from musictool.dataset.blanks import LENGTH, ONSET, PITCH, PROGRAM, Blanks, Excerpt, sorted_notes
from musictool.encoding import UNKNOWN
from musictool.encodings.note_duration import DRUMS, NoteDuration
from musictool.errors import BadOption
from musictool.generation.answer_rules import AnswerRules
from musictool.generation.guidance import guidance_of
from musictool.generation.infill import Infill, loudness_near
from musictool.music.grid import in_steps, to_steps, to_ticks, without_overlaps
from musictool.music.score import NOTE, ON_KEYBOARD, PITCHES, TICKS_PER_QUARTER, Score, fold_octaves, sort_notes

NOTE_ROWS = 4  # rows of a note, with its part of waits, places and programs, at least where little is known
MOST_AT_ONCE = 4  # bars written in one turn
ROOM = 1.5  # times as much as stood there has room
MOST_SHARED = 8  # tracks of one program among which chords are shared out in order; of more, by height alone
BEYOND = 2  # semitones by which a new note may leave the range that its tracks have in the piece


class TokenInfill(Infill):
    """One request on one model of music with blanks and one piece. Args, attributes and errors are those of Infill."""

    def _read(self) -> None:
        model = self.model
        if not Blanks.fits(model.encoding):
            raise BadOption(
                f"{model.name} reads {model.encoding.name}, in which it cannot find bars; train one that can: "
                "musictool train --arch mask-transformer"
            )
        if self.request.voices is not None:
            raise BadOption(
                f"--voices is for models of four voices (--arch coconet), and {model.name} is a "
                f"{model.info['arch']['name']}; name what to write anew: --tracks or --bars"
            )
        assert isinstance(model.encoding, NoteDuration)
        self.blanks, self.quarter = Blanks(model.encoding), model.encoding.options.steps_per_quarter
        self.guidance = guidance_of(model, self.request.constraints, self.transposition)

    def _rows_foreseen(self) -> int:
        return sum(len(self.turn(bars).notes) for bars in self.turns) * NOTE_ROWS

    def scores(self) -> list[Score]:
        """The pieces. What is locked is as it was."""
        arch = self.model.player(self.engine)
        assert isinstance(arch, BlanksArch)
        return self._warned_of_nothing([self._piece(arch, number) for number in range(self.request.num)])

    # === What is free ===

    @cached_property
    def chosen_tracks(self) -> list[int]:
        """The tracks that are written in, as indices; by default all that play."""
        if self.named_tracks is not None:
            return self.named_tracks
        return sorted({*self.score.notes["track"].tolist()})

    def _check_part(self) -> None:
        _ = self.span_ticks, self.chosen_tracks
        if self.is_replaced.all():
            raise self._nothing_is_locked()
        if not self.is_replaced.any() and (self.is_pitches_only or self.request.lock is not None):
            raise self._all_is_locked()

    @property
    def is_pitches_only(self) -> bool:
        """Whether notes that are written keep the onset and length of one that was there."""
        return self.request.keep_rhythm or self.request.amount < 1

    @cached_property
    def programs(self) -> np.ndarray:
        """int64 (tracks,): of each track its program as rows have it, or DRUMS."""
        return np.array(
            [DRUMS if each.is_drum else each.program * self.blanks.has_programs for each in self.score.tracks]
        )

    @cached_property
    def most_together(self) -> dict[int, int]:
        """Of each program that is written in, how many notes of its tracks begin together at most: as many as do in the
        piece, so that a part of one voice stays one."""
        most: Counter[int] = Counter()
        onsets, _ = in_steps(self.score.notes, self.quarter)
        for track in self.chosen_tracks:
            of_track = onsets[self.score.notes["track"] == track]
            most[int(self.programs[track])] += int(np.unique(of_track, return_counts=True)[1].max(initial=1))
        return dict(most)

    def _is_one_voice(self, track: int) -> bool:
        """Whether a track plays one note at a time."""
        chosen = self.score.notes["track"] == track
        onsets, lengths = in_steps(self.score.notes[chosen], self.quarter)
        return not self.score.tracks[track].is_drum and bool((np.diff(onsets) >= lengths[:-1]).all())

    @cached_property
    def excerpt(self) -> Excerpt:
        """The bars of the whole piece, with the notes that are locked, at the height at which the model reads them."""
        ends = [self.score.bar_line_ticks(bar) for bar in range(self.score.bars + 1)]
        begins = to_steps(np.array(ends), self.quarter)
        begins = np.maximum.accumulate(np.maximum(begins, np.arange(len(begins))))
        rows = self.model.encoding.encode(self.score)
        excerpt, metres = self.blanks.excerpt(rows), np.zeros(len(begins) - 1, np.int64)
        metres[0] = self.blanks.sections.first["metre"]
        if excerpt is not None:
            for step, metre in zip(excerpt.begins.tolist(), excerpt.metres.tolist(), strict=False):
                at = int(np.searchsorted(begins, step))
                if metre and at < len(metres):
                    metres[at] = metre
        notes = self._notes(without_overlaps(self._in_steps(self.score.notes[~self.is_replaced])))
        return Excerpt(begins, metres, notes[notes[:, ONSET] < begins[-1]])

    @cached_property
    def held(self) -> dict[tuple[int, int], set[int]]:
        """(step, program) -> the keys that locked notes strike or hold there, to the end of the step that they end in.
        A note that began there would cut them short in a MIDI file."""
        notes = self.score.notes[~self.is_replaced]
        steps = self._in_steps(notes)
        ends = -(-(notes["onset_ticks"].astype(np.int64) + notes["duration_ticks"]) * self.quarter // TICKS_PER_QUARTER)
        held: dict[tuple[int, int], set[int]] = defaultdict(set)
        columns = (steps["onset_ticks"], ends, steps["track"], steps["pitch"])
        first, last = (self.excerpt.begins[np.array([self.blank_bars[0], self.blank_bars[-1] + 1])]).tolist()
        for onset, end, program, pitch in zip(*(column.tolist() for column in columns), strict=True):
            for step in range(max(onset, first), min(max(end, onset + 1), last)):
                held[step, program].add(pitch)
        return held

    @cached_property
    def old(self) -> np.ndarray:
        """int64 (M, 4): the notes that go, as those of an Excerpt."""
        return self._notes(without_overlaps(self._in_steps(self.score.notes[self.is_replaced])))

    @cached_property
    def blank_bars(self) -> list[int]:
        """The bars in which something is written: all that are asked for, or those with a note that goes."""
        if self.is_pitches_only or self.request.lock is not None:
            bars = np.searchsorted(self.excerpt.begins, self.old[:, ONSET], side="right") - 1
            return sorted({*bars.tolist()})
        spans = self.request.spans or ((0, self.score.bars),)
        return sorted({bar for first, end in spans for bar in range(first, end)})

    @cached_property
    def turns(self) -> list[list[int]]:
        """The blank bars of each turn: some that follow each other, with room for bars beside them."""
        turns: list[list[int]] = []
        for bar in self.blank_bars:
            last = turns[-1] if turns else []
            if (
                last
                and bar == last[-1] + 1
                and len(last) < MOST_AT_ONCE
                and self._row_count(last[0], bar + 1) < self._half
            ):
                last.append(bar)
            else:
                turns.append([bar])
        return turns

    @cached_property
    def _context(self) -> int:
        unbuilt = archs.from_json(self.model.info["arch"], self.model.spec)
        assert isinstance(unbuilt, BlanksArch)
        return unbuilt.context

    @property
    def _half(self) -> float:
        return self._context / 2

    @cached_property
    def _rows_before(self) -> np.ndarray:
        """int64 (bars + 1,): about how many rows the bars before each one take, what is written in them among them."""
        everything = sorted_notes(np.concatenate([self.excerpt.notes, self.old]))
        nothing, bars = np.zeros(len(everything), bool), self.excerpt.bars
        whole = Excerpt(self.excerpt.begins, self.excerpt.metres, everything)
        rows = np.array(self.blanks.given(whole, nothing, np.ones(bars, bool)))
        return np.append(np.flatnonzero(rows == UNKNOWN), len(rows))

    def _row_count(self, first: int, end: int) -> int:
        return int(self._rows_before[end] - self._rows_before[first])

    def turn(self, bars: list[int]) -> Excerpt:
        """What is locked of the bars that the model sees when it writes these."""
        return self.excerpt.between(*self.seen(bars))

    def seen(self, bars: list[int]) -> tuple[int, int]:
        """(first, end) of the bars that the model sees when it writes these: with as many around them as have room."""
        first, end = bars[0], bars[-1] + 1
        most = self._context - int(ROOM * self._row_count(first, end)) - 32
        while True:
            wider = [
                (a, b)
                for a, b in ((first - 1, end), (first, end + 1))
                if a >= 0 and b <= self.excerpt.bars and self._row_count(a, b) <= most
            ]
            if not wider:
                return first, end
            # the shorter side grows first
            first, end = min(wider, key=lambda pair: abs((bars[0] - pair[0]) - (pair[1] - bars[-1] - 1)))

    # === What is written ===

    def _piece(self, arch: BlanksArch, number: int) -> Score:
        rng = np.random.default_rng((self.request.seed, number))
        written = np.zeros((0, 4), np.int64)
        for done, bars in enumerate(self.turns):
            written = np.concatenate([written, self._answered(arch, bars, written, rng)])
            if self.progress is not None:
                self.progress(number * len(self.turns) + done + 1, self.request.num * len(self.turns))
        return self._with(written)

    def _answered(self, arch: BlanksArch, bars: list[int], before: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """int64 (M, 4): the notes of these bars, in view of those written `before`."""
        first, end = self.seen(bars)
        notes = sorted_notes(np.concatenate([self.excerpt.notes, before]))
        excerpt = Excerpt(self.excerpt.begins, self.excerpt.metres, notes).between(first, end)
        is_blank = np.isin(np.arange(first, end), bars)
        given = self.blanks.given(excerpt, np.zeros(len(excerpt.notes), bool), is_blank)
        rows = np.array([*given, *self.blanks.request(self.most_together)], np.int32)
        taken = defaultdict(set, {place: {*keys} for place, keys in self.held.items()})
        if self.is_pitches_only:
            return self._repitched(arch, rows, bars, taken, rng)
        bounds = self.excerpt.begins
        rules = AnswerRules(
            self.blanks,
            bounds[bars],
            bounds[np.array(bars) + 1] - bounds[bars],
            self.most_together,
            self.keys,
            taken,
            max(self._context - len(rows), 16 * len(bars)),
        )
        is_over = False

        def choose(logits: np.ndarray) -> int | None:
            nonlocal is_over
            if is_over:
                return None
            token = self._drawn(logits, rules.allowed(), rng)
            is_over = rules.take(token)
            return token

        arch.answer(rows, choose)
        return np.array(rules.notes, np.int64).reshape(-1, 4)

    def _repitched(
        self,
        arch: BlanksArch,
        rows: np.ndarray,
        bars: list[int],
        taken: dict[tuple[int, int], set[int]],
        rng: np.random.Generator,
    ) -> np.ndarray:
        """int64 (M, 4): the notes that were there, with other pitches."""
        whole = Excerpt(self.excerpt.begins, self.excerpt.metres, self.old)
        of_bars = np.isin(whole.bar_of, bars)
        notes = self.old[of_bars].copy()
        template = self.blanks.written(whole, of_bars, np.isin(np.arange(whole.bars), bars))
        sections, pitches = self.blanks.sections, self.blanks.pitches
        tokens, note = iter(template), 0

        def choose(logits: np.ndarray) -> int | None:
            nonlocal note
            token = next(tokens, None)
            kind = "drum" if token is not None and sections.of_kind("drum", np.array(token)) else "pitch"
            if token is None or not sections.of_kind(kind, np.array(token)):
                return token
            onset, program, _, _ = notes[note].tolist()
            start = sections.first[kind] - (pitches.start if kind == "pitch" else 0)
            allowed = np.zeros(sections.size, bool)
            keys = pitches if kind == "pitch" else range(PITCHES)
            allowed[start + keys.start : start + keys.stop] = self.keys[program][keys.start : keys.stop]
            free = allowed.copy()
            free[[start + key for key in taken[onset, program]]] = False
            token = self._drawn(logits, free if free.any() else allowed, rng)
            notes[note, PITCH] = token - start
            taken[onset, program].add(token - start)
            note += 1
            return token

        arch.answer(rows, choose)
        return notes

    @cached_property
    def keys(self) -> dict[int, np.ndarray]:
        """Of each program that is written in, bool (128,): which keys it may strike, at the height at which the model
        reads them. They are those within the range that its tracks have in the piece, and BEYOND it, unless another
        range is asked for; of drums, those that are struck in the piece."""
        keys: dict[int, np.ndarray] = {}
        for track in self.chosen_tracks:
            program = int(self.programs[track])
            allowed = keys.setdefault(program, np.zeros(PITCHES, bool))
            struck = self._in_steps(self.score.notes[self.score.notes["track"] == track])["pitch"]
            if program == DRUMS:
                allowed[struck] = True
            elif self.request.constraints.pitch_range is not None or not len(struck):
                allowed[:] = True
            else:
                allowed[max(0, int(struck.min()) - BEYOND) : int(struck.max()) + BEYOND + 1] = True
        banned = self.guidance.banned
        if banned is not None:
            pitches, first = self.blanks.pitches, self.blanks.sections.first["pitch"]
            for program in keys.keys() - {DRUMS}:
                inside = keys[program][pitches.start : pitches.stop] & ~banned[first : first + len(pitches)]
                if inside.any():
                    keys[program][pitches.start : pitches.stop] = inside
                else:  # the key has no note in that range
                    keys[program][pitches.start : pitches.stop] = ~banned[first : first + len(pitches)]
        return keys

    def _drawn(self, logits: np.ndarray, allowed: np.ndarray, rng: np.random.Generator) -> int:
        scaled = np.where(allowed, logits.astype(np.float64) / self.request.temperature, -np.inf)
        weights = np.cumsum(np.exp(scaled - scaled.max()))
        return int(np.searchsorted(weights, rng.random() * weights[-1], side="right"))

    def _with(self, written: np.ndarray) -> Score:
        """The piece with these notes among those that are locked."""
        notes = np.zeros(len(written), NOTE)
        begin, end = (
            to_ticks(steps, self.quarter) for steps in (written[:, ONSET], written[:, ONSET] + written[:, LENGTH])
        )
        end = np.minimum(end, self.score.bar_line_ticks(self.score.bars))  # no note outlasts the piece
        notes["onset_ticks"], notes["duration_ticks"] = begin, end - begin
        is_drum = written[:, PROGRAM] == DRUMS
        lower = fold_octaves(written[:, PITCH] - self.transposition, range(PITCHES))
        notes["pitch"] = np.where(is_drum, written[:, PITCH], lower)
        notes["track"] = self._tracks(written[:, ONSET], written[:, PROGRAM], notes["pitch"].astype(np.int64))
        for track in np.unique(notes["track"]):
            chosen = notes["track"] == track
            notes["velocity"][chosen] = self._velocities(notes["onset_ticks"][chosen], int(track))
        locked = self.score.notes[~self.is_replaced]
        voices = [track for track in self.chosen_tracks if self._is_one_voice(track)]
        new = until_struck_again(notes, locked, voices)
        return replace(self.score, notes=sort_notes(np.concatenate([locked, new])))

    def _tracks(self, onsets: np.ndarray, programs: np.ndarray, pitches: np.ndarray) -> np.ndarray:
        """int64 (M,): the track of each new note: of those that are written in and have its program, the one whose
        own notes lie nearest to it; of notes that begin together the higher one is in the higher track."""
        heights = [self.score.notes["pitch"][self.score.notes["track"] == track] for track in self.chosen_tracks]
        mean = {
            track: float(each.mean()) if len(each) else 60.0
            for track, each in zip(self.chosen_tracks, heights, strict=True)
        }
        tracks = np.zeros(len(programs), np.int64)
        groups: dict[tuple[int, int], list[int]] = defaultdict(list)
        for note in np.argsort(pitches, kind="stable").tolist():
            groups[int(onsets[note]), int(programs[note])].append(note)
        for (_, program), notes in groups.items():
            able = sorted((track for track in mean if self.programs[track] == program), key=lambda track: mean[track])
            ways = combinations(able, len(notes)) if len(notes) <= len(able) <= MOST_SHARED else iter(())
            near = [min(able, key=lambda track: abs(mean[track] - pitches[note])) for note in notes]
            costs = {
                way: sum(abs(mean[track] - pitches[note]) for track, note in zip(way, notes, strict=True))
                for way in ways
            }
            tracks[notes] = min(costs, key=lambda way: costs[way]) if costs else near
        return tracks

    def _velocities(self, onsets: np.ndarray, track: int) -> np.ndarray:
        return loudness_near(self.score.notes, onsets, track)

    # === The piece in steps ===

    def _in_steps(self, notes: np.ndarray) -> np.ndarray:
        """NOTE (N,) with times in steps, programs as tracks, and pitches as the model reads them."""
        notes = notes.copy()
        programs = self.programs[notes["track"]]
        notes["onset_ticks"], notes["duration_ticks"] = in_steps(notes, self.quarter)
        transposed = fold_octaves(notes["pitch"].astype(np.int64) + self.transposition, range(PITCHES))
        notes["pitch"] = np.where(programs == DRUMS, notes["pitch"], ON_KEYBOARD[transposed])
        notes["track"] = programs
        return notes

    @staticmethod
    def _notes(notes: np.ndarray) -> np.ndarray:
        """The same as int64 (N, 4), as an Excerpt has them."""
        columns = [notes[name].astype(np.int64) for name in ("onset_ticks", "track", "pitch", "duration_ticks")]
        return sorted_notes(np.stack(columns, axis=1))


def until_struck_again(notes: np.ndarray, others: np.ndarray, voices: Collection[int] = ()) -> np.ndarray:
    """NOTE (N,): the notes, each ended where its key is struck again in its track, by one of them or of the others.

    Args:
        voices: tracks in which any key ends the note before it.
    """
    both = np.concatenate([notes, others])
    key = np.where(np.isin(both["track"], [*voices]), 0, both["pitch"])
    order = np.lexsort((both["onset_ticks"], key, both["track"]))
    before, after = order[:-1], order[1:]
    gaps = np.full(len(both), np.iinfo(np.int32).max, np.int64)
    gap = both["onset_ticks"][after].astype(np.int64) - both["onset_ticks"][before]
    same = (both["track"][before] == both["track"][after]) & (key[before] == key[after]) & (gap > 0)
    gaps[before[same]] = gap[same]
    ended = notes.copy()
    ended["duration_ticks"] = np.minimum(notes["duration_ticks"], gaps[: len(notes)])
    return ended
