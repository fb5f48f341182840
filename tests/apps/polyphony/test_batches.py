"""Every target is met, once in scoring, whatever the lengths of the pieces."""

from __future__ import annotations

import numpy as np
import pytest

from musictool.apps.polyphony.batches import (
    CONTEXT,
    LENGTHS,
    LONGEST,
    batch,
    grouped,
    scoring_windows,
    stream,
    training_windows,
)
from musictool.apps.polyphony.network import CLOCK, clock

LENGTHS_OF_PIECES = (2, 33, 64, 65, 257, 258, 700, 1500)


def pieces() -> list[np.ndarray]:
    """Pieces whose frames tell their number: the bits of it."""
    return [((np.arange(length)[:, None] + 1 >> np.arange(12)) & 1).astype(np.uint8) for length in LENGTHS_OF_PIECES]


def test_scoring_meets_each_target_once_and_in_order():
    met: list[tuple[int, int]] = []
    for piece, start, length, context in scoring_windows(pieces()):
        assert length <= LENGTHS[-1]
        assert context == min(CONTEXT, start + context)
        met += [(piece, start + t) for t in range(context, length)]
    assert met == [(i, t) for i, length in enumerate(LENGTHS_OF_PIECES) for t in range(length - 1)]


@pytest.mark.parametrize("seed", range(5))
def test_training_meets_each_target_at_least_once_and_cuts_elsewhere_each_time(seed: int):
    rng = np.random.default_rng(seed)
    first, again = training_windows(pieces(), rng), training_windows(pieces(), rng)
    met = {(window.piece, window.start + t) for window in first for t in range(window.length)}
    assert met == {(i, t) for i, length in enumerate(LENGTHS_OF_PIECES) for t in range(length - 1)}
    assert max(window.length for window in first) <= LONGEST
    assert first != again


def test_a_batch_holds_few_frames_and_every_window_stands_in_one():
    windows = training_windows(pieces(), np.random.default_rng(0))
    for rng in (None, np.random.default_rng(1)):
        groups = grouped(windows, 512, rng)
        assert sorted(index for group in groups for index in group) == list(range(len(windows)))
        for group in groups:
            x = batch(pieces(), [windows[index] for index in group], 512).x
            assert x.shape[0] * x.shape[1] <= 512
            assert x.shape[1] in LENGTHS
            assert len(group) <= x.shape[0]


def test_a_batch_is_the_frames_of_its_windows_and_nothing_where_they_end():
    all_of_them = pieces()
    windows = [each for each in scoring_windows(all_of_them) if each.piece in (1, 6)]
    x, y, mask, conditions = batch(all_of_them, windows, 2048)
    for row, (piece, start, length, context) in enumerate(windows):
        np.testing.assert_array_equal(x[row, :length], all_of_them[piece][start : start + length])
        np.testing.assert_array_equal(y[row, :length], all_of_them[piece][start + 1 : start + length + 1])
        np.testing.assert_array_equal(mask[row], (np.arange(512) >= context) & (np.arange(512) < length))
        np.testing.assert_allclose(conditions[row, 3], clock(np.array(start + 4)))
        assert not x[row, length:].any()
    assert not mask[len(windows) :].any()


def test_a_pass_has_the_shapes_of_few_batches():
    batches = list(stream(pieces(), 256, np.random.default_rng(2)))
    assert {each.conditions.shape[-1] for each in batches} == {CLOCK}
    assert sum(each.mask.sum() for each in batches) >= sum(length - 1 for length in LENGTHS_OF_PIECES)
    assert len({each.x.shape for each in batches}) <= len(LENGTHS)


def test_the_clock_goes_round():
    hands = clock(np.arange(200))
    np.testing.assert_allclose(hands[3, :-1], hands[3 + 192, :-1], atol=1e-5)  # all rounds divide 192
    assert len(np.unique(hands.round(4), axis=0)) == 200
