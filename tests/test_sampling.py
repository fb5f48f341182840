from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from musictool.errors import BadOption
from musictool.sampling import DRAWS, NEVER, Sampler, inverse_transform

LOGITS = np.log(np.array([[0.5, 0.2, 0.15, 0.1, 0.05]], np.float32))


def slow_filter(logits: np.ndarray, sampler: Sampler) -> np.ndarray:
    """One row at a time, by the definitions: which symbols may be drawn."""
    allowed = np.zeros(logits.shape, bool)
    for row, values in enumerate(logits / sampler.temperature):
        order = np.argsort(-values, kind="stable")
        if sampler.top_k:
            order = order[: sampler.top_k]
        weights = np.exp(values[order] - values[order].max())
        weights /= weights.sum()
        total = 0.0
        for symbol, weight in zip(order, weights, strict=True):
            if total < sampler.top_p or sampler.top_p == 1:
                allowed[row, symbol] = True
            total += weight
    return allowed


@pytest.mark.parametrize("top_k", [0, 1, 3, 50, 200])
@pytest.mark.parametrize("top_p", [0.05, 0.5, 0.9, 0.999, 1.0])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0])
def test_draws_follow_the_distribution_over_what_the_definition_allows(temperature: float, top_p: float, top_k: int):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(1, 41)).astype(np.float32) * 2
    sampler = Sampler(temperature, top_k, top_p)
    draws = 20_000
    uniform = rng.random((draws, DRAWS), dtype=np.float32)
    drawn = np.asarray(sampler.draw(ops.convert_to_tensor(np.repeat(logits, draws, axis=0)), uniform))
    expected = np.where(slow_filter(logits.astype(np.float64), sampler), np.exp(logits / temperature), 0)[0]
    shares = np.bincount(drawn, minlength=41) / draws
    assert np.abs(shares - expected / expected.sum()).max() < 0.015
    assert not shares[expected == 0].any()


def test_a_draw_that_misses_the_nucleus_every_time_is_made_inside_it():
    uniform = np.array([[0.9, 0.9, 0.9, 0.9, 0.3]], np.float32)  # four draws outside, and one for the nucleus alone
    assert int(Sampler(top_p=0.6).draw(LOGITS, uniform)[0]) == 0
    uniform[0, -1] = 0.9
    assert int(Sampler(top_p=0.6).draw(LOGITS, uniform)[0]) == 1


@pytest.mark.parametrize(
    "uniform, symbol", [(0.0, 0), (0.49, 0), (0.51, 1), (0.69, 1), (0.71, 2), (0.86, 3), (0.96, 4), (0.999999, 4)]
)
def test_a_uniform_number_picks_the_symbol_where_the_cumulated_probability_passes_it(uniform: float, symbol: int):
    drawn = inverse_transform(np.exp(LOGITS), np.array([[uniform]], np.float32))
    assert int(drawn[0, 0]) == symbol


def test_a_symbol_that_is_never_is_never_drawn():
    logits = LOGITS.copy()
    logits[0, 0] = NEVER
    uniform = np.repeat(np.linspace(0, 0.9999, 500, dtype=np.float32)[:, None], DRAWS, axis=1)
    drawn = Sampler(temperature=100.0, top_p=1).draw(np.repeat(logits, 500, axis=0), uniform)
    assert 0 not in np.asarray(drawn)


@pytest.mark.parametrize(
    "wrong", [{"temperature": 0}, {"temperature": -1}, {"top_k": -1}, {"top_p": 0}, {"top_p": 1.5}]
)
def test_values_that_cannot_be_meant_are_refused_with_the_option_named(wrong: dict[str, float]):
    (name,) = wrong
    with pytest.raises(BadOption, match="--" + name.replace("_", "-")):
        Sampler(**wrong)
