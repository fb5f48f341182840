from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
from keras import ops

from musictool.archs.lstm import Lstm
from musictool.encoding import Spec
from musictool.engine.current import within
from musictool.errors import BadOption
from musictool.sampling.guidance import FREE, MASKED_LOGIT, Guidance
from musictool.sampling.rules import (
    DRAWS,
    Ban,
    DrawState,
    MinP,
    RepetitionPenalty,
    Temperature,
    TopK,
    draw,
    inverse_transform,
    rules_of,
)
from musictool.sampling.sampler import Sampler
from tests.stand_in import StandIn

LOGITS = np.log(np.array([[0.5, 0.2, 0.15, 0.1, 0.05]], np.float32))


def neutral(pieces: int, size: int, sampler: Sampler = Sampler(), **fields: Any) -> DrawState:  # noqa: B008  # frozen
    """The state of pieces about which nothing is known, but for some fields."""
    primer = np.zeros((pieces, 0), np.int32)
    return DrawState.after(primer, sampler, FREE, size, reserved=0, chunk=1)._replace(**fields)


# ---------------------------------------------------------------------------------------------- rules that spell a word

WORD = "sequentially"
ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def predictions(word: str) -> np.ndarray:
    """float32 (T, 26), logits: the word's letter with 0.8, the next one of the alphabet with 0.15, any other."""
    probabilities = np.full((len(word), 26), 0.05 / 24)
    for row, letter in zip(probabilities, word, strict=True):
        row[ALPHABET.index(letter)], row[(ALPHABET.index(letter) + 1) % 26] = 0.8, 0.15
    return np.log(probabilities).astype(np.float32)


def spelled(sampler: Sampler, guidance: Guidance = FREE, temperature_factor: float = 1.0) -> str:
    """Letter after letter, drawn from what predicts WORD with the same random numbers every time."""
    rng = np.random.default_rng(1)
    state = DrawState.after(np.zeros((1, 0), np.int32), sampler, guidance, 26, reserved=0, chunk=len(WORD))
    letters = ""
    for i, logits in enumerate(predictions(WORD)):
        state = state._replace(temperature_factor=np.array([temperature_factor], np.float32))
        token = draw(sampler, logits[None], rng.random((1, DRAWS), dtype=np.float32), state)
        state = state.drawn(token, i)
        letters += ALPHABET[int(token[0])]
    return letters


def banning(letters: str) -> Guidance:
    return Guidance(banned=np.isin(list(ALPHABET), list(letters)))


@pytest.mark.parametrize(
    "sampler", [Sampler(top_k=1), Sampler(temperature=0.05), Sampler(top_p=0.5), Sampler(top_p=1, min_p=0.5)]
)
def test_a_sampler_that_leaves_only_the_likeliest_letter_spells_the_word(sampler: Sampler):
    assert spelled(sampler) == "sequentially"


def test_a_sampler_that_leaves_two_letters_spells_with_two_letters():
    for sampler in (Sampler(top_k=2, top_p=1), Sampler(top_p=0.9), Sampler(top_p=1, min_p=0.1)):
        letters = spelled(sampler)
        assert letters != "sequentially"
        assert all(
            letter in (a, ALPHABET[(ALPHABET.index(a) + 1) % 26]) for a, letter in zip(WORD, letters, strict=True)
        )


def test_a_high_temperature_spells_anything_and_so_does_a_high_factor():
    hot, heated = spelled(Sampler(temperature=50, top_p=1)), spelled(Sampler(top_p=1), temperature_factor=50)
    assert hot == heated
    assert sum(a == b for a, b in zip(WORD, hot, strict=True)) < 4


def test_a_banned_letter_gives_way_to_the_next_likeliest():
    assert spelled(Sampler(top_k=1), banning("q")) == "seruentially"
    assert spelled(Sampler(top_k=1), banning("ly")) == "sequentiammz"


