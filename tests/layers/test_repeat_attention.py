"""Attention over earlier frames, against a slow walk through them."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from musictool.layers.repeat_attention import CONTEXT, LAGS, MAX_DISTANCE, SMOOTHING, RepeatAttention

D, A = 5, 2


def made(seed: int | None = 2) -> RepeatAttention:
    layer = RepeatAttention(D, A)
    layer.build()
    if seed is not None:
        rng = np.random.default_rng(seed)
        for weight in layer.weights:
            weight.assign(rng.normal(0, 2, weight.shape))
    return layer


def frames(length: int, seed: int = 0) -> np.ndarray:
    """float32 0/1 (2, T, D)."""
    return (np.random.default_rng(seed).random((2, length, D)) < 0.4).astype(np.float32)


def attended(layer: RepeatAttention, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    numbers, certainty = layer(x)
    return ops.convert_to_numpy(numbers), ops.convert_to_numpy(certainty)


def slowly(layer: RepeatAttention, piece: np.ndarray, t: int, head: int) -> tuple[np.ndarray, float]:
    """What a head expects after frame t of a piece (T, D), and how sure it is of a repeat."""
    weights_of_it = (layer.match_weights, layer.distance_bias, layer.null_logit)
    match_weights, distance_bias, null_logit = (ops.convert_to_numpy(weight)[head] for weight in weights_of_it)

    def similarity(a: int, b: int) -> float:
        if b < 0:
            return 0.0
        x, y = piece[a], piece[b]
        return (x @ y + SMOOTHING) / np.sqrt((x.sum() + SMOOTHING) * (y.sum() + SMOOTHING))

    weights, values = [np.exp(null_logit)], [np.zeros(D)]
    for s in range(max(0, t - MAX_DISTANCE), t):
        score = sum(match_weights[i] * similarity(t - i, s - i) for i in range(CONTEXT) if t - i >= 0)
        weights.append(np.exp(score + distance_bias[t - s - 1]))
        values.append(piece[s + 1])
    share = np.array(weights) / np.sum(weights)
    return share @ np.array(values), 1 - share[0]


def test_heads_expect_what_the_slow_walk_expects():
    layer, x = made(), frames(14)
    numbers, certainty = attended(layer, x)
    for t in range(14):
        for head in range(A):
            expected, sure = slowly(layer, x[1], t, head)
            np.testing.assert_allclose(numbers[1, t, :, len(LAGS) + head], expected, atol=1e-5)
            np.testing.assert_allclose(certainty[1, t, head], sure, atol=1e-5)


def test_what_lies_further_back_than_the_largest_distance_is_not_attended_to():
    layer, x = made(), frames(MAX_DISTANCE + CONTEXT + 3)
    for changed, is_visible in ((slice(0, 3), False), (slice(3, 4), True)):
        other = x.copy()
        other[:, changed] = 1 - x[:, changed]
        before, after = (attended(layer, piece)[0][:, -1, :, len(LAGS) :] for piece in (x, other))
        assert (np.abs(before - after).max() > 1e-7) == is_visible


def test_a_key_knows_whether_it_sounded_at_each_of_the_lags():
    x = frames(70)
    numbers, _ = attended(made(), x)
    for t in (0, 3, 69):
        expected = [x[0, t - lag] if t >= lag else np.zeros(D) for lag in LAGS]
        np.testing.assert_array_equal(numbers[0, t, :, : len(LAGS)], np.transpose(expected))


@pytest.mark.parametrize("length", [1, 5, 70])
def test_the_latest_is_the_last_of_all_and_padding_changes_nothing(length: int):
    layer, x = made(), frames(length)
    padded = np.concatenate([np.zeros((2, 80 - length, D), np.float32), x], axis=1)
    latest = layer.latest(ops.convert_to_tensor(padded), 80 - length)
    for whole, last in zip(attended(layer, x), latest, strict=True):
        np.testing.assert_allclose(whole[:, -1], ops.convert_to_numpy(last), atol=1e-6)


def test_a_tune_that_comes_again_is_recognised_without_any_training():
    rng = np.random.default_rng(3)
    tune = (rng.random((1, 24, D)) < 0.4).astype(np.float32)
    layer = RepeatAttention(D, 4)
    layer.build()
    numbers, certainty = attended(layer, np.concatenate([tune, tune], axis=1))
    expected = numbers[0, 30:47, :, -1]  # of the head that compares eight frames
    assert np.abs(expected - tune[0, 7:24]).mean() < 0.25
    assert certainty[0, 30:47, -1].mean() > 0.6
    assert certainty[0, 8:20, -1].mean() < 0.5
