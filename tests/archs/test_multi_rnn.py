"""Each head of multi-rnn under the laws that its default head is held to by test_laws_archs.py, and what it refuses."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import keras
import numpy as np
import pytest

from musictool.archs.multi_rnn import MultiRnn
from musictool.encoding import Spec
from musictool.errors import BadOption, KindMismatch
from musictool.sampling.guidance import Guidance
from musictool.sampling.sampler import Sampler
from tests.test_laws_archs import assert_two_steps_move_every_weight, batch_of, losses, rows

BAND = Spec("frames", (640,), 640)
each_head = pytest.mark.parametrize("head", get_args(get_type_hints(MultiRnn.Options)["head"]))


def tiny(head: str, *settings: str) -> Any:
    keras.utils.set_random_seed(1)
    small = ("embedding=8", "width=8", "layers=2", "hidden=4")
    return MultiRnn.sized(BAND, "small", (*small, f"head={head}", *settings))


@each_head
def test_a_target_counts_where_it_stands_and_nowhere_else(head: str):
    arch = tiny(head)
    (stage,) = arch.stages
    batch = batch_of(rows(arch, length=9))
    y = batch.y.copy()
    y[:, 5] = rows(arch, seed=9)[:, 5]
    changed = np.abs(losses(stage, batch) - losses(stage, batch._replace(y=y))).max(axis=0) > 1e-5
    assert changed.tolist() == [t == 5 for t in range(8)]


@each_head
def test_what_is_predicted_before_a_row_does_not_depend_on_it(head: str):
    arch = tiny(head)
    (stage,) = arch.stages
    batch = batch_of(rows(arch, length=9))
    x = batch.x.copy()
    x[:, 4] = rows(arch, seed=9)[:, 4]
    before, after = losses(stage, batch), losses(stage, batch._replace(x=x))
    np.testing.assert_allclose(before[:, :4], after[:, :4], atol=1e-4)
    assert np.abs(before[:, 4:] - after[:, 4:]).max() > 1e-3


@each_head
def test_row_by_row_it_expects_what_it_expects_of_the_whole(head: str):
    arch = tiny(head)
    (piece,) = rows(arch, batch=1, length=40)
    whole = losses(arch.stages[0], batch_of(np.concatenate([BAND.start[None], piece])[None]))
    np.testing.assert_allclose(arch.surprisal(piece), whole[0], rtol=1e-6, atol=1e-4)


@each_head
@pytest.mark.usefixtures("eagerly")
def test_two_steps_change_every_trainable_weight(head: str):
    arch = tiny(head)
    (stage,) = arch.stages
    assert_two_steps_move_every_weight(stage, batch_of(rows(arch, length=9)))


@each_head
def test_a_banned_key_is_never_written(head: str):
    arch = tiny(head)
    banned = np.arange(640) % 2 == 1
    written = next(arch.continuation(rows(arch), Sampler(temperature=2), 1, Guidance(banned=banned)))
    assert written[..., ~banned].any()
    assert not written[..., banned].any()


def test_another_size_of_frame_is_refused_with_the_encoding_that_fits():
    with pytest.raises(KindMismatch, match=r"88 numbers.*multitrack-roll"):
        MultiRnn(Spec("frames", (88,), 88))


def test_what_is_struck_is_decided_after_what_is_held_but_not_by_a_softmax():
    spec = Spec("frames", (1280,), 1280)
    assert MultiRnn.learns_rows_of(spec.shape)
    assert MultiRnn(spec).head().parts == 10
    with pytest.raises(KindMismatch, match="onsets=false"):
        MultiRnn(spec, MultiRnn.Options(head="softmax"))


@pytest.mark.parametrize("notes", ["2,3", "2,3,1,2,0", "2,3,1,2,17", "two", "2,3,1,2,2.5", ""])
def test_notes_that_cannot_be_meant_are_refused_in_one_line(notes: str):
    with pytest.raises(BadOption, match=f"option notes: '{notes}' is not 5 whole numbers from 1 to 16"):
        tiny("softmax", f"notes={notes}")


def test_as_many_notes_of_an_instrument_are_written_as_were_set_and_no_more():
    arch = tiny("softmax", "notes=1,2,3,4,5")
    written = next(arch.continuation(rows(arch), Sampler(temperature=50), 1))
    assert written.reshape(-1, 5, 128).sum(axis=2).max(axis=0).tolist() == [1, 2, 3, 4, 5]
