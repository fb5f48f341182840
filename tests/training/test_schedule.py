from __future__ import annotations

import numpy as np
import pytest

from musictool.training.schedule import LEAST, Schedule


def rates(schedule: Schedule, epochs: int = 4, steps: int = 10) -> np.ndarray:
    """The learning rate of every step."""
    return np.array([schedule.at(epoch, step, steps) for epoch in range(epochs) for step in range(steps)])


def test_without_warm_up_and_decay_it_never_changes():
    assert set(rates(Schedule(0.01, 0, "none", 4))) == {0.01}


def test_it_rises_evenly_over_the_steps_of_the_warm_up_whatever_epoch_they_are_in():
    rising = rates(Schedule(0.01, 20, "none", 4))
    np.testing.assert_allclose(rising[:20], 0.01 * np.arange(1, 21) / 20)
    assert set(rising[19:]) == {0.01}


def test_a_cosine_falls_slowly_then_fast_then_slowly_to_its_least():
    falling = rates(Schedule(0.01, 0, "cosine", 4))
    assert falling[0] == 0.01
    assert (np.diff(falling) < 0).all()
    assert falling[20] == pytest.approx(0.01 * (1 + LEAST) / 2)
    assert falling[-1] == pytest.approx(0.01 * LEAST, rel=0.05)
    assert np.diff(falling).argmin() in (19, 20)


def test_the_time_that_has_passed_counts_where_it_is_more_than_the_epochs():
    schedule = Schedule(0.01, 0, "cosine", 4)
    assert schedule.at(0, 0, 10, time_used=0.5) == schedule.at(2, 0, 10) == schedule.at(2, 0, 10, time_used=0.1)
    assert schedule.at(0, 0, 10, time_used=3.0) == pytest.approx(0.01 * LEAST)


def test_more_epochs_than_were_planned_go_on_at_the_least():
    assert Schedule(0.01, 0, "cosine", 4).at(7, 3, 10) == pytest.approx(0.01 * LEAST)
