"""Ticks <-> steps of a grid.

A grid divides the quarter note into a whole number of equal steps (4: sixteenths). Rounding is half up, so that a note
exactly between two steps always goes the same way.
"""

from __future__ import annotations

import numpy as np

from musictool.score import TICKS_PER_QUARTER


def to_steps(ticks: np.ndarray, steps_per_quarter: int) -> np.ndarray:
    """int64: the nearest step of each time in ticks."""
    return (2 * np.asarray(ticks, np.int64) * steps_per_quarter + TICKS_PER_QUARTER) // (2 * TICKS_PER_QUARTER)


def to_ticks(steps: np.ndarray, steps_per_quarter: int) -> np.ndarray:
    """int64: the time in ticks at which each step begins."""
    return (np.asarray(steps, np.int64) * TICKS_PER_QUARTER + steps_per_quarter // 2) // steps_per_quarter
