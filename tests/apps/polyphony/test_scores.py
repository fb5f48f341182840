"""The protocol's arithmetic, by hand."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from musictool.apps.polyphony.scores import FrameNats, baselines, counts_of


def roll(*keys: int) -> np.ndarray:
    """A frame per key; -1 for silence."""
    rows = np.zeros((len(keys), 88), np.uint8)
    rows[np.arange(len(keys)), keys] = np.array(keys) >= 0
    return rows


def test_a_score_is_the_mean_over_frames_and_beside_it_over_pieces():
    score = FrameNats.of([np.array([1.0, 1, 1]), np.array([5.0])])
    assert score == FrameNats(nats=2.0, piece_nats=3.0, frames=4)


def test_the_baselines_cost_what_counting_by_hand_gives():
    # From the second frames on, key 5 sounds in 2 of 3: in 1 of 1 after silence, and in 1 of 2 after it sounded.
    # Every other key is silent in 3 of 3.
    counts = counts_of([roll(5, 5, -1), roll(-1, 5)])
    other = 87 * -log(1 - 1 / 5)
    piece = roll(-1, 5, 5, -1)
    assert counts.keys(piece[:-1], piece[1:]) == pytest.approx(
        [other - log(3 / 5), other - log(3 / 5), other - log(2 / 5)]
    )
    assert counts.keys_markov(piece[:-1], piece[1:]) == pytest.approx(
        [other - log(2 / 3), other - log(2 / 4), other - log(2 / 4)]
    )


def test_the_first_frame_is_not_scored():
    one, other = (
        baselines({"train": [roll(5, 5, -1)], "validation": [piece]})["validation"]["keys"]
        for piece in (roll(7, 5), roll(-1, 5))
    )
    assert one.frames == 1
    assert one == other


def test_log_odds_are_those_of_the_baseline_keys_markov():
    odds = counts_of([roll(5, 5, -1), roll(-1, 5)]).log_odds_after
    assert odds.shape == (2, 88)
    assert odds[:, 5] == pytest.approx([log(2), log(1)])
    assert odds[:, 7] == pytest.approx([log(1 / 4), log(1)])
