from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from keras import ops

from musictool.backend.compile import compiled
from musictool.layers.causal import CausalConvolution, CausalPooling
from musictool.layers.gated_convolutions import GatedConvolutions
from musictool.layers.pooled_convolutions import PooledConvolutions

MUSIC = np.random.default_rng(0).normal(size=(2, 40, 3)).astype(np.float32)

each_layer = pytest.mark.parametrize(
    "layer",
    [
        CausalConvolution(4, 1),
        CausalConvolution(4, 3, 5),
        CausalPooling(1),
        CausalPooling(3, 4),
        PooledConvolutions(4, 3, 3, 2, 0.5),
        PooledConvolutions(4, 2, 2, 1, 0.5),
        GatedConvolutions(4, 3, 2, 2, 0.5),
        GatedConvolutions(4, 2, 1, 3, 0.5),
    ],
    ids=lambda layer: layer.__class__.__name__,
)


def called(layer: Any, x: np.ndarray) -> np.ndarray:
    if not layer.built:
        layer.build(x.shape)
        layer.built = True
    return np.asarray(layer.call(ops.convert_to_tensor(x)))


@each_layer
def test_step_by_step_it_computes_what_it_computes_for_the_whole_window(layer: Any):
    whole = called(layer, MUSIC)
    state, steps, step = layer.initial_state(len(MUSIC)), [], compiled(layer.step)
    for t in range(MUSIC.shape[1]):
        y, state = step(ops.convert_to_tensor(MUSIC[:, t]), state)
        steps.append(np.asarray(y))
    np.testing.assert_allclose(np.stack(steps, axis=1), whole, atol=1e-5)


@pytest.mark.parametrize(
    "layer, receptive_field",
    [
        (PooledConvolutions(8, 3, 3, 2, 0.0), 1 + (2 + 1) * (1 + 2 + 4)),
        (PooledConvolutions(8, 2, 2, 3, 0.0), 1 + (1 + 2) * (1 + 3)),
        (GatedConvolutions(8, 3, 2, 2, 0.0), 1 + 2 * (1 + 2 + 4)),
        (GatedConvolutions(8, 2, 1, 3, 0.0), 1 + 2 * (1 + 3)),
    ],
)
def test_a_prediction_depends_on_its_receptive_field_and_on_nothing_before(layer: Any, receptive_field: int):
    assert layer.receptive_field == receptive_field
    rng = np.random.default_rng(1)
    x = rng.normal(size=(64, 40, 3)).astype(np.float32)  # many, as a maximum hides most changes
    before = called(layer, x)[:, -1]

    def change_at(t: int) -> float:
        other = x.copy()
        other[:, t] = 5 * rng.normal(size=(64, 3))
        return float(np.abs(called(layer, other)[:, -1] - before).max())

    assert change_at(40 - receptive_field) > 1e-6
    assert change_at(39 - receptive_field) == 0


def test_convolution_equals_the_sum_over_its_taps_written_out():
    layer = CausalConvolution(4, 3, 2)
    y = called(layer, MUSIC)
    kernel, bias = (np.asarray(weight) for weight in layer.filters.weights)
    taps = kernel.reshape(3, 3, 4)  # the earliest first
    for t in range(10):
        expected = bias + sum(MUSIC[:, t - 2 * back] @ taps[2 - back] for back in range(3) if t >= 2 * back)
        np.testing.assert_allclose(y[:, t], expected, atol=1e-5)


def test_pooling_is_the_largest_of_its_taps_even_where_all_are_below_zero():
    x = np.array([-3, -5, -1, -4, -2, -6], np.float32)[None, :, None]
    assert called(CausalPooling(2), x)[0, :, 0].tolist() == [-3, -3, -1, -1, -2, -2]
    assert called(CausalPooling(2, 2), x)[0, :, 0].tolist() == [-3, -5, -1, -4, -1, -4]


def test_dilated_pooling_equals_pooling_with_a_stride_at_the_positions_that_this_keeps():
    """Two poolings of 2, the second dilated by 2, against two of stride 2 over the same positions."""
    x = MUSIC[:1, :, :1]
    dense = called(CausalPooling(2, 2), called(CausalPooling(2), x))[0, 3::4, 0]
    strided = x[0, :, 0].reshape(-1, 2).max(axis=1).reshape(-1, 2).max(axis=1)
    assert dense.tolist() == strided.tolist()
