"""The head of tied keys against a slow definition of what it says."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from keras import ops

from musictool.layers.repeat_attention import LAGS
from musictool.layers.tied_head import KERNEL_FRAMES, REPEAT_HEADS, TiedHead
from musictool.sampling.guidance import MASKED_LOGIT

D, W, H = 5, 4, 3
both = pytest.mark.parametrize("chain", [False, True], ids=["tied", "chain"])
ALL = np.array(list(product((0, 1), repeat=D)), np.float32)  # every frame that there is


def made(chain: bool) -> TiedHead:
    """A head with weights that are all of the order of 1."""
    head = TiedHead(D, H, chain)
    head.build((None, W))
    rng = np.random.default_rng(4)
    for weight in head.weights:
        weight.assign(rng.normal(0, 0.6, weight.shape))
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


def slowly(head: TiedHead, features: np.ndarray, context: Any, y: np.ndarray, key: int) -> float:
    """The logit of one key, from what the class says."""
    w = {weight.name: ops.convert_to_numpy(weight) for weight in head.weights}
    recent, history, repeats = (numbers[0] for numbers in context)
    recent = recent.reshape(KERNEL_FRAMES, D)
    units = w["key_position"][key] + history[key] @ w["history_kernel"] + repeats @ w["copy_kernel"]
    units = units + features[0] @ w["feature_kernel"][:, :H]
    for lag in range(KERNEL_FRAMES):
        for other in np.flatnonzero(recent[lag]):
            units = units + w["relative_kernel"][lag, key - other + D - 1] + w["key_kernel"][lag, other]
    for other in np.flatnonzero(y[0, :key]) if head.chain else ():
        units = units + w["chain_relative_kernel"][key - other - 1] + w["chain_key_kernel"][other]
    first = np.maximum(units, 0)
    second = np.maximum(first @ w["hidden_kernel"] + features[0] @ w["feature_kernel"][:, H:] + w["hidden_bias"], 0)
    sigmoid = features[0] @ w["kernel"][:, key] + w["bias"][key] + recent[0, key] * w["hold_kernel"][key]
    return float((first + second) @ (w["output_kernel"] + w["output_key_kernel"][key]) + sigmoid)


@both
def test_it_says_what_the_definition_says(chain: bool):
    head = made(chain)
    (features, context), y = past(head, 1), frames(1, 1, seed=5)[0]
    assert y.any()
    expected = [slowly(head, features, context, y, key) for key in range(D)]
    np.testing.assert_allclose(logits(head, features, context, y)[0], expected, rtol=1e-4, atol=1e-4)


@both
def test_the_probabilities_of_all_frames_add_up_to_one(chain: bool):
    head = made(chain)
    nats = head.loss_and_metrics(logits(head, *past(head, len(ALL)), ALL), ALL)[0]
    assert np.exp(-ops.convert_to_numpy(nats)).sum() == pytest.approx(1, abs=1e-5)


@both
def test_a_frame_is_drawn_as_often_as_it_is_likely(chain: bool):
    head, draws = made(chain), 40_000
    features, context = past(head, draws)
    uniform = np.random.default_rng(1).random((draws, head.draws), dtype=np.float32)
    drawn = ops.convert_to_numpy(head.draw(features, context, uniform, 1.0, np.zeros(D, np.float32)))
    share = np.bincount((drawn @ 2 ** np.arange(D)[::-1]).astype(int), minlength=len(ALL)) / draws
    nats = head.loss_and_metrics(logits(head, *past(head, len(ALL)), ALL), ALL)[0]
    np.testing.assert_allclose(share, np.exp(-ops.convert_to_numpy(nats)), atol=0.012)


@pytest.mark.parametrize("chain", [False, True])
def test_a_key_of_a_chain_sees_those_below_it_and_no_other(chain: bool):
    head = made(chain)
    features, context = past(head, 1)
    silent = logits(head, features, context, np.zeros((1, D), np.float32))[0]
    for key in range(D):
        given = logits(head, features, context, np.eye(D, dtype=np.float32)[None, key])[0]
        changed = np.abs(given - silent) > 1e-6
        assert changed.tolist() == [chain and other > key for other in range(D)]


def test_a_banned_key_is_never_drawn_and_the_others_are():
    head, draws = made(True), 3000
    logit_bias = np.where(np.arange(D) == 2, MASKED_LOGIT, 0).astype(np.float32)
    uniform = np.random.default_rng(1).random((draws, D), dtype=np.float32)
    drawn = head.draw(*past(head, draws), uniform, 5.0, logit_bias)
    assert ops.convert_to_numpy(drawn).any(axis=0).tolist() == [key != 2 for key in range(D)]


@both
def test_frame_by_frame_the_context_is_that_of_the_whole(chain: bool):
    head = made(chain)
    x = frames(2, 80)
    whole = [ops.convert_to_numpy(array) for array in head.context(x)]
    assert whole[1].shape == (2, 80, D, len(LAGS) + REPEAT_HEADS)
    state = head.initial_context(2)
    for t in range(80):
        context, state = head.update_context(ops.convert_to_tensor(x[:, t]), state)
        for one, all_of_it in zip(context, whole, strict=True):
            np.testing.assert_allclose(ops.convert_to_numpy(one), all_of_it[:, t], atol=1e-5)
