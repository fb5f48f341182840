from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from musictool.backend.compile import gradient
from musictool.layers.dcgan import STRIDES, FragmentCritic, FragmentGenerator, fitting_strides, straight_through


def test_cells_are_0_or_1_and_let_the_gradient_through():
    probabilities = ops.convert_to_tensor(np.array([0.2, 0.5, 0.7, 0.9], np.float32))
    np.testing.assert_array_equal(ops.convert_to_numpy(straight_through(probabilities, 0.5)), [0, 0, 1, 1])
    thresholds = np.array([0.1, 0.6, 0.8, 0.3])
    np.testing.assert_array_equal(ops.convert_to_numpy(straight_through(probabilities, thresholds)), [1, 0, 0, 1])
    weights = np.array([1, 2, 3, 4], np.float32)
    passed = gradient(lambda x: straight_through(x, 0.5) * weights, probabilities)
    np.testing.assert_array_equal(ops.convert_to_numpy(passed), weights)


def test_strides_divide_a_size_as_long_as_they_can():
    assert fitting_strides((32, 128), STRIDES) == ([(4, 1), (1, 4), (2, 2), (2, 2), (2, 2)], (1, 4))
    assert fitting_strides((8, 24), STRIDES) == ([(4, 1), (1, 4), (2, 2), (1, 1), (1, 1)], (1, 3))
    assert fitting_strides((4, 4), STRIDES) == ([(4, 1), (1, 4), (1, 1), (1, 1), (1, 1)], (1, 1))


@pytest.mark.parametrize("size", [(32, 128), (8, 24), (4, 4), (12, 20)])
def test_generator_and_critic_fit_segments_of_any_size(size: tuple[int, int]):
    generator, critic = FragmentGenerator(*size, width=2, instruments=3), FragmentCritic(*size, width=2)
    generator.build((None, 4))
    critic.build((None, *size, 3))
    logits = generator(np.zeros((2, 4), np.float32))
    assert logits.shape == (2, *size, 3)
    assert critic(logits)[0].shape == (2,)
