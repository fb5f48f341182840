"""Chorales as frames and as tokens: nothing lost, nothing counted twice, nothing of the future."""

from __future__ import annotations

import numpy as np
import pytest

from musictool.apps.chorales.batches import ChoraleWindows, Form, Frames, Tokens
from musictool.apps.chorales.pieces import REST, VOICES, Piece
from musictool.apps.polyphony.windows import MAX_LENGTH, Window
from musictool.encoding import FIRST_TOKEN, START

FORMS: list[Form] = [Frames(), Tokens()]
each_form = pytest.mark.parametrize("form", FORMS, ids=["frames", "tokens"])


def piece(length: int, seed: int = 0) -> Piece:
    rng = np.random.default_rng(seed)
    return np.where(rng.random((length, VOICES)) < 0.1, REST, rng.integers(40, 80, (length, VOICES)))


def pitches(form: Form, y: np.ndarray) -> np.ndarray:
    """(T, VOICES): the pitches of targets."""
    if isinstance(form, Tokens):
        return y.reshape(-1, VOICES).astype(int) - FIRST_TOKEN + REST
    keys = y.reshape(len(y), VOICES, -1)
    return np.where(keys.any(axis=-1), keys.argmax(axis=-1), REST)


@each_form
def test_the_targets_of_a_window_are_its_steps_and_the_mask_counts_them_once(form: Form):
    one = piece(50)
    batch = form.batch([form.rows(one)], [Window(0, 10, 20, 5)], 64)
    rows = np.flatnonzero(batch.mask[0])
    np.testing.assert_array_equal(pitches(form, batch.y[0][rows]), one[15:30])


@each_form
def test_the_input_of_a_row_is_the_row_before(form: Form):
    rows = form.rows(piece(12))
    batch = form.batch([rows], [Window(0, 0, 12)], 32)
    assert (batch.x[0, 0] == (START if isinstance(form, Tokens) else 0)).all()
    length = int(batch.mask[0].sum())
    np.testing.assert_array_equal(batch.x[0, 1:length], batch.y[0, : length - 1])


@each_form
def test_what_stands_beside_a_row_follows_from_its_number(form: Form):
    """The same whatever is sung, and another number for each of 64 steps and each voice."""
    first, other = (form.batch([form.rows(piece(64, seed))], [Window(0, 0, 64)], 64) for seed in (1, 2))
    np.testing.assert_array_equal(first.side_inputs, other.side_inputs)
    later = form.batch([form.rows(piece(64))], [Window(0, 32, 32)], 32)
    half = first.side_inputs.shape[1] // 2
    np.testing.assert_allclose(later.side_inputs[0, :half], first.side_inputs[0, half:], atol=1e-5)
    assert len(np.unique(first.side_inputs[0].round(4), axis=0)) == first.side_inputs.shape[1]


@each_form
def test_a_pass_holds_every_step_transposed_by_one_of_the_shifts(form: Form):
    pieces = [piece(70, 1), piece(40, 2), piece(MAX_LENGTH, 3)]
    windows = ChoraleWindows(pieces, form, 512, [-2, 0, 3], seed=4)
    plan = windows.training_plan(0)
    seen: set[int] = set()
    for step, group in enumerate(plan):
        batch = windows.batch(plan, step)
        assert [array.dtype for array in batch] == [dtype for _, dtype in windows.signature()]
        for row, (window, shift) in enumerate(group):
            counted = batch.mask[row] > 0
            one = pieces[window.piece]
            expected = np.where(one == REST, REST, one + shift)
            np.testing.assert_array_equal(pitches(form, batch.y[row][counted]), expected)
            seen.add(window.piece)
    assert seen == {0, 1, 2}
    assert plan == ChoraleWindows(pieces, form, 512, [-2, 0, 3], seed=4).training_plan(0)
    assert plan != windows.training_plan(1)
