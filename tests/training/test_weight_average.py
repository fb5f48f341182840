"""The running mean of weights."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from musictool.training.weight_average import WeightAverage


def test_the_mean_forgets_fast_at_first_and_then_by_its_decay():
    weight = keras.Variable(np.zeros(2, np.float32))
    average = WeightAverage([weight], decay=0.5)
    expected = 0.0
    for step in range(1, 30):
        weight.assign(np.full(2, float(step)))
        average.update()
        decay = min(0.5, step / (step + 9))
        expected = decay * expected + (1 - decay) * step
    assert np.asarray(average.means[0]) == pytest.approx(expected)
    assert int(np.asarray(average.steps)) == 29


def test_the_mean_is_in_place_within_and_the_trained_weights_after_even_an_error():
    weight = keras.Variable(np.array([1.0], np.float32))
    average = WeightAverage([weight], decay=0.99)
    weight.assign([11.0])
    average.update()
    with average.in_place():
        assert float(np.asarray(weight)[0]) == pytest.approx(10.0)
    assert float(np.asarray(weight)[0]) == 11
    with pytest.raises(RuntimeError, match="within"), average.in_place():
        raise RuntimeError("within")
    assert float(np.asarray(weight)[0]) == 11
