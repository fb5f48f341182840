from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from musictool.backend.compile import compiled, gradient


def test_a_gradient_is_that_of_the_sum():
    x = ops.convert_to_tensor(np.array([[1.0, 2.0], [3.0, 4.0]], np.float32))
    cubes = gradient(lambda x: ops.sum(x**3, axis=1), x)
    np.testing.assert_allclose(ops.convert_to_numpy(cubes), [[3, 12], [27, 48]], rtol=1e-6)


def test_a_gradient_in_a_compiled_function_follows_the_weights():
    weight = keras.Variable(np.array([2.0], np.float32))
    run: Any = compiled(lambda x: gradient(lambda y: weight * y**2, x))
    x = np.array([3.0], np.float32)
    assert ops.convert_to_numpy(run(x)) == pytest.approx([12.0])
    weight.assign([5.0])
    assert ops.convert_to_numpy(run(x)) == pytest.approx([30.0])


def test_a_gradient_has_a_gradient_itself():
    """Of w x^2: the gradient is 2 w x, and that of it with respect to w is 2 x."""
    tf = pytest.importorskip("tensorflow")
    weight = keras.Variable(np.array(2.0, np.float32))
    with tf.GradientTape() as tape:
        first = gradient(lambda x: weight * x**2, tf.constant([3.0]))
    assert float(tape.gradient(first, weight.value)) == pytest.approx(6.0)
