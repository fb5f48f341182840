"""The protocol's arithmetic, by hand."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from musictool.apps.polyphony.scores import Score, floors, log_odds


def roll(*keys: int) -> np.ndarray:
    """A frame a key; -1 for silence."""
    rows = np.zeros((len(keys), 88), np.uint8)
    rows[np.arange(len(keys)), keys] = np.array(keys) >= 0
    return rows


def test_a_score_is_the_mean_over_frames_and_beside_it_over_pieces():
    score = Score.of([np.array([1.0, 1, 1]), np.array([5.0])])
    assert score == Score(nats=2.0, piece_nats=3.0, frames=4)


def test_the_floors_cost_what_counting_by_hand_says():
    # From the second frames on, key 5 sounds in 2 of 3: in 1 of 1 after silence, and in 1 of 2 after it sounded.
    # Every other key is silent in 3 of 3.
    ways = floors([roll(5, 5, -1), roll(-1, 5)])
    other = 87 * -log(1 - 1 / 5)
    piece = roll(-1, 5, 5, -1)
    assert ways["unigram"](piece) == pytest.approx([other - log(3 / 5), other - log(3 / 5), other - log(2 / 5)])
    assert ways["markov"](piece) == pytest.approx([other - log(2 / 3), other - log(2 / 4), other - log(2 / 4)])


def test_the_first_frame_is_not_scored():
    unigram = floors([roll(5, 5, -1)])["unigram"]
    assert len(unigram(roll(7, 5))) == 1
    np.testing.assert_array_equal(unigram(roll(7, 5)), unigram(roll(-1, 5)))


def test_log_odds_are_those_of_the_markov_floor():
    odds = log_odds([roll(5, 5, -1), roll(-1, 5)])
    assert odds.shape == (2, 88)
    assert odds[:, 5] == pytest.approx([log(2), log(1)])
    assert odds[:, 7] == pytest.approx([log(1 / 4), log(1)])
