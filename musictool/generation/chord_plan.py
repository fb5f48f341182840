"""Which chord each row of some pieces stands under: those of a primer under its own, those behind it under the chords
that are asked for, half bar after half bar.

Where a row is a step of time, all of this is known ahead. A token takes as long as it takes, so that the chord of the
next one follows from those that are written.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musictool.dataset.conditions import Conditions
from musictool.generation.continuation import Primer
from musictool.music.harmony import half_bar_onsets


class ChordPlan:
    """The conditions of each row (see sampling/guidance.py, RowConditions).

    Args:
        primers: what each piece continues.
        read: rows of each primer that the model reads, the last ones.
        halves: the chords of half bars that are asked for, over and over (musictool/music/chords.py), as high as the
            model writes them.
        conditions: of the model.
        vector: float32 (C,), what else is asked for.
    """

    def __init__(
        self,
        primers: Sequence[Primer],
        read: int,
        halves: Sequence[int],
        conditions: Conditions,
        vector: np.ndarray,
    ):
        self._conditions, self._vector = conditions, vector
        self._pieces = [_PieceChords(primer, len(primer.rows) - read, halves) for primer in primers]

    def of_rows(self, start: int, stop: int, written: np.ndarray | None = None) -> np.ndarray:
        """float32 (stop - start, B, C); see RowConditions."""
        every = [None] * len(self._pieces) if written is None else written
        chords = [piece.chords(start, stop, rows) for piece, rows in zip(self._pieces, every, strict=True)]
        return self._conditions.with_chords(self._vector, np.stack(chords, axis=1))


class _PieceChords:
    """The chords of one piece.

    Args:
        skipped: rows of the primer that the model does not read.
        halves: as those of ChordPlan.
    """

    def __init__(self, primer: Primer, skipped: int, halves: Sequence[int]):
        self._primer, self._skipped, self._halves = primer, skipped, np.array(halves)
        self._lines, self._end = np.zeros(1, np.int64), 0  # of the half bars that are known, and where the last ends

    def chords(self, start: int, stop: int, written: np.ndarray | None) -> np.ndarray:
        """int64 (stop - start,); see RowConditions.of_rows."""
        primer, places = self._primer, np.arange(start, stop) + self._skipped
        # the rows before the last of these, and where each of these stands
        if written is None:
            new = max(0, stop - 1 + self._skipped - len(primer.rows))
            silence = np.zeros((new, *primer.rows.shape[1:]), primer.rows.dtype)
            rows = np.concatenate([primer.rows, silence])
        else:
            rows = np.concatenate([primer.rows[: self._skipped], written[: stop - 1]])
        ticks = np.append(0, primer.reached(rows))[places]

        # of the primer its own, behind it those that are asked for
        is_new = places >= len(primer.rows)
        chords = np.zeros(len(places), np.int64)
        if not is_new.all():
            lines, its_own = primer.half_bar_chords
            chords[~is_new] = its_own[_last_before(lines, ticks[~is_new])]
        if is_new.any():
            chords[is_new] = self._halves[self._half_bars(ticks[is_new], rows) % len(self._halves)]
        return chords

    def _half_bars(self, ticks: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """int64: in which half bar of the new piece, counted from 0, each of some times is; the rows may name metres
        that change."""
        last = int(ticks[-1])
        if last >= self._end:
            begin, metres = self._primer.bars_behind(rows, last)
            self._lines = begin + half_bar_onsets(metres, max(1, last - begin + 1))
            self._end = begin + metres.bar_line_ticks(len(self._lines) // 2)
            if last < self._lines[-1]:
                self._end = int(self._lines[-1])
            if len(rows) <= len(self._primer.rows):  # where the piece begins is known with its first row
                self._end = 0
        return _last_before(self._lines, ticks)


def _last_before(lines: np.ndarray, ticks: np.ndarray) -> np.ndarray:
    """int64: the last of some lines that each time is behind; the first before all."""
    return np.maximum(np.searchsorted(lines, ticks, side="right") - 1, 0)
