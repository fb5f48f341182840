from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from musictool.encoding import FIRST_TOKEN, PADDING, START
from musictool.metrics.ngrams import UNSEEN, NGrams

SIZE = 8


def pieces() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [np.append(START, rng.integers(FIRST_TOKEN, SIZE, length)) for length in (30, 1, 12, 50)]


def ngrams(order: int) -> NGrams:
    return NGrams.counted(np.concatenate(pieces()), SIZE, order)


def slow_probability(context: list[int], token: int, order: int) -> float:
    """By dictionaries: Witten and Bell's rule, from the shortest context to the longest that occurs."""
    tokens = [s for piece in pieces() for s in piece[1:].tolist()]
    possible = [s for s in range(SIZE) if s not in (PADDING, START)]
    probability = 0.0
    if token in possible:
        probability = (tokens.count(token) + 1) / (len(tokens) + len(possible))
    for n in range(1, min(order, len(context)) + 1):
        followers: Counter[int] = Counter()
        for piece in map(np.ndarray.tolist, pieces()):
            for t in range(n, len(piece)):
                if piece[t - n : t] == context[-n:]:
                    followers[piece[t]] += 1
        if followers:
            weight = len(followers)
            probability = (followers[token] + weight * probability) / (followers.total() + weight)
    return probability


@pytest.mark.parametrize("order", [1, 2, 4])
def test_the_distribution_is_that_of_counting_with_dictionaries(order: int):
    tables = ngrams(order)
    tokens = [START, *np.random.default_rng(5).integers(FIRST_TOKEN, SIZE, 20).tolist()]
    distribution = tables.distribution(tables.contexts(np.array([tokens]))[:, 0])
    expected = [[slow_probability(tokens[: t + 1], s, order) for s in range(SIZE)] for t in range(len(tokens))]
    np.testing.assert_allclose(distribution, expected, rtol=1e-12)


@pytest.mark.parametrize("order", [1, 3])
def test_the_probabilities_of_all_tokens_add_up_to_one_and_each_is_what_it_is_alone(order: int):
    tables = ngrams(order)
    rows = np.random.default_rng(6).integers(FIRST_TOKEN, SIZE, (3, 15))
    contexts = tables.contexts(rows)
    for t in range(15):
        every = tables.distribution(contexts[:, :, t])
        np.testing.assert_allclose(every.sum(axis=1), 1, rtol=1e-12)
        assert (every[:, FIRST_TOKEN:] > 0).all()
        alone = tables.probability(contexts[:, :, t], rows[:, 0])
        np.testing.assert_allclose(every[np.arange(3), rows[:, 0]], alone, rtol=1e-12)


def test_token_by_token_it_finds_the_contexts_of_the_whole_window():
    tables = ngrams(3)
    rows = np.random.default_rng(7).integers(FIRST_TOKEN, SIZE, (4, 12))
    whole, state = tables.contexts(rows), np.full((3, 4), UNSEEN)
    for t in range(12):
        state = tables.next_contexts(state, rows[:, t])
        np.testing.assert_array_equal(state, whole[:, :, t])


def test_no_gram_goes_from_one_piece_into_the_next():
    tables = NGrams.counted(np.array([START, 3, 4, START, 5, 6]), SIZE, 2)
    assert tables.levels[0].keys.tolist() == [START * SIZE + 3, START * SIZE + 5, 3 * SIZE + 4, 5 * SIZE + 6]
    assert tables.levels[1].keys.tolist() == [0 * SIZE + 4, 1 * SIZE + 6]


@pytest.mark.parametrize("rows", [[], [START, 3, START, 4]])
def test_contexts_longer_than_all_pieces_change_nothing(rows: list[int]):
    long, short = (NGrams.counted(np.array(rows, np.int64), SIZE, order) for order in (4, 1))
    tokens = np.array([[START, 3, 4, 4]])
    after, alone = (tables.distribution(tables.contexts(tokens)[:, 0]) for tables in (long, short))
    np.testing.assert_array_equal(after, alone)
    each = long.probability(long.contexts(tokens), tokens)[0]
    np.testing.assert_array_equal(each, alone[np.arange(4), tokens[0]])


def test_arrays_hold_everything():
    tables = ngrams(3)
    again = NGrams.of_arrays(tables.arrays(), SIZE, 3)
    contexts = tables.contexts(np.concatenate(pieces())[None])
    np.testing.assert_array_equal(tables.distribution(contexts[:, 0]), again.distribution(contexts[:, 0]))
    assert tables.entries == again.entries


@pytest.mark.parametrize(
    "name, values",
    [
        ("tokens", np.ones(3, np.int64)),
        ("tokens", -np.ones(SIZE, np.int64)),
        ("keys_2", np.zeros((2, 2), np.int64)),
        ("keys_2", np.array([5, 3], np.int64)),
        ("keys_2", np.array([10**6], np.int64)),
        ("times_1", np.zeros(0, np.int32)),
        ("times_2", np.array([0.5])),
    ],
)
def test_arrays_that_counting_cannot_give_are_refused(name: str, values: np.ndarray):
    with pytest.raises(ValueError, match=r"tokens|grams|keys|times"):
        NGrams.of_arrays({**ngrams(2).arrays(), name: values}, SIZE, 2)
