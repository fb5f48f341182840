"""Attention against a slow, obvious reference: one query after another, over exactly the rows of its span."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from musictool.backend.compile import compiled
from musictool.layers import transformer
from musictool.layers.positions import (
    RelativePositionEmbedding,
    RelativeSinusoidalEmbedding,
    RotaryEmbedding,
    apply_rotary,
)
from musictool.layers.transformer import Attention, AttentionSpan

BAND = AttentionSpan(segment=6, memory=5, max_distance=5)
SPANS = {
    "band": BAND,
    "xl": AttentionSpan(4, 7, 10),
    "short": AttentionSpan(6, 2, 7),
    "forgetful": AttentionSpan(5, 0, 4),
}
KINDS = ["plain", "rotary", "relative", "sinusoid"]
HEADS, HEAD_SIZE = 2, 4


def attention(kind: str, span: AttentionSpan, **settings: Any) -> Attention:
    keras.utils.set_random_seed(1)
    relative: Any = {
        "relative": RelativePositionEmbedding(HEADS, HEAD_SIZE, span.cache_size),
        "sinusoid": RelativeSinusoidalEmbedding(HEADS, HEAD_SIZE),
    }.get(kind)
    rotary = RotaryEmbedding(HEAD_SIZE) if kind == "rotary" else None
    layer = Attention(HEADS * HEAD_SIZE, HEADS, span, rotary, relative, **settings)
    layer.build((None, None, HEADS * HEAD_SIZE))
    for weight in layer.trainable_variables:  # so large that positions matter
        weight.assign(np.random.default_rng(len(weight.shape)).normal(0, 0.5, weight.shape))
    return layer


def noise(rows: int, batch: int = 2) -> np.ndarray:
    return np.random.default_rng(rows).normal(size=(batch, rows, HEADS * HEAD_SIZE)).astype(np.float32)


def attended_from(row: int, span: AttentionSpan) -> range:
    """Its segment up to itself, and the memory before that; never further back than `max_distance`."""
    begin = row - row % span.segment - span.memory
    return range(max(0, begin, row - span.max_distance), row + 1)


def reference(layer: Attention, piece: np.ndarray) -> np.ndarray:
    """(T, W), from (T, W)."""
    qkv = (piece @ np.asarray(layer.qkv_kernel)).reshape(len(piece), 3, HEADS, HEAD_SIZE)
    if layer.rotary:
        angles = np.asarray(layer.rotary.angles(np.arange(len(piece))))[:, None]  # (T, 1, 2, d / 2)
        qkv[:, :2] = np.stack([np.asarray(apply_rotary(qkv[:, i], angles)) for i in range(2)], axis=1)
    position_keys = np.asarray(layer.relative.keys(len(piece))) if layer.relative else None
    u, v = np.zeros((2, HEADS, HEAD_SIZE))
    if isinstance(layer.relative, RelativeSinusoidalEmbedding):
        u, v = (np.asarray(bias)[:, 0] for bias in (layer.relative.content_bias, layer.relative.position_bias))
    context = np.zeros((len(piece), HEADS, HEAD_SIZE))
    for row in range(len(piece)):
        for head in range(HEADS):
            attended = list(attended_from(row, layer.span))
            query = qkv[row, 0, head] / np.sqrt(HEAD_SIZE)
            scores = np.array([(query + u[head]) @ qkv[other, 1, head] for other in attended])
            if position_keys is not None:
                scores += [(query + v[head]) @ position_keys[head, row - other] for other in attended]
            context[row, head] = np.exp(scores) / np.exp(scores).sum() @ qkv[attended, 2, head]
    return np.asarray(context.reshape(len(piece), -1) @ np.asarray(layer.output_kernel))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize("rows", [5, 23])
def test_each_row_attends_to_its_span_and_to_nothing_else(kind: str, span: str, rows: int):
    layer = attention(kind, SPANS[span])
    x = noise(rows)
    expected = [reference(layer, piece) for piece in x]
    np.testing.assert_allclose(np.asarray(layer(x)), expected, atol=1e-5)


def compiled_step(layer: Attention) -> Callable[..., Any]:
    """`step` of a row, the state before it and its number in the piece."""
    return compiled(lambda row, cache, number: layer.step(row, cache, layer.place(number)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("span", SPANS)
def test_a_row_at_a_time_gives_the_same(kind: str, span: str):
    layer = attention(kind, SPANS[span])
    x, cache, steps, step = noise(40), layer.initial_state(2), [], compiled_step(layer)
    for row in range(40):
        y, cache = step(ops.convert_to_tensor(x[:, row]), cache, ops.convert_to_tensor(row, "int32"))
        steps.append(np.asarray(y))
    np.testing.assert_allclose(np.stack(steps, axis=1), np.asarray(layer(x)), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_million_rows_later_it_gives_the_same(kind: str):
    layer = attention(kind, BAND)
    x, results, step = noise(20), [], compiled_step(layer)
    for begin in (0, 1_000_002):
        cache, steps = layer.initial_state(2), []
        for row in range(20):
            y, cache = step(ops.convert_to_tensor(x[:, row]), cache, ops.convert_to_tensor(begin + row, "int32"))
            steps.append(np.asarray(y))
        results.append(np.stack(steps[BAND.max_distance + 1 :]))
    np.testing.assert_allclose(results[1], results[0], atol=1e-5)


@pytest.mark.parametrize("stop", [True, False])
def test_gradients_go_through_the_memory_unless_stopped(stop: bool):
    import tensorflow as tf

    layer, free = (attention("sinusoid", SPANS["xl"], stop_gradient=stopped) for stopped in (stop, False))
    x = tf.constant(noise(12))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = layer(x)
        second = tf.reduce_sum(tf.square(y[:, 4:8]))
    np.testing.assert_allclose(y, free(x), atol=1e-6)
    gradient = np.abs(tape.gradient(second, x)).max(axis=(0, 2))
    assert (gradient[:4] > 1e-4).tolist() == [not stop] * 4
    assert (gradient[4:8] > 1e-4).all()
    assert (gradient[8:] == 0).all()


@pytest.mark.skipif(not hasattr(keras, "remat"), reason="Keras before 3.9 keeps all scores")
@pytest.mark.parametrize("kind", KINDS)
def test_scores_that_are_computed_again_give_the_same_gradient(kind: str, monkeypatch: pytest.MonkeyPatch):
    import tensorflow as tf

    layer, x = attention(kind, BAND, stop_gradient=True), tf.Variable(noise(15))
    recomputed: list[bool] = []
    remat = keras.remat
    monkeypatch.setattr(keras, "remat", lambda function: (recomputed.append(True), remat(function))[1])
    gradients = []
    for most in (transformer.KEPT_SCORES, 0):
        monkeypatch.setattr(transformer, "KEPT_SCORES", most)
        weights = [weight.value for weight in layer.trainable_variables]
        with tf.GradientTape() as tape:
            loss = ops.sum(layer(x) ** 3)
        gradients.append(tape.gradient(loss, [x, *weights]))
    assert recomputed == [True]
    for kept, again in zip(*gradients, strict=True):
        np.testing.assert_allclose(kept, again, rtol=1e-5, atol=1e-5)


def test_stopping_does_not_stop_the_gradients_of_the_kernel_from_the_memory():
    """As in the paper, where the memory is hidden rows and the keys are made of them anew."""
    import tensorflow as tf

    x = tf.constant(noise(8))
    gradients = []
    for stop in (True, False):
        layer = attention("sinusoid", SPANS["xl"], stop_gradient=stop)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(layer(x)[:, 4:]))
        gradients.append(np.asarray(tape.gradient(loss, layer.qkv_kernel.value)))
    np.testing.assert_allclose(gradients[0], gradients[1], atol=1e-4)


def test_in_half_precision_what_is_masked_stays_masked_and_nothing_overflows():
    for policy in ("mixed_float16", "mixed_bfloat16"):
        layer = attention("relative", BAND, dtype=policy)
        x = 4 * noise(23).astype("float16")
        before = np.asarray(ops.cast(layer(x), "float32"))
        assert np.isfinite(before).all()
        x[:, 10] = 0
        after = np.asarray(ops.cast(layer(x), "float32"))
        assert (before[:, :10] == after[:, :10]).all()
        assert (before[:, 16:] == after[:, 16:]).all()
