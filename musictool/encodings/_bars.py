"""Metres and bar lines on a grid, as the token encodings write them."""

from __future__ import annotations

import numpy as np

from musictool.music.grid import to_steps, to_ticks
from musictool.music.score import METRE, Score

_METRE_NAMES = "4/4 3/4 2/4 6/8 2/2 12/8 9/8 3/8 5/4 6/4 7/8 5/8 7/4 3/2 4/2 1/4"
METRES = tuple((int(name.split("/")[0]), int(name.split("/")[1])) for name in _METRE_NAMES.split())
_QUARTERS = np.array([4 * numerator / denominator for numerator, denominator in METRES])  # in a bar of each


class Bars:
    """The bars of pieces on a grid. Before any metre is named it is the first of METRES, 4/4.

    Args:
        steps_per_quarter: of the grid.

    Attributes:
        steps: int64, the length of a bar of each of METRES; rounded half up, at least 1.
    """

    def __init__(self, steps_per_quarter: int):
        self.steps_per_quarter = steps_per_quarter
        self.steps = np.maximum(1, np.floor(_QUARTERS * steps_per_quarter + 0.5).astype(np.int64))

    def changes(self, score: Score, last: int) -> tuple[np.ndarray, np.ndarray]:
        """int64 (M,) each: the steps up to `last` on which a metre begins, and its index in METRES.

        A metre that METRES lacks becomes the one of the nearest length. Left out is what the metre before says already:
        the same metre, on one of its own bar lines.
        """
        begin = to_steps(score.metres["onset_ticks"], self.steps_per_quarter)
        holds = (begin <= last) & (np.diff(begin, append=last + 1) > 0)  # of two on one step the later holds
        start, metre = 0, 0
        kept = []
        for step, (_, *fraction) in zip(begin[holds].tolist(), score.metres[holds].tolist(), strict=True):
            index = _nearest_metre(*fraction)
            if index != metre or (step - start) % self.steps[metre]:
                start, metre = step, index
                kept.append((start, metre))
        steps, metres = np.array(kept, np.int64).reshape(-1, 2).T
        return steps, metres

    def positions(self, times: np.ndarray, steps: np.ndarray, metres: np.ndarray) -> np.ndarray:
        """int64: how many steps after the beginning of its bar each of `times` is; the rest is what `changes` gives."""
        at = np.searchsorted(steps, times, side="right")
        return (times - np.append(0, steps)[at]) % self.steps[np.append(0, metres)[at]]

    def table(self, steps: np.ndarray, metres: np.ndarray) -> np.ndarray:
        """METRE: changes on never falling steps, as Score.metres has them; of two on one step the later holds.

        Changes beyond the last tick that METRE can hold are left out.
        """
        ticks = to_ticks(steps, self.steps_per_quarter)
        holds = (np.diff(steps, append=-1) != 0) & (ticks <= np.iinfo(np.int32).max)
        fractions = np.array(METRES)[metres[holds]]
        table = np.zeros(len(fractions), METRE)
        table["onset_ticks"] = ticks[holds]
        table["numerator"], table["denominator"] = fractions.T
        return table


def _nearest_metre(numerator: int, denominator: int) -> int:
    """The index in METRES of a metre, or of the first of those whose length is nearest."""
    if (numerator, denominator) in METRES:
        return METRES.index((numerator, denominator))
    return int(np.abs(_QUARTERS - 4 * max(1, numerator) / max(1, denominator)).argmin())
