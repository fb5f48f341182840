from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
from keras import ops

from musictool.archs._autoregressive import CHUNK
from musictool.archs.lstm import Lstm
from musictool.encoding import Spec
from musictool.music.score import Score
from musictool.sampling.guidance import FREE
from musictool.sampling.loops import FACTOR, LEAST, LONGEST, LoopGuard, period, period_of_notes
from musictool.sampling.sampler import Sampler
from tests.stand_in import StandIn

RANDOM = np.random.default_rng(0).integers(3, 100, 600)


def slow_period(tokens: np.ndarray) -> int:
    """By the definition, one period after the other."""
    for p in range(1, LONGEST + 1):
        long = max(3 * p, LEAST)
        end = tokens[-long:].tolist()
        if len(end) == long and all(end[i] == end[i - p] for i in range(p, long)):
            return p
    return 0


@pytest.mark.parametrize("p", [1, 2, 7, 8, 9, 21, 22, 63, 64, 200, 256, 257])
def test_a_loop_is_noticed_when_it_has_come_often_and_long_enough(p: int):
    needed = max(3 * p, LEAST)
    loop = np.resize(RANDOM[:p], needed)
    expected = p if p <= LONGEST else 0
    assert period(loop) == period(np.concatenate([RANDOM, [1], loop])) == expected == slow_period(loop)
    assert period(loop[1:]) == 0
    assert period(np.concatenate([[1], loop[1:]])) == 0
    broken = loop.copy()
    broken[-3] = 2
    assert period(broken) == 0


def test_the_period_of_any_tokens_is_that_of_the_definition():
    rng = np.random.default_rng(1)
    periods = set()
    for _ in range(300):
        tokens = np.resize(rng.integers(0, 2, rng.integers(1, 30)), rng.integers(0, 200))
        tokens[rng.integers(0, max(1, len(tokens)), rng.integers(0, 2))] = 5 if len(tokens) else tokens
        assert period(tokens) == slow_period(tokens)
        periods.add(period(tokens))
    assert len(periods) > 10


def test_a_piece_of_notes_that_loops_is_noticed_wherever_it_stands():
    turn = [(60, 0), (64, 1), (67, 1.5)]
    loop = [(pitch, 2 * i + onset, 0.5) for i in range(30) for pitch, onset in turn]
    assert period_of_notes(Score.from_notes(loop)) == 3
    assert period_of_notes(Score.from_notes([*loop, (61, 70, 1)])) == 0
    assert period_of_notes(Score.from_notes([])) == 0


def test_the_factor_rises_while_a_piece_loops_and_is_1_for_the_others():
    guard = LoopGuard(2)
    loop = np.resize(np.arange(3, 8), 320)
    for chunk in range(5):
        rows = np.stack([loop[chunk * 64 : chunk * 64 + 64], RANDOM[chunk * 64 : chunk * 64 + 64]])
        factor, following = guard.after(rows)
        np.testing.assert_allclose(factor, [FACTOR ** (chunk + 1), 1])
        np.testing.assert_array_equal(following[:, 0], np.resize(np.roll(np.arange(3, 8), -4 * (chunk + 1)), 64))
        assert set(following[:, 1]) == {-1}
    factor, following = guard.after(np.stack([RANDOM[:64], RANDOM[64:128]]))
    assert factor.tolist() == [1, 1]
    assert set(following.reshape(-1)) == {-1}


class _Ring(StandIn):
    """Instead of a network: after each token the next one of a ring, and much less likely any other."""

    def __init__(self, size: int, ring: int, certainty: float):
        super().__init__()
        self.size, self.ring, self.certainty = size, ring, certainty

    def step(self, token: Any, side_input: Any, state: Any, constants: Any) -> tuple[Any, Any]:
        following = ops.where(token < 3 + self.ring, 3 + (token - 2) % self.ring, token * 7 % (self.size - 3) + 3)
        return ops.one_hot(following, self.size) * self.certainty, state


def written(sampler: Sampler, pieces: int = 4, chunks: int = 20, certainty: float = 16.0) -> np.ndarray:
    arch = Lstm(Spec("tokens", (), 40))
    arch.__dict__["network"] = _Ring(40, 8, certainty)
    stream = arch.continuation(np.full((pieces, 1), 3, np.int32), sampler, 1, FREE)
    return np.concatenate(list(islice(stream, chunks)), axis=1)


def test_without_the_guard_a_loop_lasts_for_ever_and_with_it_every_piece_gets_out():
    for_ever = written(Sampler(loop_guard=False))
    assert [period(piece) for piece in for_ever] == [8] * 4
    guarded = written(Sampler())
    assert all((piece > 10).any() for piece in guarded)  # tokens that are not of the ring
    np.testing.assert_array_equal(guarded, written(Sampler()))
    np.testing.assert_array_equal(guarded[:, :64], for_ever[:, :64])  # before anything can be noticed


def test_the_factor_is_1_again_where_the_loop_ends():
    """Out of the ring the fake model is as sure as in it; under a factor that lasted, its own order would be lost."""
    for piece in written(Sampler(), chunks=12):
        left = np.flatnonzero(piece > 10)
        after = piece[left[0] : left[0] + 12]
        model = np.where(after < 11, 3 + (after - 2) % 8, after * 7 % 37 + 3)
        assert (after[1:] == model[:-1]).mean() > 0.8


def test_with_the_likeliest_token_alone_there_is_nothing_to_leave_a_loop_for():
    assert [period(piece) for piece in written(Sampler(top_k=1), 2, 8)] == [8, 8]


def test_nothing_is_traced_anew_when_a_piece_begins_to_loop():
    arch = Lstm(Spec("tokens", (), 40))
    arch.__dict__["network"] = _Ring(40, 8, 16.0)
    sampler = Sampler()
    list(islice(arch.continuation(np.full((2, 1), 3, np.int32), sampler, 1), 8))
    assert arch._generate(sampler, CHUNK).experimental_get_tracing_count() == 1
