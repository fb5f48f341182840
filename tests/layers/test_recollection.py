"""What keys are told of the past, against a slow walk through it."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from musictool.layers.recollection import ALONE, CONTEXT, LAGS, REACH, Recollection

D, A = 5, 2


def made(seed: int | None = 2) -> Recollection:
    layer = Recollection(D, A)
    layer.build()
    if seed is not None:
        rng = np.random.default_rng(seed)
        for weight in layer.weights:
            weight.assign(rng.normal(0, 2, weight.shape))
    return layer


def frames(length: int, seed: int = 0) -> np.ndarray:
    """float32 0/1 (2, T, D)."""
    return (np.random.default_rng(seed).random((2, length, D)) < 0.4).astype(np.float32)


def heard(layer: Recollection, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    numbers, found = layer(x)
    return ops.convert_to_numpy(numbers), ops.convert_to_numpy(found)


def slowly(layer: Recollection, piece: np.ndarray, t: int, each: int) -> tuple[np.ndarray, float]:
    """What a recollector expects after frame t of a piece (T, D), and how far it has found a place."""
    weights_of_it = (layer.likeness, layer.distance, layer.nothing)
    likeness, distance, nothing = (ops.convert_to_numpy(weight)[each] for weight in weights_of_it)

    def alike(a: int, b: int) -> float:
        if b < 0:
            return 0.0
        x, y = piece[a], piece[b]
        return (x @ y + ALONE) / np.sqrt((x.sum() + ALONE) * (y.sum() + ALONE))

    weights, follows = [np.exp(nothing)], [np.zeros(D)]
    for s in range(max(0, t - REACH), t):
        score = sum(likeness[i] * alike(t - i, s - i) for i in range(CONTEXT) if t - i >= 0) + distance[t - s - 1]
        weights.append(np.exp(score))
        follows.append(piece[s + 1])
    share = np.array(weights) / np.sum(weights)
    return share @ np.array(follows), 1 - share[0]


def test_recollectors_expect_what_the_slow_walk_expects():
    layer, x = made(), frames(14)
    numbers, found = heard(layer, x)
    for t in range(14):
        for each in range(A):
            expected, how_far = slowly(layer, x[1], t, each)
            np.testing.assert_allclose(numbers[1, t, :, len(LAGS) + each], expected, atol=1e-5)
            np.testing.assert_allclose(found[1, t, each], how_far, atol=1e-5)


def test_what_lies_out_of_reach_is_not_looked_at():
    layer, x = made(), frames(REACH + CONTEXT + 3)
    for changed, is_heard in ((slice(0, 3), False), (slice(3, 4), True)):
        other = x.copy()
        other[:, changed] = 1 - x[:, changed]
        before, after = (heard(layer, each)[0][:, -1, :, len(LAGS) :] for each in (x, other))
        assert (np.abs(before - after).max() > 1e-7) == is_heard


def test_a_key_is_told_whether_it_sounded_at_each_of_the_lags():
    x = frames(70)
    numbers, _ = heard(made(), x)
    for t in (0, 3, 69):
        expected = [x[0, t - lag] if t >= lag else np.zeros(D) for lag in LAGS]
        np.testing.assert_array_equal(numbers[0, t, :, : len(LAGS)], np.transpose(expected))


@pytest.mark.parametrize("length", [1, 5, 70])
def test_the_latest_is_the_last_of_all_and_frames_that_nobody_has_heard_change_nothing(length: int):
    layer, x = made(), frames(length)
    padded = np.concatenate([np.zeros((2, 80 - length, D), np.float32), x], axis=1)
    latest = layer.latest(ops.convert_to_tensor(padded), 80 - length)
    for whole, last in zip(heard(layer, x), latest, strict=True):
        np.testing.assert_allclose(whole[:, -1], ops.convert_to_numpy(last), atol=1e-6)


def test_a_tune_that_comes_again_is_recognised_without_any_training():
    rng = np.random.default_rng(3)
    tune = (rng.random((1, 24, D)) < 0.4).astype(np.float32)
    layer = Recollection(D, 4)
    layer.build()
    numbers, found = heard(layer, np.concatenate([tune, tune], axis=1))
    expected = numbers[0, 30:47, :, -1]  # of the recollector that compares eight frames
    assert np.abs(expected - tune[0, 7:24]).mean() < 0.25
    assert found[0, 30:47, -1].mean() > 0.6
    assert found[0, 8:20, -1].mean() < 0.5
