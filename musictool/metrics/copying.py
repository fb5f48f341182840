"""What a piece has in common with other pieces: an index that finds copied music in any transposition.

A piece is laid on sixteenths; what counts is which pitches are struck on each, by any track but drums, and neither
how long they last nor how loud. A *window* is 16 of these steps, at any place. It is copied if the same notes, all of
them so many semitones higher or lower, fill 16 steps of an indexed piece. A *run* is a stretch of steps that is the
same as one stretch of one indexed piece.

People quote, too: chorales share their cadences and songs their riffs. So the figures mean something only beside those
of human pieces that are not in the index (Yin et al., 2021).

Each window has a hash, a polynomial in its steps and pitches modulo 2^64 divided by the power of its lowest first
pitch, so that no transposition changes it; the index is a sorted array of hashes. Each run is then compared step by
step with the indexed piece, as two windows may have one hash.
Limits: music that keeps to no beat is not found, nor what is slower than quarter notes, nor a melody whose
accompaniment is another one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from musictool.music.grid import to_steps
from musictool.music.score import PITCHES, Score

STEPS_PER_QUARTER = 4
WINDOW = 16  # steps
MIN_STRUCK = 4  # steps of a window on which something is struck, or it does not count
MAX_MATCHES = 256  # of one window that are looked at
MAX_RUNS = 32  # that are followed to both ends
GAP = WINDOW  # silent steps between two pieces, so that no window holds notes of both; at least WINDOW
_PITCH, _STEP = 0x9E3779B97F4A7C15, 0xD1342543DE82EF95  # odd, so that they have inverses
_SILENT = np.uint8(255)  # as the lowest pitch of a step


@dataclass(frozen=True)
class Copied:
    """What one piece has in common with the index.

    Attributes:
        windows: of the piece, that count.
        share: of them that are copied, 0 to 1; 0 for a piece without any.
        longest: steps of the longest run; 0 for none.
        start: the step of the piece at which it begins.
        piece: the indexed piece that it comes from, a number from 0 on; -1 for none.
        piece_start: the step of that piece at which it begins there.
        semitones: by which the run is higher than there.
    """

    windows: int
    share: float
    longest: int = 0
    start: int = 0
    piece: int = -1
    piece_start: int = 0
    semitones: int = 0


class CopyIndex:
    """Where each window of some pieces is.

    Args:
        values: uint64 (T,), the sum of the powers of the pitches struck on each step; the pieces are end to end, each
            with GAP silent steps behind it.
        lowest: uint8 (T,), the lowest pitch that is struck; 255 for none.
        starts: int64 (pieces + 1,), the first step of each piece.
        windows: uint64 (W,), sorted: the hashes of the windows that count.
        places: uint32 (W,): the step at which each of them begins.
    """

    def __init__(
        self, values: np.ndarray, lowest: np.ndarray, starts: np.ndarray, windows: np.ndarray, places: np.ndarray
    ):
        self.values, self.lowest, self.starts = values, lowest, starts
        self.windows, self.places = windows, places

    @classmethod
    def of(cls, scores: Iterable[Score]) -> CopyIndex:
        """The index of some pieces, which are read once."""
        laid = [_in_steps(score) for score in scores]
        starts = np.cumsum([0, *(len(values) for values, _ in laid)])
        values, lowest = (
            np.concatenate([piece[i] for piece in laid] or [np.zeros(0, dtype)])
            for i, dtype in enumerate((np.uint64, np.uint8))
        )
        windows, places = _windows(values, lowest)
        order = np.argsort(windows, kind="stable")
        return cls(values, lowest, starts, windows[order], places[order].astype(np.uint32))

    def find(self, score: Score) -> Copied:
        """What a piece has in common with the index."""
        values, lowest = _in_steps(score)
        windows, places = _windows(values, lowest)
        # matches of each window: a stretch of the sorted hashes
        first = np.searchsorted(self.windows, windows, side="left")
        times = np.searchsorted(self.windows, windows, side="right") - first
        if not times.any():
            return Copied(len(windows), 0.0)
        share = float((times > 0).mean())
        runs = [self._run(values, lowest, *match) for match in self._longest_matches(places, first, times)]
        length, start, there, semitones = max(runs, key=lambda run: run[0])
        piece = int(np.searchsorted(self.starts, there, side="right")) - 1
        return Copied(len(windows), share, length, start, piece, there - int(self.starts[piece]), semitones)

    def _longest_matches(self, places: np.ndarray, first: np.ndarray, times: np.ndarray) -> list[tuple[int, int]]:
        """(step of the piece, step of the index) at which the longest runs of copied windows begin."""
        # every match as a pair of steps, here in the piece and there in the index, (M,)
        matches = np.minimum(times, MAX_MATCHES)
        here = np.repeat(places, matches)
        nth = np.arange(len(here)) - np.repeat(np.cumsum(matches) - matches, matches)
        there = self.places[np.repeat(first, matches) + nth].astype(np.int64)
        # matches at one offset that follow each other within a window are a run
        order = np.lexsort((here, there - here))
        here, there = here[order], there[order]
        breaks = np.append(True, (np.diff(there - here) != 0) | (np.diff(here) > WINDOW))[: len(here)]
        begin = np.flatnonzero(breaks)
        # the runs that span most
        spans = here[np.append(begin[1:], len(here)) - 1] - here[begin]
        longest = np.argsort(-spans, kind="stable")[:MAX_RUNS]
        return [(int(here[i]), int(there[i])) for i in begin[longest]]

    def _run(self, values: np.ndarray, lowest: np.ndarray, here: int, there: int) -> tuple[int, int, int, int]:
        """(steps, first step of the piece, first step of the index, semitones) of the run through a copied window."""
        # how much higher: by the first struck step of the window
        sounding = here + int(np.flatnonzero(lowest[here : here + WINDOW] != _SILENT)[0])
        semitones = int(lowest[sounding]) - int(self.lowest[sounding - here + there])
        # as far to both sides as the two pieces go, step by step
        piece = int(np.searchsorted(self.starts, there, side="right"))
        back = min(here, there - int(self.starts[piece - 1]))
        length = min(len(values) - here, int(self.starts[piece]) - there)
        stretch = values[here - back : here + length]
        same = stretch == self.values[there - back : there + length] * _power(_PITCH, semitones)
        # the run ends at the nearest difference on either side, without silent steps at its ends
        different = np.flatnonzero(~same)
        start = int(different[different < back].max(initial=-1)) + 1
        end = int(different[different >= back].min(initial=len(stretch)))
        silent = stretch[start:end] == 0
        if silent.all():  # equal hashes by chance; no notes agree
            return 0, here, there, semitones
        start, end = start + int(np.argmin(silent)), end - int(np.argmin(silent[::-1]))
        return end - start, here - back + start, there - back + start, semitones


def _in_steps(score: Score) -> tuple[np.ndarray, np.ndarray]:
    """`values` and `lowest` of a piece as in CopyIndex, with GAP silent steps at the end."""
    notes = score.notes[~score.is_drum]
    struck = np.unique(to_steps(notes["onset_ticks"], STEPS_PER_QUARTER) * PITCHES + notes["pitch"])
    steps, pitches = np.divmod(struck, PITCHES)
    length = int(steps.max(initial=-1)) + 1 + GAP
    values, lowest = np.zeros(length, np.uint64), np.full(length, _SILENT)
    if len(struck):
        firsts = np.flatnonzero(np.diff(steps, prepend=-1))
        values[steps[firsts]] = np.add.reduceat(_PITCHES[pitches], firsts)
        lowest[steps[firsts]] = pitches[firsts]
    return values, lowest


def _windows(values: np.ndarray, lowest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """uint64, int64 (W,) each: the hash of each window that counts, and the step at which it begins.

    A window that begins with silence does not count: a later one holds the same notes.
    """
    if len(values) < WINDOW:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    struck = lowest != _SILENT
    # windows that begin with a struck step and have enough of them
    is_full = np.convolve(struck, np.ones(WINDOW, np.int64))[WINDOW - 1 : len(struck)] >= MIN_STRUCK
    places = np.flatnonzero(is_full & struck[: len(is_full)])
    # the polynomial by its steps, divided by the power of the lowest first pitch
    hashes = np.zeros(len(places), np.uint64)
    for step in range(WINDOW):
        hashes += values[places + step] * _power(_STEP, step)
    hashes *= _INVERSES[lowest[places]]
    return hashes, places


def _power(base: int, exponent: int) -> np.uint64:
    return np.uint64(pow(base, exponent, 1 << 64))


_PITCHES = np.array([_power(_PITCH, pitch) for pitch in range(PITCHES)])
_INVERSES = np.array([_power(_PITCH, -pitch) for pitch in range(PITCHES)])
