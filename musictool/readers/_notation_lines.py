"""What readers of notation have in common: notes whose ties are joined, loudness by dynamic marks, bars by measures."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np

from musictool.music.score import DEFAULT_VELOCITY, TICKS_PER_QUARTER, bar_ticks

DRUM_CHANNEL = 9  # counted from 0
DEFAULT_DRUM = 38  # the snare, where a file does not say which drum it means
MAX_METRE = 64  # of numerator and denominator

# how loud a dynamic mark is, as music21 has it: a share of the loudest
LOUDNESS = {
    "pppp": 0.1,
    "ppp": 0.15,
    "pp": 0.25,
    "p": 0.35,
    "mp": 0.45,
    "mf": 0.55,
    "f": 0.7,
    "ff": 0.85,
    "fff": 0.9,
    "ffff": 0.95,
    "fp": 0.75,
    "sfp": 0.75,
    "sf": 0.85,
    "sfz": 0.7,
    "sffz": 0.85,
    "fz": 0.7,
    "rf": 0.5,
    "rfz": 0.5,
}


Tied = dict[tuple[int, int], list[list[int]]]  # (pitch, end) of notes that go on -> their rows


class Line:
    """Notes as they come, in ticks; tied ones are joined, also with those of other lines that share `tied`."""

    def __init__(self, tied: Tied | None = None) -> None:
        self.rows: list[list[int]] = []  # onset, end, pitch, velocity (0: none given)
        self._tied: Tied = {} if tied is None else tied

    def add(self, onset: int, end: int, pitch: int, velocity: int, tie: str) -> None:
        """Add a note; `tie` is "start", "continue", "stop" or ""."""
        waiting = self._tied.get((pitch, onset)) if tie in ("stop", "continue") else None
        if waiting:
            row = waiting.pop(0)
            row[1] = end
        else:
            row = [onset, end, pitch, velocity]
            self.rows.append(row)
        if tie in ("start", "continue"):
            self._tied.setdefault((pitch, end), []).append(row)


def loudness(onsets: np.ndarray, marks: list[tuple[int, int]]) -> np.ndarray:
    """The velocity that holds at each onset: of the last dynamic mark, before the first mark the default."""
    times, velocities = np.array([(-1, DEFAULT_VELOCITY), *sorted(marks)]).T
    return velocities[np.searchsorted(times, onsets, side="right") - 1]


def metres(changes: Iterable[tuple[int, int, int]], measures: Iterable[int]) -> list[tuple[int, int, int]]:
    """Metres, written again after each incomplete measure (a pickup): so the bars come out right.

    Args:
        changes: (onset, numerator, denominator).
        measures: where each begins, in ticks.
    """
    known = {row[0]: row for row in changes if 0 < row[1] <= MAX_METRE and 0 < row[2] <= MAX_METRE}
    now = (4, 4)
    for begin, following in pairwise(sorted(set(measures))):
        if begin in known:
            now = known[begin][1:]
        if following - begin != bar_ticks(*now):
            known.setdefault(following, (following, *now))
    return sorted(known.values())


def table(rows: list[Any], dtype: np.dtype) -> np.ndarray:
    """Sorted rows as a table; of several at one time the last holds."""
    return np.array(sorted({row[0]: row for row in rows}.values()), dtype)


def ticks(quarters: Any) -> int:
    """Quarter notes as ticks, rounded half up."""
    return int(quarters * TICKS_PER_QUARTER + 0.5)


def velocity(loudness_share: float) -> int:
    """A share of the loudest as a velocity."""
    return min(127, max(1, round(127 * loudness_share)))