def test_under_a_repetition_penalty_no_letter_comes_back():
    assert spelled(Sampler(top_k=1, repetition_penalty=10)) == "sequfntialmy"
    assert spelled(Sampler(top_k=1, repetition_penalty=10), Guidance(onset_mask=np.arange(26) > 5)) == "sequentialmy"


class _Speller(StandIn):
    """Instead of a network: counts its steps, and predicts the letter of WORD that comes then; 3 stands for a."""

    def step(self, token: Any, side_input: Any, state: Any, constants: Any) -> tuple[Any, Any]:
        table = np.pad(predictions(WORD + WORD[-1] * 200), ((0, 0), (3, 0)))
        return ops.take(ops.convert_to_tensor(table), ops.cast(state[:, 0], "int32"), axis=0), state + 1


def test_an_arch_that_was_given_the_beginning_of_a_word_goes_on_with_the_rest():
    arch = Lstm(Spec("tokens", (), 29))
    arch.__dict__["network"] = _Speller()
    for given in ("s", "seq", "sequential"):
        primer = np.array([[2, *(3 + ALPHABET.index(letter) for letter in given)]], np.int32)
        written = next(arch.continuation(primer, Sampler(top_k=1), 0))[0]
        assert given + "".join(ALPHABET[token - 3] for token in written)[: 12 - len(given)] == "sequentially"


# ------------------------------------------------------------------------------------------------- rules, one by one


