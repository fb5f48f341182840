"""Where in its bar each row of a grid stands, as numbers for a network.

Beside a row stand these numbers (SIZE of them), with p the rows since its bar line, n the rows of a bar, q the rows of
a quarter note and b the bars before it:

    cos, sin (2 pi k p / n), k = 1..12    the place in the bar; enough to know each sixteenth of it
    cos, sin (2 pi k p / q), k = 1, 2     the place in the beat
    cos, sin (2 pi (b + p / n) / m)       the place among 2, 4, 8 and 16 bars, which is how phrases are made
    0 or 1                                whether it is before the first bar line, in an upbeat
    one of seven                          quarter notes in a bar: 1.5, 2, 3, 4, 4.5, 6, or another number of them
    0 or 1                                whether the metre is compound: 6/8, 9/8, 12/8

A metre that begins again before a bar of it is over was an upbeat: it is counted towards its end, and is no bar of its
own. Pieces that name no metre are in 4/4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from musictool.music.grid import to_steps
from musictool.music.score import METRE, bar_ticks

BAR_HARMONICS, BEAT_HARMONICS = 12, 2
PHRASES = (2, 4, 8, 16)  # bars
QUARTERS = (1.5, 2, 3, 4, 4.5, 6)  # in a bar
SIZE = 2 * (BAR_HARMONICS + BEAT_HARMONICS + len(PHRASES)) + 1 + len(QUARTERS) + 1 + 1
COMMON_TIME = np.array([(0, 4, 4)], METRE)


@dataclass(frozen=True)
class BarPositions:
    """The bar positions of some pieces, row by row.

    Attributes:
        metres: METRE of each piece.
        rows_per_quarter: rows in a quarter note.
        first_rows: of each piece, the number of the row that is counted as row 0; none: the first of all.
    """

    metres: Sequence[np.ndarray] = field(default=(COMMON_TIME,))
    rows_per_quarter: int = 4
    first_rows: Sequence[int] = ()

    def of_rows(self, start: int, stop: int) -> np.ndarray:
        """float32 (stop - start, pieces, SIZE): beside the rows from start to stop - 1 of every piece."""
        rows, firsts = np.arange(start, stop), self.first_rows or [0] * len(self.metres)
        return np.stack([self.of_piece(piece, rows + first) for piece, first in enumerate(firsts)], axis=1)

    def of_piece(self, piece: int, rows: np.ndarray) -> np.ndarray:
        """float32 (..., SIZE): beside these rows (...) of one piece, by number, from 0."""
        segments = self._known.get(piece)
        if segments is None:
            segments = self._known[piece] = _segments(self.metres[piece], self.rows_per_quarter)
        at = np.maximum(np.searchsorted(segments[0], rows, side="right") - 1, 0)
        begin, length, compound, shift, bars = (column[at] for column in segments)
        since = np.maximum(rows - begin, 0)
        bar = bars + since // length
        position = since % length + shift
        phase = position / length
        # turns of the circle: in the bar, in the beat, among bars
        turns = np.concatenate(
            [
                phase[..., None] * np.arange(1, BAR_HARMONICS + 1),
                (position / self.rows_per_quarter)[..., None] * np.arange(1, BEAT_HARMONICS + 1),
                (bar + phase)[..., None] / np.array(PHRASES),
            ],
            axis=-1,
        )
        # which metre it is
        quarters = (length / self.rows_per_quarter)[..., None] == np.array(QUARTERS)
        flags = [(bar < 0)[..., None], quarters, ~quarters.any(axis=-1, keepdims=True), compound[..., None]]
        angles = 2 * np.pi * turns
        return np.concatenate([np.cos(angles), np.sin(angles), *flags], axis=-1).astype(np.float32)

    @cached_property
    def _known(self) -> dict[int, tuple[np.ndarray, ...]]:
        """The segments of the pieces that were asked for."""
        return {}


def _segments(metres: np.ndarray, rows_per_quarter: int) -> tuple[np.ndarray, ...]:
    """(M,) each, of the M segments of one metre: first row, rows of a bar, whether it is compound, by how many rows it
    begins late in its bar, bars before it (-1 for those of an upbeat at the very beginning)."""
    if not len(metres) or metres["onset_ticks"][0] > 0:
        metres = np.concatenate([COMMON_TIME, metres])
    begin = to_steps(metres["onset_ticks"], rows_per_quarter)
    holds = np.diff(begin, append=begin[-1] + 1) > 0  # of two on one row the later
    begin, metres = begin[holds], metres[holds]
    ticks = [bar_ticks(int(metre["numerator"]), int(metre["denominator"])) for metre in metres]
    length = np.maximum(1, to_steps(np.array(ticks), rows_per_quarter))
    # a metre that begins again before a bar is over was an upbeat, which is no bar
    lasts = np.diff(begin)
    is_upbeat = np.append(lasts < length[:-1], False)
    shift = np.where(is_upbeat, length - np.append(lasts, 0), 0)
    bars = np.cumsum(np.append(0, np.where(is_upbeat[:-1], 0, -(-lasts // length[:-1])))) - is_upbeat
    numerator = metres["numerator"]
    return begin, length, (numerator > 3) & (numerator % 3 == 0), shift, bars
