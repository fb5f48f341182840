"""Every target is met, once in scoring, whatever the lengths of the pieces."""

from __future__ import annotations

import numpy as np
import pytest

from musictool.apps.polyphony.windows import (
    CLOCK,
    CONTEXT,
    LENGTHS,
    MAX_LENGTH,
    RollWindows,
    batch,
    clock,
    grouped,
    scoring_windows,
    training_windows,
)

LENGTHS_OF_PIECES = (2, 33, 64, 65, 257, 258, 700, 1500)


def pieces() -> list[np.ndarray]:
    """Pieces whose frames are the bits of their numbers."""
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
    assert max(window.length for window in first) <= MAX_LENGTH
    assert first != again


def test_a_batch_holds_few_frames_and_every_window_is_in_one():
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
    windows = [window for window in scoring_windows(all_of_them) if window.piece in (1, 6)]
    x, y, mask, side_inputs = batch(all_of_them, windows, 2048)
    for row, (piece, start, length, context) in enumerate(windows):
        np.testing.assert_array_equal(x[row, :length], all_of_them[piece][start : start + length])
        np.testing.assert_array_equal(y[row, :length], all_of_them[piece][start + 1 : start + length + 1])
        np.testing.assert_array_equal(mask[row], (np.arange(512) >= context) & (np.arange(512) < length))
        np.testing.assert_allclose(side_inputs[row, 3], clock(np.array(start + 4)))
        assert not x[row, length:].any()
    assert not mask[len(windows) :].any()


def test_a_pass_has_the_shapes_of_few_batches():
    windows = RollWindows(pieces(), 256, 2)
    plan = windows.training_plan(0)
    batches = [windows.batch(plan, step) for step in range(windows.steps(plan))]
    assert {arrays.side_inputs.shape[-1] for arrays in batches} == {CLOCK}
    assert sum(arrays.mask.sum() for arrays in batches) >= sum(length - 1 for length in LENGTHS_OF_PIECES)
    assert len({arrays.x.shape for arrays in batches}) <= len(LENGTHS)
    for arrays in batches:  # as the run expects them
        for array, (shape, dtype) in zip(arrays, windows.signature(), strict=True):
            assert array.dtype == dtype
            assert all(size in (None, actual) for size, actual in zip(shape, array.shape, strict=True))


def test_every_pass_is_drawn_anew_and_the_same_seed_draws_the_same_ones():
    one, other = RollWindows(pieces(), 256, 2), RollWindows(pieces(), 256, 2)
    first = one.training_plan(0)
    assert first == other.training_plan(0)
    assert one.training_plan(1) == other.training_plan(1) != first


def test_the_clock_goes_round():
    hands = clock(np.arange(200))
    np.testing.assert_allclose(hands[3, :-1], hands[3 + 192, :-1], atol=1e-5)  # all rounds divide 192
    assert len(np.unique(hands.round(4), axis=0)) == 200
