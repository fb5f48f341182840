"""How far the pieces of a model lie from each other."""

from __future__ import annotations

import numpy as np
import pytest

from musictool.metrics.variety import distances, near_duplicates, variety

ROLLS = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1], [1, 1, 0, 0]], np.uint8)


def plain_distance(one: np.ndarray, other: np.ndarray) -> float:
    both = sum(a and b for a, b in zip(one.flat, other.flat, strict=True))
    either = sum(a or b for a, b in zip(one.flat, other.flat, strict=True))
    return 1 - both / either if either else 0.0


def test_what_sounds_in_one_of_two_only_keeps_them_apart():
    assert distances(ROLLS).round(6).tolist() == [
        [0, 0.666667, 1, 0],
        [0.666667, 0, 1, 0.666667],
        [1, 1, 0, 1],
        [0, 0.666667, 1, 0],
    ]
    assert variety(ROLLS) == pytest.approx((2 / 3 + 1 + 0 + 1 + 2 / 3 + 1) / 6)
    assert near_duplicates(ROLLS) == 0.5
    assert near_duplicates(ROLLS, within=2 / 3) == 0.75


def test_the_matrix_product_counts_what_a_loop_over_pairs_counts():
    rolls = np.random.default_rng(1).integers(0, 2, (7, 4, 5, 3)).astype(np.uint8)
    rolls[3] = 0
    expected = [[plain_distance(one, other) for other in rolls] for one in rolls]
    np.testing.assert_allclose(distances(rolls), expected, atol=1e-15)


def test_more_keys_than_a_byte_holds_are_counted_in_full():
    rolls = np.ones((2, 1000), np.uint8)
    rolls[1, 500:] = 0
    assert variety(rolls) == 0.5


def test_a_collapsed_generator_has_no_variety():
    same = np.repeat(ROLLS[:1], 5, axis=0)
    assert (variety(same), near_duplicates(same)) == (0.0, 1.0)
    assert (variety(0 * same), near_duplicates(0 * same)) == (0.0, 1.0)


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_compare_is_no_variety_and_no_duplicate(count: int):
    assert (variety(ROLLS[:count]), near_duplicates(ROLLS[:count])) == (0.0, 0.0)
