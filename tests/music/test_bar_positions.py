"""Where in its bar each row stands."""

from __future__ import annotations

import numpy as np

from musictool.music.bar_positions import BAR_HARMONICS, BEAT_HARMONICS, PHRASES, SIZE, BarPositions
from musictool.music.score import METRE

TURNS = BAR_HARMONICS + BEAT_HARMONICS + len(PHRASES)
UPBEAT = 2 * TURNS


def table(*metres: tuple[int, int, int]) -> np.ndarray:
    return np.array([*metres], METRE)


def of(metres: np.ndarray, rows: range, rows_per_quarter: int = 4) -> np.ndarray:
    return BarPositions((metres,), rows_per_quarter).of_rows(rows.start, rows.stop)[:, 0]


def turned(numbers: np.ndarray, which: int) -> np.ndarray:
    """The share of a turn that one of the pairs of cosine and sine has made."""
    angle = np.arctan2(numbers[:, TURNS + which], numbers[:, which])
    return np.round(angle / (2 * np.pi) % 1, 4) % 1


def test_the_place_in_the_bar_goes_round_once_a_bar():
    numbers = of(table((0, 3, 4)), range(24))
    assert numbers.shape == (24, SIZE)
    np.testing.assert_allclose(turned(numbers, 0), np.tile(np.arange(12) / 12, 2), atol=1e-4)
    np.testing.assert_allclose(turned(numbers, BAR_HARMONICS), np.tile(np.arange(4) / 4, 6), atol=1e-4)
    np.testing.assert_allclose(turned(numbers, BAR_HARMONICS + BEAT_HARMONICS), np.arange(24) / 24, atol=1e-4)


def test_each_step_of_a_bar_has_its_own_numbers():
    numbers = of(table((0, 4, 4)), range(16 * 16 + 1))
    assert len(np.unique(np.round(numbers[:-1], 4), axis=0)) == 16 * 16
    np.testing.assert_allclose(numbers[-1], numbers[0], atol=1e-4)  # after the longest phrase


def test_an_upbeat_is_counted_towards_the_bar_line():
    plain, with_upbeat = of(table((0, 4, 4)), range(32)), of(table((0, 4, 4), (480, 4, 4)), range(36))
    np.testing.assert_allclose(with_upbeat[4:], plain)
    np.testing.assert_allclose(turned(with_upbeat[:4], 0), np.arange(12, 16) / 16)
    assert with_upbeat[:, UPBEAT].tolist() == [1.0] * 4 + [0.0] * 32


def test_an_upbeat_between_phrases_completes_the_bar_before():
    # four bars, of which the last lacks a beat, which is the next phrase's upbeat
    numbers = of(table((0, 4, 4), (7200, 4, 4), (7680, 4, 4)), range(80))
    np.testing.assert_allclose(numbers, of(table((0, 4, 4)), range(80)), atol=1e-5)
    assert not numbers[:, UPBEAT].any()


def test_metres_are_told_apart():
    metres = [(3, 8), (2, 4), (3, 4), (4, 4), (9, 8), (6, 4), (5, 4)]
    shown = [of(table((0, *metre)), range(1))[0, UPBEAT + 1 : -1].argmax() for metre in metres]
    assert shown == list(range(7))
    assert [of(table((0, *metre)), range(1))[0, -1] for metre in ((6, 8), (3, 4), (2, 4))] == [1, 0, 0]


def test_no_metre_is_common_time_and_rows_before_the_first_change_too():
    common = of(table((0, 4, 4)), range(20))
    np.testing.assert_array_equal(of(table(), range(20)), common)
    np.testing.assert_allclose(of(table((1920, 3, 4)), range(16)), common[:16])


def test_pieces_stand_side_by_side_and_may_begin_later():
    both = BarPositions((table((0, 4, 4)), table((0, 3, 4))), 4, [5, 5]).of_rows(0, 9)
    assert both.shape == (9, 2, SIZE)
    np.testing.assert_array_equal(both[:, 1], of(table((0, 3, 4)), range(5, 14)))
