from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
from keras import ops

from musictool.archs.lstm import Lstm
from musictool.encoding import Spec
from musictool.errors import BadOption
from musictool.sampling.sampler import DRAWS, MASKED_LOGIT, Guidance, Sampler, inverse_transform
from tests.stand_in import StandIn

LOGITS = np.log(np.array([[0.5, 0.2, 0.15, 0.1, 0.05]], np.float32))


def slow_filter(logits: np.ndarray, sampler: Sampler) -> np.ndarray:
    """One row at a time, by the definitions: which symbols may be drawn."""
    allowed = np.zeros(logits.shape, bool)
    for row, values in enumerate(logits / sampler.temperature):
        order = np.argsort(-values, kind="stable")
        if sampler.top_k:
            order = order[: sampler.top_k]
        weights = np.exp(values[order] - values[order].max())
        order = order[weights >= sampler.min_p]  # the likeliest has the weight 1
        weights = weights[weights >= sampler.min_p]
        weights /= weights.sum()
        total = 0.0
        for symbol, weight in zip(order, weights, strict=True):
            if total < sampler.top_p or sampler.top_p == 1:
                allowed[row, symbol] = True
            total += weight
    return allowed


@pytest.mark.parametrize("top_k", [0, 1, 3, 50, 200])
@pytest.mark.parametrize(
    "top_p, min_p", [(0.05, 0), (0.5, 0), (0.9, 0.1), (0.999, 0), (1.0, 0), (1.0, 0.02), (0.9, 0.5)]
)
@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0])
def test_draws_follow_the_distribution_over_what_the_definition_allows(
    temperature: float, top_p: float, min_p: float, top_k: int
):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(1, 41)).astype(np.float32) * 2
    sampler = Sampler(temperature, top_k, top_p, min_p)
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
    logits[0, 0] = MASKED_LOGIT
    uniform = np.repeat(np.linspace(0, 0.9999, 500, dtype=np.float32)[:, None], DRAWS, axis=1)
    drawn = Sampler(temperature=100.0, top_p=1).draw(np.repeat(logits, 500, axis=0), uniform)
    assert 0 not in np.asarray(drawn)


def test_heat_is_the_temperature_of_each_piece():
    uniform = np.random.default_rng(0).random((3, DRAWS), dtype=np.float32)
    logits = np.repeat(LOGITS, 3, axis=0)
    heated = np.asarray(Sampler(0.5).filter(logits, np.array([1, 2, 4], np.float32)))
    np.testing.assert_allclose(heated, LOGITS / np.array([[0.5], [1], [2]]), rtol=1e-6)
    cold = Sampler().draw(logits, uniform, np.full(3, 1e-3, np.float32))
    assert np.asarray(cold).tolist() == [0, 0, 0]


def test_the_penalty_makes_what_was_heard_less_likely_whichever_sign_its_logit_has():
    logits = np.array([[2.0, 2.0, -2.0, -2.0, 0.0]], np.float32)
    recent = np.array([[True, False, True, False, True]])
    punished = Sampler(repetition_penalty=1.25).penalised(logits, recent)
    np.testing.assert_allclose(np.asarray(punished), [[1.6, 2, -2.5, -2, 0]], rtol=1e-6)


class _Loves(StandIn):
    """Instead of a network: always the same logits."""

    def __init__(self, logits: np.ndarray):
        super().__init__()
        self.logits = ops.convert_to_tensor(logits, "float32")

    def step(self, token: Any, state: Any, vectors: Any, conditions: Any) -> tuple[Any, Any]:
        return ops.broadcast_to(self.logits, (ops.shape(token)[0], len(self.logits))), state


@pytest.mark.parametrize("begins", [None, np.arange(200) % 2 == 0])
@pytest.mark.parametrize("primer", [[2], [2, 199, 198, 197], list(range(3, 160))])
def test_the_penalty_is_for_what_begins_notes_among_the_last_64_rows(onset_mask: np.ndarray | None, primer: list[int]):
    """With the likeliest symbol always drawn, every row can be worked out by the definition."""
    logits = np.linspace(-1, 5, 200)
    arch = Lstm(Spec("tokens", (), 200))
    arch.__dict__["network"] = _Loves(logits)
    sampler = Sampler(top_k=1, repetition_penalty=10, loop_guard=False)
    stream = arch.continuation(np.array([primer], np.int32), sampler, 1, Guidance(onset_mask=onset_mask))
    written = np.concatenate(list(islice(stream, 3)), axis=1)[0]
    rows = list(primer)
    for symbol in written:
        recent = np.isin(np.arange(200), rows[-64:]) & (True if onset_mask is None else onset_mask)
        punished = np.where(recent, np.where(logits > 0, logits / 10, logits * 10), logits)
        punished[:3] = -np.inf
        assert symbol == punished.argmax()
        rows.append(int(symbol))


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": 0},
        {"temperature": -1},
        {"top_k": -1},
        {"top_p": 0},
        {"top_p": 1.5},
        {"min_p": 1},
        {"min_p": -0.1},
    ]
    + [{"repetition_penalty": 0.5}, {"repetition_penalty": float("nan")}, {"min_p": float("nan")}],
)
def test_values_that_cannot_be_meant_are_refused_with_the_option_named(wrong: dict[str, float]):
    (name,) = wrong
    with pytest.raises(BadOption, match="--" + name.replace("_", "-")):
        Sampler(**wrong)
