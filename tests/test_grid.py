from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from musictool.grid import to_steps, to_ticks


def test_sixteenths_by_hand():
    assert to_steps(np.array([0, 59, 60, 61, 120, 179, 180, 480]), 4).tolist() == [0, 0, 1, 1, 1, 1, 2, 4]
    assert to_ticks(np.arange(5), 4).tolist() == [0, 120, 240, 360, 480]
    assert to_steps(np.zeros(0, np.int32), 4).dtype == to_ticks(np.zeros(0, np.int32), 4).dtype == np.int64


@given(st.integers(0, 2**31 - 1), st.integers(1, 480))
def test_rounding_is_half_up(ticks, steps_per_quarter):
    exact = Fraction(ticks * steps_per_quarter, 480)
    assert to_steps(np.int32(ticks), steps_per_quarter) == floor(exact + Fraction(1, 2))


@given(st.lists(st.integers(0, 1_000_000)), st.integers(1, 480))
def test_steps_survive_being_ticks(steps, steps_per_quarter):
    there = to_ticks(np.array(steps, np.int64), steps_per_quarter)
    assert to_steps(there, steps_per_quarter).tolist() == steps
