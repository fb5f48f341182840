"""Music with blanks, and behind it what belongs there: the rows from which a model learns to fill in.

Of some bars of a piece in note-duration (musictool/encodings/note_duration.py) a part is free: bars, tracks, lines or
single notes. The rest is given, with UNKNOWN at the beginning of each bar in which something was taken out; behind it
stands what was taken out, bar by bar:

    START  given music, UNKNOWN where a bar has a blank  START  programs  UNKNOWN notes  UNKNOWN notes ...  START

`programs` says who plays what is written: the token of each, and the first drum token for drums, as many times as notes
of it begin together at most. The k-th UNKNOWN behind
them begins the notes of the k-th blank, whose waits count from the beginning of the bar; the last START ends them. So a
model that reads from left to right has seen what stands before, beside and behind a blank when it comes to fill it,
what is written may be longer or shorter than what was there, and its likelihood is exact.

Source: Donahue, Lee, Liang, "Enabling Language Models to Fill in the Blanks" (2020), whose [blank] and [answer] these
are; Ens and Pasquier, MMM (2020), do so with bars of tracks. The tasks are those that Shaw trains at once in
MusicAutobot's multitask model (2019): masked notes, one part from another, and plain music, next token by next token.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby

import numpy as np

from musictool.encoding import FIRST_TOKEN, PADDING, START, UNKNOWN, Encoding
from musictool.encodings.note_duration import DRUMS, NoteDuration

ONSET, PROGRAM, PITCH, LENGTH = range(4)  # columns of notes; times in steps, DRUMS as the program of drums
MOST_PARTS = 8  # notes that begin together are told apart up to so many
TASKS = ("bars", "tracks", "lines", "notes", "plain")


@dataclass(frozen=True)
class Excerpt:
    """Some bars of a piece.

    Attributes:
        begins: int64 (N + 1,), the steps at which its bars begin, and the end of the last one.
        metres: int64 (N,), the token of the metre that is written at a bar, 0 for none. The first bar has one.
        notes: int64 (M, 4), columns ONSET, PROGRAM, PITCH, LENGTH, sorted; all begin within the bars.
    """

    begins: np.ndarray
    metres: np.ndarray
    notes: np.ndarray

    @property
    def bars(self) -> int:
        """N."""
        return len(self.metres)

    @property
    def bar_of(self) -> np.ndarray:
        """int64 (M,): the bar in which each note begins."""
        return np.searchsorted(self.begins, self.notes[:, ONSET], side="right") - 1

    def between(self, first: int, end: int) -> Excerpt:
        """The bars from `first` to `end` - 1, the metre that holds written at the first of them."""
        metres = self.metres[first:end].copy()
        metres[0] = self.metres[: first + 1][np.flatnonzero(self.metres[: first + 1])[-1]]
        chosen = (self.bar_of >= first) & (self.bar_of < end)
        return Excerpt(self.begins[first : end + 1], metres, self.notes[chosen])


class Blanks:
    """Writes music with blanks for one encoding.

    Args:
        encoding: note-duration with places in the bar; `fits` says whether an encoding is.
    """

    def __init__(self, encoding: Encoding):
        assert isinstance(encoding, NoteDuration)
        self.sections, self.pitches = encoding.sections, encoding.pitches
        self.longest = self.sections.sizes["duration"]
        self.has_programs = self.sections.sizes["program"] > 0

    @staticmethod
    def fits(encoding: Encoding) -> bool:
        """Whether bars can be found in its rows."""
        return isinstance(encoding, NoteDuration) and bool(encoding.options.positions)

    # === Rows -> music ===

    def excerpt(self, rows: np.ndarray, start: int = 0, is_end: bool = True) -> Excerpt | None:
        """The whole bars that begin at row `start` or later; None if there are none.

        Args:
            rows: int32 (T,), a piece from its beginning on.
            is_end: whether it ends there; if not, the last bar is left out.
        """
        first, of_kind = self.sections.first, self.sections.of_kind
        rows = np.asarray(rows, np.int64)
        before = np.concatenate([[PADDING], rows])[:-1]
        is_length = of_kind("duration", rows)
        steps = np.cumsum(np.where(is_length & of_kind("separator", before), rows - first["duration"] + 1, 0))

        # bars begin where positions count from, and with a metre
        places = np.flatnonzero(of_kind("position", rows))
        begins = steps[places] - (rows[places] - first["position"])
        changes = np.flatnonzero(of_kind("metre", rows))
        kept = places >= start
        if not kept.any():
            return None
        bars = np.unique(begins[kept])
        bars = bars[np.isin(bars, begins[~kept], invert=True)]  # the first may have begun before
        if is_end and len(bars):
            bars = np.append(bars, steps[-1] + 1)
        if len(bars) < 2:
            return None
        holding = np.searchsorted(steps[changes], bars[0], side="right")
        metres = np.zeros(len(bars) - 1, np.int64)
        metres[0] = rows[changes[holding - 1]] if holding else first["metre"]
        for change in changes[holding:].tolist():
            bar = int(np.searchsorted(bars, steps[change]))
            if bar < len(metres) and bars[bar] == steps[change]:
                metres[bar] = rows[change]

        # notes: a pitch or a drum with a duration behind it
        is_drum = of_kind("drum", before)
        at = np.flatnonzero(is_length & (is_drum | of_kind("pitch", before)))
        is_program = of_kind("program", rows)
        programs = np.append(0, rows[is_program] - first["program"])[np.cumsum(is_program)]
        notes = np.stack(
            [
                steps[at],
                np.where(is_drum[at], DRUMS, programs[at]),
                before[at] - np.where(is_drum[at], first["drum"], first["pitch"] - self.pitches.start),
                rows[at] - first["duration"] + 1,
            ],
            axis=1,
        )
        chosen = (notes[:, ONSET] >= bars[0]) & (notes[:, ONSET] < bars[-1])
        return Excerpt(bars, metres, sorted_notes(notes[chosen]))

    # === Music -> rows ===

    def given(self, excerpt: Excerpt, is_free: np.ndarray, is_blank: np.ndarray) -> list[int]:
        """The rows of what is given, from the START before it on.

        Args:
            is_free: bool (M,), the notes that are taken out.
            is_blank: bool (N,), the bars that have a blank.
        """
        rows, program, time = [START], 0, int(excerpt.begins[0])
        bar_of = excerpt.bar_of
        notes = excerpt.notes[~is_free]
        of_bar = _split(notes, bar_of[~is_free], excerpt.bars)
        for bar in range(excerpt.bars):
            begin = int(excerpt.begins[bar])
            opening = [*([int(excerpt.metres[bar])] if excerpt.metres[bar] else []), *[UNKNOWN] * bool(is_blank[bar])]
            if opening:
                rows += [*self._wait(begin - time), *opening]
                time = begin
            more, program, time = self._notes(of_bar[bar], begin, time, program)
            rows += more
        return rows

    def request(self, together: Mapping[int, int]) -> list[int]:
        """The rows between what is given and what is written: who plays, and how many notes of each begin together."""
        parts = [[self.program_token(program)] * min(together[program], MOST_PARTS) for program in sorted(together)]
        return [START, *chain.from_iterable(parts)]

    def program_token(self, program: int) -> int:
        """The token of a program, or of drums; of a piano where the encoding has no programs."""
        if program == DRUMS:
            return self.sections.first["drum"]
        return self.sections.first["program"] + program if self.has_programs else self.sections.first["pitch"]

    def written(self, excerpt: Excerpt, is_free: np.ndarray, is_blank: np.ndarray) -> list[int]:
        """The rows of what is free, bar by bar, to the START that ends it."""
        rows: list[int] = []
        program = 0
        of_bar = _split(excerpt.notes[is_free], excerpt.bar_of[is_free], excerpt.bars)
        for bar in np.flatnonzero(is_blank).tolist():
            begin = int(excerpt.begins[bar])
            more, program, _ = self._notes(of_bar[bar], begin, begin, program)
            rows += [UNKNOWN, *more]
        return [*rows, START]

    def _notes(self, notes: np.ndarray, begin: int, time: int, program: int) -> tuple[list[int], int, int]:
        """The rows of the notes of a bar, and the program and the time behind them."""
        rows, first = [], self.sections.first
        most = self.sections.sizes["position"] - 1
        for onset, chord in groupby(notes.tolist(), key=lambda note: note[ONSET]):
            rows += [*self._wait(onset - time), first["position"] + min(onset - begin, most)]
            time = onset
            for _, plays, pitch, length in chord:
                if plays == DRUMS:
                    rows.append(first["drum"] + pitch)
                else:
                    if plays != program:
                        rows.append(first["program"] + plays)
                        program = plays
                    rows.append(first["pitch"] + pitch - self.pitches.start)
                rows.append(first["duration"] + min(length, self.longest) - 1)
        return rows, program, time

    def _wait(self, steps: int) -> Iterator[int]:
        while steps > 0:
            yield self.sections.first["separator"]
            yield self.sections.first["duration"] + min(steps, self.longest) - 1
            steps -= self.longest


@dataclass(frozen=True)
class BlankTasks:
    """Makes windows with blanks out of windows of a corpus; the windows of training call it.

    Attributes:
        blanks: of the corpus's encoding.
        weights: how often each of TASKS is taken, relative to the others.
    """

    blanks: Blanks
    weights: Sequence[float]

    def window(
        self, piece: np.ndarray, start: int, length: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """int32 (length + 1,), float32 (length,): the rows of a window with blanks, and whether each but the first
        counts; None where the window is to stay as it is.

        Args:
            piece: int32 (T,), the rows of its piece.
            start: the first target of the window in the piece.
        """
        shares = np.array(self.weights) / sum(self.weights)
        task = TASKS[int(rng.choice(len(TASKS), p=shares))]
        end = start + length
        if task == "plain" or (whole := self.blanks.excerpt(piece[:end], start, end >= len(piece))) is None:
            return None
        bars = whole.bars
        while bars:
            excerpt = whole.between(0, bars)
            is_free, is_blank, programs = free_part(excerpt, task, rng)
            if not is_free.any() or is_free.all():
                return None
            given = self.blanks.given(excerpt, is_free, is_blank)
            request = self.blanks.request(most_together(excerpt.notes[is_free], programs))
            written = self.blanks.written(excerpt, is_free, is_blank)
            total = len(given) + len(request) + len(written)
            if total <= length + 1:
                rows = np.full(length + 1, PADDING, np.int32)
                rows[:total] = [*given, *request, *written]
                counts = np.zeros(length + 1, np.float32)
                counts[:total] = 1
                counts[len(given) : len(given) + len(request) + 1] = 0  # what is asked for is not predicted
                counts[: len(given)] *= rows[: len(given)] >= FIRST_TOKEN  # nor where the blanks are
                return rows, counts[1:]
            bars = min(bars - 1, int(bars * (length + 1) / total))
        return None


def free_part(excerpt: Excerpt, task: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, set[int]]:
    """What is taken out for a task: bool (M,) the notes, bool (N,) the bars with a blank, and who plays there.

    bars takes some consecutive bars, of all tracks or of some; tracks some whole tracks, where there are several; lines
    the highest or the lowest notes or all but the highest, so that chords are learnt from a melody and the other way
    round; notes any of them.
    """
    notes, bar_of = excerpt.notes, excerpt.bar_of
    programs = np.unique(notes[:, PROGRAM])
    is_blank = np.ones(excerpt.bars, bool)
    is_free = np.ones(len(notes), bool)
    if task == "tracks" and len(programs) == 1:
        task = "lines"
    if task == "bars":
        count = int(rng.integers(1, max(1, excerpt.bars // 2) + 1))
        first = int(rng.integers(0, excerpt.bars - count + 1))
        is_blank = (np.arange(excerpt.bars) >= first) & (np.arange(excerpt.bars) < first + count)
        is_free = is_blank[bar_of]
    if task == "tracks" or (task == "bars" and len(programs) > 1 and rng.random() < 0.5):
        chosen = rng.permutation(programs)[: int(rng.integers(1, len(programs)))]
        is_free &= np.isin(notes[:, PROGRAM], chosen)
        return is_free, is_blank, {*chosen.tolist()}
    if task == "lines":
        pitched = notes[:, PROGRAM] != DRUMS
        line = str(rng.choice(["highest", "lowest", "others"]))
        is_free = outermost(notes, pitched, 1 if line != "lowest" else -1)
        is_free = pitched & ~is_free if line == "others" else is_free
    if task == "notes":
        is_free = rng.random(len(notes)) < rng.uniform(0.1, 0.6)
        is_blank = np.bincount(bar_of[is_free], minlength=excerpt.bars) > 0
        return is_free, is_blank, {*notes[is_free, PROGRAM].tolist()}
    return is_free, is_blank, {*notes[is_free, PROGRAM].tolist()} if task == "lines" else {*programs.tolist()}


def most_together(notes: np.ndarray, programs: Collection[int]) -> dict[int, int]:
    """Of each of these programs, how many of the notes (M, 4) begin together at most; at least 1."""
    most = dict.fromkeys(programs, 1)
    places, counts = np.unique(notes[:, [ONSET, PROGRAM]], axis=0, return_counts=True)
    for program in programs:
        most[program] = int(counts[places[:, 1] == program].max(initial=1))
    return most


def outermost(notes: np.ndarray, among: np.ndarray, way: int) -> np.ndarray:
    """bool (M,): of the notes `among` them that begin together, the highest (way 1) or the lowest (-1)."""
    chosen = np.flatnonzero(among)
    order = chosen[np.lexsort((-way * notes[chosen, PITCH], notes[chosen, ONSET]))]
    firsts = order[np.diff(notes[order, ONSET], prepend=-1) != 0]
    return np.isin(np.arange(len(notes)), firsts)


def sorted_notes(notes: np.ndarray) -> np.ndarray:
    """int64 (M, 4), by onset, then program, then pitch."""
    return notes[np.lexsort((notes[:, PITCH], notes[:, PROGRAM], notes[:, ONSET]))]


def _split(notes: np.ndarray, bar_of: np.ndarray, bars: int) -> list[np.ndarray]:
    """The notes of each bar."""
    return np.split(notes, np.searchsorted(bar_of, np.arange(1, bars)))
