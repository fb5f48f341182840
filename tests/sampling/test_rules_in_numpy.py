"""The rules as numpy computes them, beside the same as Keras does."""

from __future__ import annotations

import numpy as np
import pytest

from musictool.engine.current import within
from musictool.sampling import rules
from musictool.sampling.guidance import Guidance
from musictool.sampling.rules import DRAWS, DrawState
from musictool.sampling.sampler import Sampler


def state_of(sampler: Sampler, pieces: int, size: int, seed: int = 0) -> DrawState:
    """After random primers, with the first four tokens banned and some pieces in a loop."""
    rng = np.random.default_rng(seed)
    primer = rng.integers(4, size, (pieces, 10)).astype(np.int32)
    guidance = Guidance(onset_mask=np.arange(size) % 3 > 0)
    state = DrawState.after(primer, sampler, guidance, size, reserved=4, chunk=2)
    loop = rng.integers(-1, size, (2, pieces)).astype(np.int32)
    return state._replace(temperature_factor=rng.choice([1, 1.5, 3], pieces).astype(np.float32), loop=loop)


@pytest.mark.parametrize(
    "sampler",
    [
        Sampler(),
        Sampler(top_p=1.0),
        Sampler(temperature=0.3, top_k=5),
        Sampler(temperature=4.0, min_p=0.05),
        Sampler(top_p=0.001),
        Sampler(top_k=1),
        Sampler(temperature=0.01, top_k=7, min_p=0.2, top_p=0.5),
        Sampler(repetition_penalty=1.7),
    ],
)
def test_from_the_same_random_numbers_both_draw_the_same(sampler: Sampler):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (3000, 30)).astype(np.float32)
    uniform = rng.random((3000, DRAWS), dtype=np.float32)
    state = state_of(sampler, 3000, 30)
    with within("numpy"):
        drawn = rules.draw(sampler, logits, uniform, state)
    assert type(drawn) is np.ndarray
    assert drawn.min() >= 4
    by_keras = np.asarray(rules.draw(sampler, logits, uniform, state))
    assert (drawn == by_keras).mean() > 0.999  # but for the last digit of a sum


@pytest.mark.parametrize("penalty", [1.0, 1.7])
def test_the_state_after_a_token_is_the_same(penalty: float):
    state = state_of(Sampler(repetition_penalty=penalty), 50, 20)
    tokens = np.where(np.arange(50) % 2, state.loop[1], 7).astype(np.int32)
    with within("numpy"):
        in_numpy = state.drawn(tokens, 1)
    for one, other in zip(in_numpy, state.drawn(tokens, 1), strict=True):
        np.testing.assert_array_equal(one, np.asarray(other))


def test_a_nucleus_that_every_draw_misses_is_sorted_out():
    logits = np.zeros((1, 1000), np.float32)
    logits[:, 7] = 0.5
    uniform = np.full((1, DRAWS), 0.9, np.float32)  # far from the only token inside
    state = DrawState.after(np.zeros((1, 0), np.int32), Sampler(), Guidance(), 1000, reserved=0, chunk=1)
    with within("numpy"):
        assert rules.draw(Sampler(top_p=0.001), logits, uniform, state).tolist() == [7]
