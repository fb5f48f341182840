"""Blocks of Gibbs sampling: what is chosen, and what is drawn."""

from __future__ import annotations

import numpy as np

from musictool.sampling.blocks import NoteBlocks, StepBlocks

KEYS = 5
HELD, STRUCK = 1, 1 + KEYS  # classes of key 0


def test_of_steps_about_a_share_is_chosen_and_nothing_that_is_locked():
    is_free = np.zeros((100, 4), bool)
    is_free[:, 1] = True
    chosen = StepBlocks(is_free).chosen(0.3, 50, np.random.default_rng(0))
    assert not chosen[:, :, [0, 2, 3]].any()
    assert abs(chosen[:, :, 1].mean() - 0.3) < 0.03


def test_what_is_drawn_follows_its_probability_and_the_rest_stays():
    classes, hidden = np.full((1, 4000, 1), 9), np.ones((1, 4000, 1), bool)
    hidden[:, 3000:] = False
    logits = np.broadcast_to(np.log(np.array([0.2, 0.8, 1e-9], np.float32)), (1, 4000, 1, 3))
    StepBlocks(hidden[0]).write(classes, hidden, logits, np.random.default_rng(1))
    assert (classes[0, 3000:] == 9).all()
    assert abs((classes[0, :3000] == 1).mean() - 0.8) < 0.03


def test_notes_keep_their_rhythm_and_have_one_key_each():
    # a note of three steps, a rest, one struck twice, and one that is locked
    voice = [STRUCK, HELD, HELD, 0, STRUCK + 1, STRUCK + 1, HELD + 1, STRUCK + 2]
    classes = np.array(voice)[:, None]
    is_free = np.ones((8, 1), bool)
    is_free[7] = False
    blocks = NoteBlocks(classes, is_free, KEYS)
    assert blocks.note[:, 0].tolist() == [0, 0, 0, -1, 1, 2, 2, -1]
    rng = np.random.default_rng(2)
    chosen = blocks.chosen(1.0, 3, rng)
    assert chosen[:, :, 0].tolist() == [[True] * 3 + [False] + [True] * 3 + [False]] * 3
    logits = np.zeros((3, 8, 1, 1 + 2 * KEYS), np.float32)
    logits[..., [HELD + 4, STRUCK + 4]] = 50  # one key is by far the likeliest
    logits[:, 5, :, [STRUCK + 3]] = 300  # but for one note, in the step where it is struck
    pieces = np.repeat(classes[None], 3, axis=0)
    blocks.write(pieces, chosen, logits, rng)
    expected = [STRUCK + 4, HELD + 4, HELD + 4, 0, STRUCK + 4, STRUCK + 3, HELD + 3, STRUCK + 2]
    assert pieces[:, :, 0].tolist() == [expected] * 3
