from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from musictool.backend.compile import compiled, slope


def test_a_slope_is_the_gradient_of_the_sum():
    at = ops.convert_to_tensor(np.array([[1.0, 2.0], [3.0, 4.0]], np.float32))
    found = slope(lambda x: ops.sum(x**3, axis=1), at)
    np.testing.assert_allclose(ops.convert_to_numpy(found), [[3, 12], [27, 48]], rtol=1e-6)


def test_a_slope_in_a_compiled_function_follows_the_weights():
    weight = keras.Variable(np.array([2.0], np.float32))
    run: Any = compiled(lambda x: slope(lambda y: weight * y**2, x))
    x = np.array([3.0], np.float32)
    assert ops.convert_to_numpy(run(x)) == pytest.approx([12.0])
    weight.assign([5.0])
    assert ops.convert_to_numpy(run(x)) == pytest.approx([30.0])


def test_a_slope_has_a_gradient_itself():
    """Of w x^2: the slope is 2 w x, and how that goes with w is 2 x."""
    tf = pytest.importorskip("tensorflow")
    weight = keras.Variable(np.array(2.0, np.float32))
    with tf.GradientTape() as tape:
        found = slope(lambda x: weight * x**2, tf.constant([3.0]))
    assert float(tape.gradient(found, weight.value)) == pytest.approx(6.0)
