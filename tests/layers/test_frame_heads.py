"""The heads of frame archs against slow definitions of what they predict."""

from __future__ import annotations

from itertools import product

import keras
import numpy as np
import pytest
from keras import ops

from musictool.layers.autoregressive_head import AutoregressiveHead
from musictool.layers.sigmoid_head import SigmoidHead, accuracy
from musictool.layers.softmax_head import SoftmaxHead
from musictool.sampling.guidance import MASKED_LOGIT

D, W = 6, 4
HEADS = {
    "sigmoid": lambda: SigmoidHead(D),
    "without hold": lambda: SigmoidHead(D, hold=False),
    "autoregressive": lambda: AutoregressiveHead(D, 3, hidden=5),
    "softmax": lambda: SoftmaxHead(D, (2, 1, 3)),
}
each_head = pytest.mark.parametrize("name", HEADS)


def made(name: str) -> SigmoidHead:
    """A head with weights that are all of the order of 1."""
    head = HEADS[name]()
    head.build((None, W))
    rng = np.random.default_rng(4)
    for weight in head.weights:
        weight.assign(rng.normal(0, 0.7, weight.shape))
    return head


def numbers(batch: int, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(batch, *shape)).astype(np.float32)


def frames(batch: int, seed: int = 0) -> np.ndarray:
    return (numbers(batch, D, seed=seed) > 0.3).astype(np.float32)


def nats(head: SigmoidHead, features: np.ndarray, context: np.ndarray, y: np.ndarray) -> np.ndarray:
    return ops.convert_to_numpy(head.loss_and_metrics(head.logits(features, context, y), y)[0])


ALL = np.array(list(product((0, 1), repeat=D)), np.float32)  # every frame that there is


@each_head
def test_the_probabilities_of_all_frames_add_up_to_one(name: str):
    head = made(name)
    features, context = (np.repeat(array, len(ALL), axis=0) for array in (numbers(1, W), frames(1)))
    assert np.exp(-nats(head, features, context, ALL)).sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", ["sigmoid", "without hold", "autoregressive"])
def test_a_frame_is_drawn_as_often_as_it_is_likely(name: str):
    head, draws = made(name), 40_000
    features, context = (np.repeat(array, draws, axis=0) for array in (numbers(1, W), frames(1)))
    uniform = np.random.default_rng(1).random((draws, head.draws), dtype=np.float32)
    drawn = ops.convert_to_numpy(head.draw(features, context, uniform, 1.0, np.zeros(D, np.float32)))
    code = 2 ** np.arange(D)[::-1]
    share = np.bincount((drawn @ code).astype(int), minlength=len(ALL)) / draws
    likely = np.exp(-nats(head, features[: len(ALL)], context[: len(ALL)], ALL))
    np.testing.assert_allclose(share, likely, atol=0.012)


def test_drawn_from_a_softmax_each_key_sounds_as_often_as_its_nats_say():
    head, draws = made("softmax"), 40_000
    features, context = (np.repeat(array, draws, axis=0) for array in (numbers(1, W), frames(1)))
    uniform = np.random.default_rng(1).random((draws, head.draws), dtype=np.float32)
    drawn = ops.convert_to_numpy(head.draw(features, context, uniform, 1.0, np.zeros(D, np.float32)))
    likely = np.exp(-nats(head, features[: len(ALL)], context[: len(ALL)], ALL)) @ ALL
    np.testing.assert_allclose(drawn.mean(axis=0), likely, atol=0.012)
    most = drawn.reshape(draws, 3, 2).sum(axis=2).max(axis=0)
    assert (most <= [2, 1, 2]).all()
    assert most.tolist()[1] == 1


@each_head
def test_nats_are_what_the_definition_says(name: str):
    head = made(name)
    features, context, y = numbers(5, W), frames(5, 1), frames(5, 2)
    logits = ops.convert_to_numpy(head.logits(features, context, y)).astype(float)
    if name == "softmax":
        p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
        chance = (1 - (1 - p[..., :-1]) ** np.array([2, 1, 3])[:, None]).reshape(5, D)
    else:
        chance = 1 / (1 + np.exp(-logits))
    expected = -(y * np.log(chance) + (1 - y) * np.log(1 - chance)).sum(axis=1)
    np.testing.assert_allclose(nats(head, features, context, y), expected, rtol=1e-4)
    right = ops.convert_to_numpy(head.loss_and_metrics(head.logits(features, context, y), y)[1])
    predicted = chance > 0.5
    both, either = (predicted & (y > 0)).sum(axis=1), (predicted | (y > 0)).sum(axis=1)
    np.testing.assert_allclose(right, [b / e if e else 1 for b, e in zip(both, either, strict=True)], rtol=1e-6)


def test_an_instrument_sees_those_before_it_and_neither_itself_nor_a_later_one():
    head = made("autoregressive")
    features, context, y = numbers(1, W), frames(1), np.zeros((1, D), np.float32)
    silent = ops.convert_to_numpy(head.logits(features, context, y))[0]
    for key in range(D):
        given = ops.convert_to_numpy(head.logits(features, context, np.eye(D, dtype=np.float32)[None, key]))[0]
        changed = np.abs(given - silent).reshape(3, 2).max(axis=1) > 1e-6
        assert changed.tolist() == [instrument > key // 2 for instrument in range(3)]


@each_head
def test_a_banned_key_is_never_drawn_and_the_others_are(name: str):
    head, draws = made(name), 2000
    logit_bias = np.where(np.arange(D) == 2, MASKED_LOGIT, 0).astype(np.float32)
    uniform = np.random.default_rng(1).random((draws, head.draws), dtype=np.float32)
    drawn = head.draw(numbers(draws, W), frames(draws), uniform, 3.0, logit_bias)
    sounding = ops.convert_to_numpy(drawn).any(axis=0)
    assert sounding.tolist() == [key != 2 for key in range(D)]


@pytest.mark.parametrize("name", ["sigmoid", "autoregressive"])
def test_cold_it_plays_what_is_likelier_than_not(name: str):
    head = made(name)
    features, context = numbers(50, W), frames(50)
    uniform = np.random.default_rng(1).random((50, D), dtype=np.float32)
    drawn = head.draw(features, context, uniform, 1e-3, np.zeros(D, np.float32))
    likelier = ops.convert_to_numpy(head.logits(features, context, drawn)) > 0
    assert np.mean(likelier == (ops.convert_to_numpy(drawn) > 0)) > 0.98


def test_a_softmax_learns_by_its_cross_entropy_against_the_notes():
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the gradient is taken by TensorFlow")
    head = made("softmax")
    y = np.array([[1, 0, 0, 0, 1, 1]], np.float32)
    logits = tf.constant(ops.convert_to_numpy(head.logits(numbers(1, W), frames(1), y)))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        nats_of_notes = head.loss_and_metrics(logits, y)[0]
        notes = tf.constant([[[1.0, 0, 0], [0, 0, 1], [1, 1, 0]]])  # the last is the rest of the second instrument
        entropy = -tf.reduce_sum(notes * tf.nn.log_softmax(logits))
    np.testing.assert_allclose(tape.gradient(nats_of_notes, logits), tape.gradient(entropy, logits), atol=1e-6)


def test_accuracy_leaves_the_many_silent_keys_out():
    predicted = np.array([[1, 1, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]], np.float32)
    y = np.array([[1, 0, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]], np.float32)
    np.testing.assert_allclose(accuracy(predicted, y), [1 / 3, 1, 1, 0], rtol=1e-6)
