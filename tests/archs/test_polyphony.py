"""Which keys sound, against a slow, obvious rule: the lowest logits are left out until there are few enough."""

from __future__ import annotations

import numpy as np
import pytest

from musictool.archs._polyphony import binarise, top_k_per_step
from musictool.engine.current import within


def slowly(logits: np.ndarray, threshold: float, most: int) -> np.ndarray:
    """bool (P,), of the logits (P,) of one step."""
    kept = 1 / (1 + np.exp(-logits)) > threshold
    while kept.sum() > most:
        kept &= logits > logits[kept].min()  # of equal ones all
    return kept


@pytest.mark.parametrize("most", [1, 3, 16, 20])
@pytest.mark.parametrize("bias", [-3, 0, 3])
def test_of_too_many_keys_the_likeliest_sound(most: int, bias: int):
    logits = (np.random.default_rng(bias + 9).normal(size=(2, 4, 16)) + bias).round(1).astype(np.float32)
    with within("numpy"):
        kept = binarise(logits, 1.0, np.float32(0.5), np.float32(most))
    expected = [[slowly(step, 0.5, most) for step in piece] for piece in logits]
    assert np.array_equal(kept, expected)


def test_each_instrument_has_its_own_number():
    logits = np.random.default_rng(1).normal(3, 1, (1, 3, 16, 2)).astype(np.float32)
    most = np.array([2, 5], np.float32)
    with within("numpy"):
        kept = binarise(logits, 1.0, np.float32(0.5), most)
        top = top_k_per_step(logits, most)
    assert (kept.sum(axis=2) == [2, 5]).all()
    assert np.array_equal(np.isfinite(top), kept)
    assert np.array_equal(top[kept], logits[kept])
