"""Recurrent layers: windows as Keras computes them, and step by step the same."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from musictool.arch import Stage
from musictool.backend import backend
from musictool.backend.compile import compiled
from musictool.backend.precision import precision_within
from musictool.dataset.windows import Batch
from musictool.layers import _recurrences
from musictool.layers.recurrent_stack import RecurrentStack

LAYERS = (keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN)
each_layer = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.__name__)


class Wrapped(keras.Model):
    """One layer, by Keras or by hand."""

    def __init__(self, layer: Any, by_hand: bool):
        super().__init__()
        self.layer = layer
        self.by_hand = by_hand

    def call(self, x: Any, training: bool = False) -> Any:
        return _recurrences.run(self.layer, x) if self.by_hand else self.layer(x)


def built(layer: Any, by_hand: bool, width: int = 6, inward: int = 5) -> Wrapped:
    """The same weights every time, the biases not 0."""
    keras.utils.set_random_seed(1)
    model = Wrapped(layer(width, return_sequences=True, bias_initializer="random_normal"), by_hand)
    model.layer.build((None, None, inward))
    model.built = True
    return model


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@each_layer
@pytest.mark.parametrize("steps", [1, 9])
def test_a_window_gives_what_keras_computes(layer: Any, steps: int):
    x = noise(3, steps, 5)
    keras_output, output = (ops.convert_to_numpy(built(layer, by_hand)(x)) for by_hand in (False, True))
    np.testing.assert_allclose(output, keras_output, atol=1e-6)


@each_layer
def test_the_gradient_is_that_of_keras(layer: Any):
    """One step of plain gradient descent, of length 1, shows the gradient of every weight."""
    x, target = noise(3, 9, 5), noise(3, 9, 6)
    batch = Batch(x, target, np.ones((3, 9), np.float32), np.zeros((3, 9, 0), np.float32))
    after = []
    for by_hand in (False, True):
        model = built(layer, by_hand)

        def loss_and_metrics(batch: Batch, training: bool, model: Wrapped = model) -> tuple[Any, ...]:
            return (ops.sum(model(batch.x) * batch.y, axis=-1),)

        optimizer = keras.optimizers.SGD(1.0)
        optimizer.build(model.trainable_variables)
        backend.one_device().training_step(Stage("wrapped", model, loss_and_metrics, ("loss",)), (optimizer,))(batch)
        after.append([ops.convert_to_numpy(weight) for weight in model.trainable_variables])
    before = [ops.convert_to_numpy(weight) for weight in built(layer, False).trainable_variables]
    for keras_weight, weight, start in zip(*after, before, strict=True):
        assert np.abs(keras_weight - start).max() > 1e-4
        np.testing.assert_allclose(weight, keras_weight, atol=1e-5)


@each_layer
def test_step_by_step_it_computes_what_it_computes_for_the_window(layer: Any):
    stack = RecurrentStack(layer, 6, 2, 0.3)
    stack.build((None, None, 5))
    x, state, steps = noise(3, 9, 5), stack.initial_state(3), []
    for t in range(9):
        y, state = stack.step(x[:, t], state)
        steps.append(ops.convert_to_numpy(y))
    np.testing.assert_allclose(np.stack(steps, axis=1), ops.convert_to_numpy(stack(x)), atol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        partial(keras.layers.SimpleRNN, activation="relu"),
        partial(keras.layers.LSTM, recurrent_activation="hard_sigmoid"),
        partial(keras.layers.LSTM, use_bias=False),
        partial(keras.layers.GRU, reset_after=False),
    ],
)
def test_a_layer_with_other_settings_is_left_to_keras(layer: Any):
    stack = RecurrentStack(layer, 6, 1, 0.0)
    stack.build((None, None, 5))
    assert not _recurrences.supports(stack.recurrent[0])
    x, state = noise(3, 9, 5), stack.initial_state(3)
    for t in range(9):
        y, state = stack.step(x[:, t], state)
        np.testing.assert_allclose(y, stack(x)[:, t], atol=1e-5)


@each_layer
def test_the_layers_of_the_archs_are_worked_out_by_hand(layer: Any):
    assert _recurrences.supports(RecurrentStack(layer, 6, 1, 0.3).recurrent[0])


@each_layer
def test_the_windows_length_need_not_be_known_when_it_is_compiled(layer: Any):
    model = built(layer, True)
    run = compiled(lambda x: model(x))
    for steps in (4, 7, 9):
        x = noise(2, steps, 5)
        np.testing.assert_allclose(ops.convert_to_numpy(run(x)), ops.convert_to_numpy(model(x)), atol=1e-6)


@each_layer
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_is_near_the_whole(layer: Any, policy: str):
    whole = RecurrentStack(layer, 6, 2, 0.0)
    with precision_within(policy):
        half = RecurrentStack(layer, 6, 2, 0.0)
    for stack in (whole, half):
        stack.build((None, None, 5))
    for from_, to in zip(whole.variables, half.variables, strict=True):
        to.assign(from_)
    y = half(noise(3, 9, 5))
    assert y.dtype == policy.removeprefix("mixed_")
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.cast(y, "float32")), ops.convert_to_numpy(whole(noise(3, 9, 5))), atol=0.05
    )
