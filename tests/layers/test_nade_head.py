"""The head of a NADE against a slow definition of what it says."""

from __future__ import annotations

from itertools import product
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from musictool.engine.current import within
from musictool.layers.nade_head import NadeHead
from musictool.sampling.guidance import MASKED_LOGIT

D, W, H = 6, 4, 3
ALL = np.array(list(product((0, 1), repeat=D)), np.float32)  # every frame that there is
FEATURES = np.array([[0.3, -1.2, 0.7, 0.1]], np.float32)
PREVIOUS = np.array([[1, 0, 0, 1, 0, 0]], np.float32)


def made(engine: Any = "keras", hold: bool = True) -> NadeHead:
    """A head with weights that are all of the order of 1."""
    with within(engine):
        head = NadeHead(D, H, hold)
        head.build((None, W))
    rng = np.random.default_rng(4)
    for weight in head.trainable_variables:
        values = rng.normal(0, 0.7, weight.shape)
        weight.assign(values) if engine == "keras" else np.copyto(weight, values)
    return head


def logits(head: NadeHead, y: np.ndarray) -> np.ndarray:
    features, previous = (np.repeat(array, len(y), axis=0) for array in (FEATURES, PREVIOUS))
    return ops.convert_to_numpy(head.logits(features, previous, y))


@pytest.mark.parametrize("hold", [True, False])
def test_it_says_what_the_definition_says(hold: bool):
    head, y = made(hold=hold), ALL[37]
    w = {weight.name: ops.convert_to_numpy(weight) for weight in head.weights}
    expected = []
    for key in range(D):
        units = w["hidden_bias"] + FEATURES[0] @ w["feature_kernel"] + y[:key] @ w["note_kernel"][:key]
        bias = w["bias"][key] + FEATURES[0] @ w["kernel"][:, key]
        bias += w["hold_kernel"][key] * PREVIOUS[0, key] if hold else 0
        expected.append(bias + w["output_kernel"][key] @ (1 / (1 + np.exp(-units))))
    np.testing.assert_allclose(logits(head, y[None])[0], expected, rtol=1e-4)


def test_the_probabilities_of_all_frames_add_up_to_one_and_so_often_each_is_drawn():
    head, draws = made(), 20_000
    likely = np.exp(-ops.convert_to_numpy(head.loss_and_metrics(logits(head, ALL), ALL)[0]))
    assert likely.sum() == pytest.approx(1, abs=1e-5)
    features, previous = (np.repeat(array, draws, axis=0) for array in (FEATURES, PREVIOUS))
    uniform = np.random.default_rng(1).random((draws, head.draws), dtype=np.float32)
    nothing = np.zeros(D, np.float32)
    drawn = ops.convert_to_numpy(head.draw(features, previous, uniform, 1.0, nothing))
    share = np.bincount((drawn @ 2 ** np.arange(D)[::-1]).astype(int), minlength=len(ALL)) / draws
    np.testing.assert_allclose(share, likely, atol=0.012)
    with within("numpy"):
        np.testing.assert_array_equal(drawn, made("numpy").draw(features, previous, uniform, 1.0, nothing))


def test_a_banned_key_is_never_drawn_and_the_others_are():
    head, draws = made(), 2000
    features, previous = (np.repeat(array, draws, axis=0) for array in (FEATURES, PREVIOUS))
    uniform = np.random.default_rng(1).random((draws, D), dtype=np.float32)
    logit_bias = np.where(np.arange(D) == 2, MASKED_LOGIT, 0).astype(np.float32)
    drawn = ops.convert_to_numpy(head.draw(features, previous, uniform, 3.0, logit_bias))
    assert drawn.any(axis=0).tolist() == [key != 2 for key in range(D)]


def test_over_whole_windows_it_gives_the_same_logits_and_their_gradient():
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the gradient is taken by TensorFlow")
    head, rng = made(), np.random.default_rng(7)
    features, weights = tf.constant(rng.normal(size=(4, 3, W)).astype(np.float32)), head.trainable_variables
    frames = tf.constant((rng.random((2, 4, 3, D)) < 0.4).astype(np.float32))
    upstream = rng.normal(size=(4, 3, D)).astype(np.float32)
    results = []
    for reshaped in ((4, 3), (12,)):  # windows; frame by frame
        with tf.GradientTape() as tape:
            tape.watch(features)
            parts = (tf.reshape(part, (*reshaped, -1)) for part in (features, *frames))
            logits = tf.reshape(head.logits(*parts), (4, 3, D))
            total = tf.reduce_sum(logits * upstream)
        results.append([logits, *tape.gradient(total, [features, *(weight.value for weight in weights)])])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
