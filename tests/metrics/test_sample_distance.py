from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musictool.dataset.dataset import Encoded
from musictool.encoding import Spec
from musictool.metrics.sample_distance import (
    CHAIN_LENGTH,
    EVAL_METRICS,
    has_collapsed,
    off_scale,
    places,
    sample_distance,
    statistics,
)

SPEC = Spec("segments", (32, 128, 5), 32 * 128 * 5)
LENGTHS = (30, 3, 40, 12)


class Plain:
    """In the place of an encoding."""

    spec = SPEC


def corpus(seed: int = 0) -> Encoded:
    """Four pieces of held notes that stay as they are for a piece with a few that change; the third and fourth to
    validate on."""
    rng = np.random.default_rng(seed)
    rows = np.zeros((sum(LENGTHS), *SPEC.shape), np.uint8)
    begin = 0
    for length in LENGTHS:
        for row in range(begin, begin + length):
            for instrument in range(5):
                for _ in range(5):
                    step, pitch = 4 * rng.integers(8), rng.integers(36, 84)
                    rows[row, step : step + rng.integers(2, 5), pitch, instrument] = 1
        begin += length
    offsets = np.cumsum([0, *LENGTHS])
    encoding: Any = Plain()
    return Encoded(encoding, SPEC.store(rows), offsets, np.array([False, False, True, True]), (0,), {}, Path())


def test_places_are_of_validation_pieces_with_what_follows_them_in_the_piece():
    encoded = corpus()
    before, after = places(encoded)
    assert before.shape == (52, *SPEC.shape)  # all of both pieces, since they have no hundred
    assert after.shape == (CHAIN_LENGTH, 52, *SPEC.shape)
    np.testing.assert_array_equal(before[0], encoded.rows(33))
    np.testing.assert_array_equal(after[:, 0], encoded.rows(np.arange(34, 38)))
    np.testing.assert_array_equal(after[:, 38], encoded.rows(np.full(CHAIN_LENGTH, 72)))  # the last of its piece stays
    np.testing.assert_array_equal(before[40], encoded.rows(73))


def test_a_corpus_is_as_far_from_itself_as_its_places_are():
    encoded = corpus()
    _, after = places(encoded)
    told = iter([*after, after[0][:100]])
    found = sample_distance(lambda before: next(told)[: len(before)] if len(before) == 52 else before, encoded)
    assert tuple(found) == EVAL_METRICS
    assert found["distance"] == 0
    assert found["variety"] == found["corpus_variety"]
    assert not has_collapsed(found)


def test_noise_silence_and_one_piece_for_all_are_far_from_music():
    encoded, rng = corpus(), np.random.default_rng(1)
    share = encoded.rows(slice(None)).mean()
    one = encoded.rows(0)

    def moved(before: np.ndarray) -> np.ndarray:
        """The music of other places, each by another interval."""
        others = encoded.rows(rng.integers(0, 33, len(before)))
        return np.stack([np.roll(each, rng.integers(-12, 13), axis=1) for each in others])

    writers = {
        "moved": moved,
        "noise": lambda before: (rng.random(before.shape) < share).astype(np.uint8),
        "silence": np.zeros_like,
        "one": lambda before: np.stack([one] * len(before)),
    }
    found = {name: sample_distance(write, encoded) for name, write in writers.items()}
    assert found["moved"]["distance"] < 0.1
    assert found["noise"]["distance"] > 0.25
    assert found["silence"]["distance"] > 1
    assert found["one"]["distance"] > 1
    assert [name for name in found if has_collapsed(found[name])] == ["silence", "one"]


def test_one_answer_to_each_place_is_told_from_many():
    encoded, rng = corpus(), np.random.default_rng(1)
    same = sample_distance(lambda before: before, encoded)
    assert same["variety_of_seeds"] == 0
    assert same["variety"] > 0.9
    many = sample_distance(lambda before: encoded.rows(rng.integers(0, 33, len(before))), encoded)
    assert many["variety_of_seeds"] > 0.9


def test_statistics_count_cells_strikes_pitch_classes_and_who_plays():
    chains = np.zeros((1, 2, *SPEC.shape), np.uint8)
    chains[0, 0, 0:8, 60, 0] = 1  # a C, held
    chains[0, 0, 8:16, 72, 0] = 1  # another
    chains[0, 0, ::4, 36, 4] = 1  # eight hits of one drum,
    chains[0, 1, ::8, 48, 4] = 1  # four of a drum an octave higher
    piano, *others, drums = statistics(chains)
    np.testing.assert_allclose(piano, [8, 1, 0.5, 0.5, 1])
    np.testing.assert_allclose(drums, [6, 6, 1, 1, 1])
    assert not np.any(others)


def test_what_is_off_the_scale_of_a_chain_is_counted_in_cells_and_without_drums():
    chains = np.zeros((2, 3, *SPEC.shape), np.uint8)
    for instrument, pitches in enumerate([(62, 66, 69), (57, 61, 64), (43,), (35, 47, 59)]):  # D, A and G, and b's
        chains[:, 0, :6, pitches, instrument] = 1
    chains[1, 0, :20, 65, 3] = 1  # an f, in the second segment
    chains[:, 0, :, 36, 4] = 1
    chains[:, 1, :3, 60, 0] = 1
    assert off_scale(chains) == pytest.approx((20 / 140 + 0) / 2)  # the third plays nothing and does not count
    assert off_scale(np.zeros_like(chains)) == 0


@pytest.mark.parametrize("pieces", [[True] * 4, [False] * 4])
def test_without_validation_pieces_it_looks_at_the_others(pieces: list[bool]):
    encoded = corpus()
    whole = Encoded(encoded.encoding, encoded.stored, encoded.offsets, np.array(pieces), (0,), {}, Path())
    assert len(places(whole)[0]) == 85
