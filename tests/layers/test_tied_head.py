"""The head of tied keys against a slow definition of what it says."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from keras import ops

from musictool.backend.compile import compiled
from musictool.layers.repeat_attention import LAGS
from musictool.layers.tied_head import KERNEL_FRAMES, REPEAT_HEADS, TiedHead
from musictool.sampling.guidance import MASKED_LOGIT

D, W, H = 6, 4, 3
ALL = np.array(list(product((0, 1), repeat=D)), np.float32)  # every frame that there is
HEADS: dict[str, dict[str, Any]] = {
    "tied": {"chain": False},
    "chain": {"chain": True},
    "chain of some keys": {"chain": True, "keys": range(1, 5)},
    "chain of keys of two numbers": {"chain": True, "channels": 2},
}
each_head = pytest.mark.parametrize("kind", HEADS)


def made(kind: str) -> TiedHead:
    """A head with weights that are all of the order of 1."""
    head = TiedHead(D, H, **HEADS[kind])
    head.build((None, W))
    rng = np.random.default_rng(4)
    for weight in head.weights:
        weight.assign(rng.normal(0, 0.4, weight.shape))
    return head


def frames(batch: int, length: int, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).random((batch, length, D)) < 0.4).astype(np.float32)


def past(head: TiedHead, batch: int) -> tuple[np.ndarray, Any]:
    """Features, and the head's context after six frames, the same for each of a batch."""
    context = [np.repeat(ops.convert_to_numpy(array)[:, -1], batch, axis=0) for array in head.context(frames(1, 6))]
    features = np.random.default_rng(1).normal(size=(1, W)).astype(np.float32)
    return np.repeat(features, batch, axis=0), tuple(context)


def logits(head: TiedHead, features: np.ndarray, context: Any, y: np.ndarray) -> np.ndarray:
    return ops.convert_to_numpy(head.logits(features, context, y))


def slowly(head: TiedHead, features: np.ndarray, context: Any, y: np.ndarray, number: int) -> float:
    """The logit of one number of a frame, from what the class says."""
    w = {weight.name: ops.convert_to_numpy(weight) for weight in head.weights}
    previous, recent, history, repeats = (numbers[0] for numbers in context)
    if number in head.others:
        onset, hold = w["rare"][:, head.others.tolist().index(number)]
        return float(onset + previous[number] * hold)
    channels, keys = head.channels, head.keys
    ours = head.numbers.tolist().index(number)
    key, channel = divmod(ours, channels)
    recent, history = recent.reshape(KERNEL_FRAMES, keys, channels), history.reshape(keys, -1)
    own = y[0, head.numbers].reshape(keys, channels)
    # What the key sees of the keys around and below it, and of its own past.
    seen = w["key_position"][key].copy()
    for lag, other, i in np.argwhere(recent):
        seen += w["around_kernel"][lag, key - other + keys - 1, i]
    for other, i in np.argwhere(own[:key]) if head.chain else ():
        seen += w["below_kernel"][key - other - 1, i] + w["below_key_kernel"][other * channels + i]
    both = features[0] @ w["feature_kernel"]
    units = np.concatenate([seen, history[key]]) @ w["first_kernel"] + both[:H]
    first = np.maximum(units + recent.ravel() @ w["frame_kernel"] + repeats @ w["copy_kernel"], 0)
    second = np.maximum(first @ w["hidden_kernel"] + both[H:] + w["hidden_bias"], 0)
    weights = w["output_shared_kernel"] + w["output_key_kernel"][key]
    outputs = weights @ ((first + second) @ w["output_kernel"])
    given = outputs[channel] + (outputs[channels] * own[key, 0] if channel else 0)
    alone = features[0] @ w["kernel"][:, ours] + w["bias"][ours] + previous[number] * w["hold_kernel"][ours]
    return float(given + alone)


@each_head
def test_it_says_what_the_definition_says(kind: str):
    head = made(kind)
    (features, context), y = past(head, 1), frames(1, 1, seed=5)[0]
    assert y[:, head.numbers].any()
    expected = [slowly(head, features, context, y, number) for number in range(D)]
    np.testing.assert_allclose(logits(head, features, context, y)[0], expected, rtol=1e-4, atol=1e-4)


@each_head
def test_the_probabilities_of_all_frames_add_up_to_one(kind: str):
    head = made(kind)
    nats = head.loss_and_metrics(logits(head, *past(head, len(ALL)), ALL), ALL)[0]
    assert np.exp(-ops.convert_to_numpy(nats)).sum() == pytest.approx(1, abs=1e-5)


@each_head
def test_a_frame_is_drawn_as_often_as_it_is_likely(kind: str):
    head, draws = made(kind), 8000
    features, context = past(head, draws)
    rng = np.random.default_rng(1)
    # one random number in each of as many parts of 0 to 1, in any order, so that few draws are near what is expected
    parts = rng.permuted(np.tile(np.arange(draws), (head.draws, 1)), axis=1).T
    uniform = ((parts + rng.random((draws, head.draws))) / draws).astype(np.float32)
    drawn = ops.convert_to_numpy(head.draw(features, context, uniform, 1.0, np.zeros(D, np.float32)))
    share = np.bincount((drawn @ 2 ** np.arange(D)[::-1]).astype(int), minlength=len(ALL)) / draws
    nats = head.loss_and_metrics(logits(head, *past(head, len(ALL)), ALL), ALL)[0]
    np.testing.assert_allclose(share, np.exp(-ops.convert_to_numpy(nats)), atol=0.012)


@each_head
def test_a_number_of_a_chain_depends_on_those_before_it_and_on_no_other(kind: str):
    head = made(kind)
    features, context = past(head, 1)
    silent = logits(head, features, context, np.zeros((1, D), np.float32))[0]
    drawn_after = np.zeros((D, D), bool)  # [number, those that depend on it]
    if head.chain:
        drawn_after[np.ix_(head.numbers, head.numbers)] = np.triu(np.ones((len(head.numbers),) * 2), 1)
    for number in range(D):
        given = logits(head, features, context, np.eye(D, dtype=np.float32)[None, number])[0]
        np.testing.assert_array_equal(np.abs(given - silent) > 1e-6, drawn_after[number])


@each_head
def test_a_banned_key_is_never_drawn_and_the_others_are(kind: str):
    head, draws = made(kind), 3000
    logit_bias = np.where(np.arange(D) == 2, MASKED_LOGIT, 0).astype(np.float32)
    uniform = np.random.default_rng(1).random((draws, D), dtype=np.float32)
    drawn = head.draw(*past(head, draws), uniform, 5.0, logit_bias)
    assert ops.convert_to_numpy(drawn).any(axis=0).tolist() == [key != 2 for key in range(D)]


@each_head
def test_frame_by_frame_the_context_is_that_of_the_whole(kind: str):
    head = made(kind)
    x = frames(2, 80)
    whole = [ops.convert_to_numpy(array) for array in head.context(x)]
    assert whole[2].shape == (2, 80, len(head.numbers), len(LAGS) + REPEAT_HEADS)
    state, update = head.initial_context(2), compiled(head.update_context)
    for t in range(80):
        context, state = update(ops.convert_to_tensor(x[:, t]), state)
        for one, all_of_it in zip(context, whole, strict=True):
            np.testing.assert_allclose(ops.convert_to_numpy(one), all_of_it[:, t], atol=1e-5)
