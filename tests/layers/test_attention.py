"""Attention against a slow, obvious reference: one query after another, over exactly the rows that it may see."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from musictool.layers.attention import Attention
from musictool.layers.distances import LearnedDistances, SinusoidDistances
from musictool.layers.reach import Reach
from musictool.layers.rotary import Rotary, turned

BAND = Reach(segment=6, memory=5, most=6)
REACHES = {"band": BAND, "xl": Reach(4, 7, 11), "short": Reach(6, 2, 8), "forgetful": Reach(5, 0, 5)}
KINDS = ["plain", "rotary", "relative", "sinusoid"]
HEADS, SIZE = 2, 4


def attention(kind: str, reach: Reach, **settings: Any) -> Attention:
    keras.utils.set_random_seed(1)
    distances: Any = {
        "relative": LearnedDistances(HEADS, SIZE, reach.slots),
        "sinusoid": SinusoidDistances(HEADS, SIZE),
    }.get(kind)
    rotary = Rotary(SIZE) if kind == "rotary" else None
    layer = Attention(HEADS * SIZE, HEADS, reach, distances, rotary, **settings)
    layer.build((None, None, HEADS * SIZE))
    for weight in layer.trainable_variables:  # so large that places matter
        weight.assign(np.random.default_rng(len(weight.shape)).normal(0, 0.5, weight.shape))
    return layer


def noise(rows: int, batch: int = 2) -> np.ndarray:
    return np.random.default_rng(rows).normal(size=(batch, rows, HEADS * SIZE)).astype(np.float32)


def seen_from(row: int, reach: Reach) -> range:
    """Its own segment up to itself, and the memory before that; in a band never more than `most`."""
    begin = row - row % reach.segment - reach.memory
    return range(max(0, begin, row - reach.most + 1), row + 1)


def reference(layer: Attention, piece: np.ndarray) -> np.ndarray:
    """(T, W), from (T, W)."""
    split = (piece @ np.asarray(layer.ask)).reshape(len(piece), 3, HEADS, SIZE)
    if layer.rotary:
        turns = np.asarray(layer.rotary.turns(np.arange(len(piece))))[:, None]  # (T, 1, 2, d / 2)
        split[:, :2] = np.stack([np.asarray(turned(split[:, i], turns)) for i in range(2)], axis=1)
    vectors = np.asarray(layer.distances.vectors(len(piece))) if layer.distances else None
    u, v = np.zeros((2, HEADS, SIZE))
    if isinstance(layer.distances, SinusoidDistances):
        u, v = (np.asarray(each)[:, 0] for each in (layer.distances.what, layer.distances.where))
    told = np.zeros((len(piece), HEADS, SIZE))
    for row in range(len(piece)):
        for head in range(HEADS):
            seen = list(seen_from(row, layer.reach))
            query = split[row, 0, head] / np.sqrt(SIZE)
            scores = np.array([(query + u[head]) @ split[other, 1, head] for other in seen])
            if vectors is not None:
                scores += [(query + v[head]) @ vectors[head, row - other] for other in seen]
            told[row, head] = np.exp(scores) / np.exp(scores).sum() @ split[seen, 2, head]
    return np.asarray(told.reshape(len(piece), -1) @ np.asarray(layer.tell))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reach", REACHES)
@pytest.mark.parametrize("rows", [5, 23])
def test_each_row_hears_what_is_in_its_reach_and_nothing_else(kind: str, reach: str, rows: int):
    layer = attention(kind, REACHES[reach])
    x = noise(rows)
    expected = [reference(layer, piece) for piece in x]
    np.testing.assert_allclose(np.asarray(layer(x)), expected, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reach", REACHES)
def test_a_row_at_a_time_hears_the_same(kind: str, reach: str):
    layer = attention(kind, REACHES[reach])
    x, state, heard = noise(40), layer.initial_state(2), []
    for row in range(40):
        y, state = layer.step(x[:, row], state, ops.convert_to_tensor(row, "int32"))
        heard.append(np.asarray(y))
    np.testing.assert_allclose(np.stack(heard, axis=1), np.asarray(layer(x)), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_million_rows_later_it_hears_the_same(kind: str):
    layer = attention(kind, BAND)
    x, later = noise(20), []
    for begin in (0, 1_000_002):
        state, heard = layer.initial_state(2), []
        for row in range(20):
            y, state = layer.step(x[:, row], state, ops.convert_to_tensor(begin + row, "int32"))
            heard.append(np.asarray(y))
        later.append(np.stack(heard[BAND.most :]))
    np.testing.assert_allclose(later[1], later[0], atol=1e-5)


@pytest.mark.parametrize("stop", [True, False])
def test_what_is_seen_in_memory_is_learned_through_unless_stopped(stop: bool):
    import tensorflow as tf

    layer, free = (attention("sinusoid", REACHES["xl"], stop=stopped) for stopped in (stop, False))
    x = tf.constant(noise(12))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = layer(x)
        second = tf.reduce_sum(tf.square(y[:, 4:8]))
    np.testing.assert_allclose(y, free(x), atol=1e-6)
    slope = np.abs(tape.gradient(second, x)).max(axis=(0, 2))
    assert (slope[:4] > 1e-4).tolist() == [not stop] * 4
    assert (slope[4:8] > 1e-4).all()
    assert (slope[8:] == 0).all()


def test_stopping_does_not_stop_what_the_weights_learn_from_the_memory():
    """As in the paper, where the memory is hidden rows and the keys are made of them anew."""
    import tensorflow as tf

    x = tf.constant(noise(8))
    slopes = []
    for stop in (True, False):
        layer = attention("sinusoid", REACHES["xl"], stop=stop)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(layer(x)[:, 4:]))
        slopes.append(np.asarray(tape.gradient(loss, layer.ask.value)))
    np.testing.assert_allclose(slopes[0], slopes[1], atol=1e-4)


def test_in_half_precision_what_is_hidden_stays_hidden_and_nothing_overflows():
    for policy in ("mixed_float16", "mixed_bfloat16"):
        layer = attention("relative", BAND, dtype=policy)
        x = 4 * noise(23).astype("float16")
        before = np.asarray(ops.cast(layer(x), "float32"))
        assert np.isfinite(before).all()
        x[:, 10] = 0
        after = np.asarray(ops.cast(layer(x), "float32"))
        assert (before[:, :10] == after[:, :10]).all()
        assert (before[:, 16:] == after[:, 16:]).all()
