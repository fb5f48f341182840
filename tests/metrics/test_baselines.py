"""The baselines of rolls against counting by hand."""

from __future__ import annotations

from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musictool.dataset.dataset import Encoded
from musictool.encodings.piano_roll import PianoRoll
from musictool.encodings.segments import Segments
from musictool.metrics.baselines import baselines


def encoded(
    encoding: Any, pieces: list[np.ndarray], is_validation: list[bool], transpositions: tuple[int, ...] = (0,)
) -> Encoded:
    offsets = np.cumsum([0, *map(len, pieces)])
    stored = encoding.spec.store(np.concatenate(pieces))
    return Encoded(encoding, stored, offsets, np.array(is_validation), transpositions, {}, Path())


HELD = PianoRoll(PianoRoll.Options(onsets=False))


def roll(*keys: int) -> np.ndarray:
    """A row per key; -1 for silence."""
    rows = np.zeros((len(keys), 88), np.uint8)
    rows[np.arange(len(keys)), keys] = np.array(keys) >= 0
    return rows


def test_each_baseline_costs_what_counting_by_hand_gives():
    nats = baselines(encoded(HELD, [roll(5, 5, 5, -1), roll(5, 5)], [False, True]))
    # In training key 5 sounds in 3 of 4 rows, begins in 1 of 1 after silence, and goes on in 2 of 3; every other key is
    # silent in 4 of 4. Two of the four rows are like the one before.
    other = 87 * -log(1 - 1 / 6)
    keys = -log(4 / 6) + other
    assert nats == pytest.approx(
        {
            "keys": keys,
            "keys-markov": other + (-log(2 / 3) - log(3 / 5)) / 2,
            "repeat": (keys - log(1 - 3 / 6) - log(3 / 6 + (1 - 3 / 6) * np.exp(-keys))) / 2,
        }
    )


def test_every_transposition_is_counted():
    training, validation = roll(5, 5, 5, 5), roll(7, 7, 7)
    pieces = [training, validation]
    both, one = (baselines(encoded(HELD, pieces, [False, True], shifts)) for shifts in [(0, 2), (0,)])
    assert all(both[name] < one[name] for name in both)


def test_without_a_validation_piece_there_is_no_baseline():
    assert baselines(encoded(HELD, [roll(5, 5)], [False])) == {}


def test_segments_are_scored_in_the_same_way():
    rows = (np.random.default_rng(0).random((6, 32, 128, 5)) < 0.01).astype(np.uint8)
    nats = baselines(encoded(Segments(), [np.tile(rows[:1], (4, 1, 1, 1)), rows[:1], rows], [False, True, False]))
    assert set(nats) == {"keys", "keys-markov", "repeat"}
    assert 0 < nats["keys-markov"] < 20480 * log(2)
