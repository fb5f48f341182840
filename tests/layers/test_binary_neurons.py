from __future__ import annotations

import numpy as np
from keras import ops

from musictool.backend.compile import slope
from musictool.layers.binary_neurons import struck


def test_cells_are_0_or_1_and_let_the_gradient_through():
    said = ops.convert_to_tensor(np.array([0.2, 0.5, 0.7, 0.9], np.float32))
    np.testing.assert_array_equal(ops.convert_to_numpy(struck(said, 0.5)), [0, 0, 1, 1])
    np.testing.assert_array_equal(ops.convert_to_numpy(struck(said, np.array([0.1, 0.6, 0.8, 0.3]))), [1, 0, 0, 1])
    weights = np.array([1, 2, 3, 4], np.float32)
    np.testing.assert_array_equal(ops.convert_to_numpy(slope(lambda x: struck(x, 0.5) * weights, said)), weights)