def slow_filter(logits: np.ndarray, sampler: Sampler) -> np.ndarray:
    """One row at a time, by the definitions: which tokens may be drawn."""
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
        for token, weight in zip(order, weights, strict=True):
            if total < sampler.top_p or sampler.top_p == 1:
                allowed[row, token] = True
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
    """In numpy; that Keras draws the same from the same random numbers is shown in test_rules_in_numpy.py."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(1, 41)).astype(np.float32) * 2
    sampler = Sampler(temperature, top_k, top_p, min_p)
    draws = 1000
    # one random number in each of as many parts of 0 to 1, in any order, so that few draws are near what is expected
    parts = rng.permuted(np.tile(np.arange(draws), (DRAWS, 1)), axis=1).T
    uniform = ((parts + rng.random((draws, DRAWS))) / draws).astype(np.float32)
    with within("numpy"):
        drawn = draw(sampler, np.repeat(logits, draws, axis=0), uniform, neutral(draws, 41))
    expected = np.where(slow_filter(logits.astype(np.float64), sampler), np.exp(logits / temperature), 0)[0]
    shares = np.bincount(drawn, minlength=41) / draws
    assert np.abs(shares - expected / expected.sum()).max() < 0.01
    assert not shares[expected == 0].any()


def test_a_draw_that_misses_the_nucleus_every_time_is_made_inside_it():
    uniform = np.array([[0.9, 0.9, 0.9, 0.9, 0.3]], np.float32)  # four draws outside, and one for the nucleus alone
    assert int(draw(Sampler(top_p=0.6), LOGITS, uniform, neutral(1, 5))[0]) == 0
    uniform[0, -1] = 0.9
    assert int(draw(Sampler(top_p=0.6), LOGITS, uniform, neutral(1, 5))[0]) == 1


@pytest.mark.parametrize(
    "uniform, token", [(0.0, 0), (0.49, 0), (0.51, 1), (0.69, 1), (0.71, 2), (0.86, 3), (0.96, 4), (0.999999, 4)]
)
def test_a_uniform_number_picks_the_token_where_the_cumulated_probability_passes_it(uniform: float, token: int):
    drawn = inverse_transform(np.exp(LOGITS), np.array([[uniform]], np.float32))
    assert int(drawn[0, 0]) == token


def test_a_banned_token_is_never_drawn():
    uniform = np.repeat(np.linspace(0, 0.9999, 500, dtype=np.float32)[:, None], DRAWS, axis=1)
    state = neutral(500, 5, logit_bias=np.array([MASKED_LOGIT, 0, 0, 0, 0], np.float32))
    drawn = draw(Sampler(temperature=100.0, top_p=1), np.repeat(LOGITS, 500, axis=0), uniform, state)
    assert 0 not in np.asarray(drawn)


def test_the_factor_multiplies_the_temperature_of_each_piece():
    uniform = np.random.default_rng(0).random((3, DRAWS), dtype=np.float32)
    logits = np.repeat(LOGITS, 3, axis=0)
    heated = Temperature(0.5)(logits, neutral(3, 5, temperature_factor=np.array([1, 2, 4], np.float32)))
    np.testing.assert_allclose(np.asarray(heated), LOGITS / np.array([[0.5], [1], [2]]), rtol=1e-6)
    cold = draw(Sampler(), logits, uniform, neutral(3, 5, temperature_factor=np.full(3, 1e-3, np.float32)))
    assert np.asarray(cold).tolist() == [0, 0, 0]


def test_the_penalty_makes_recent_tokens_less_likely_whichever_sign_their_logits_have():
    logits = np.array([[2.0, 2.0, -2.0, -2.0, 0.0]], np.float32)
    penalised = RepetitionPenalty(1.25)(logits, neutral(1, 5, recent=np.array([[1, 0, 64, 0, 3]])))
    np.testing.assert_allclose(np.asarray(penalised), [[1.6, 2, -2.5, -2, 0]], rtol=1e-6)


def test_top_k_and_min_p_leave_the_logits_of_what_they_allow_as_they_are():
    for rule, allowed in ((TopK(2), 2), (TopK(5), 5), (TopK(9), 5), (MinP(0.25), 3), (MinP(0.99), 1)):
        left = np.asarray(rule(LOGITS, neutral(1, 5)))[0]
        np.testing.assert_array_equal(left[:allowed], LOGITS[0, :allowed])
        assert (left[allowed:] == MASKED_LOGIT).all()


def test_a_sampler_names_its_rules_in_order_and_leaves_out_those_that_change_nothing():
    every = Sampler(temperature=2.0, top_k=7, min_p=0.1, repetition_penalty=1.2)
    assert [type(rule) for rule in rules_of(every)] == [RepetitionPenalty, Ban, Temperature, TopK, MinP]
    assert [type(rule) for rule in rules_of(Sampler())] == [Ban, Temperature]


class _Loves(StandIn):
    """Instead of a network: always the same logits."""

    def __init__(self, logits: np.ndarray):
        super().__init__()
        self.always = ops.convert_to_tensor(logits, "float32")

    def step(self, token: Any, side_input: Any, state: Any, constants: Any) -> tuple[Any, Any]:
        return ops.broadcast_to(self.always, (ops.shape(token)[0], len(self.always))), state


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("onset_mask", [None, np.arange(200) % 2 == 0])
@pytest.mark.parametrize("primer", [[2], [2, 199, 198, 197], list(range(3, 160))])
def test_the_penalty_is_for_what_begins_notes_among_the_last_64_rows(onset_mask: np.ndarray | None, primer: list[int]):
    """With the likeliest token always drawn, every row can be worked out by the definition."""
    logits = np.linspace(-1, 5, 200)
    arch = Lstm(Spec("tokens", (), 200))
    arch.__dict__["network"] = _Loves(logits)
    sampler = Sampler(top_k=1, repetition_penalty=10, loop_guard=False)
    stream = arch.continuation(np.array([primer], np.int32), sampler, 1, Guidance(onset_mask=onset_mask))
    written = np.concatenate(list(islice(stream, 3)), axis=1)[0]
    rows = list(primer)
    for token in written:
        recent = np.isin(np.arange(200), rows[-64:]) & (True if onset_mask is None else onset_mask)
        penalised = np.where(recent, np.where(logits > 0, logits / 10, logits * 10), logits)
        penalised[:3] = -np.inf
        assert token == penalised.argmax()
        rows.append(int(token))


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
