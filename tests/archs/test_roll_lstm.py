"""The heads of roll-lstm against the laws of every arch, and what a model of the first version must still do."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from musictool import arch as archs
from musictool.arch import Arch
from musictool.archs.roll_lstm import RollLstm
from musictool.encoding import Spec
from musictool.errors import KindMismatch
from musictool.layers.sigmoid_head import SigmoidHead
from musictool.sampling.guidance import Guidance
from musictool.sampling.sampler import Sampler
from tests.test_laws_archs import assert_two_steps_move_every_weight, batch_of, losses, rows

PIANO = Spec("frames", (88,), 88)
each_head = pytest.mark.parametrize("head", ["tied", "chain"])  # the laws hold sigmoid, the default, to the same


def tiny(head: str, *settings: str) -> Arch:
    keras.utils.set_random_seed(1)
    arch = RollLstm.sized(PIANO, "small", ("embedding=8", "width=8", "layers=1", "hidden=4", f"head={head}", *settings))
    rng = np.random.default_rng(3)
    for weight in arch.stages[0].network.trainable_variables:
        weight.assign_add(rng.normal(0, 0.1, weight.shape))  # what begins at zero counts as well
    return arch


@each_head
def test_what_is_predicted_before_a_row_does_not_depend_on_it(head: str):
    arch = tiny(head)
    (stage,) = arch.stages
    batch = batch_of(rows(arch, length=13))
    before = losses(stage, batch)
    x = batch.x.copy()
    x[:, 5] = rows(arch, seed=9)[:, 5]
    after = losses(stage, batch._replace(x=x))
    np.testing.assert_allclose(before[:, :5], after[:, :5], atol=1e-5)
    assert (np.abs(before[:, 5:] - after[:, 5:]).max(axis=0) > 1e-5).all()


@each_head
def test_row_by_row_it_expects_what_it_expects_of_the_whole(head: str):
    arch = tiny(head)
    piece = np.tile(rows(arch, batch=1, length=50)[0], (5, 1))  # longer than what the head keeps
    whole = losses(arch.stages[0], batch_of(np.concatenate([PIANO.start[None], piece])[None]))
    np.testing.assert_allclose(arch.surprisal(piece), whole[0], rtol=1e-5, atol=1e-3)


@each_head
def test_two_steps_change_every_trainable_weight(head: str):
    arch = tiny(head)
    (stage,) = arch.stages
    assert_two_steps_move_every_weight(stage, batch_of(rows(arch, batch=8, length=24)))


@each_head
def test_a_banned_key_is_never_written(head: str):
    arch = tiny(head)
    banned = np.arange(88) % 2 == 1
    written = next(arch.continuation(rows(arch), Sampler(temperature=2), 1, Guidance(banned=banned)))
    assert written[..., ~banned].any()
    assert not written[..., banned].any()


@each_head
def test_cold_it_writes_what_the_whole_window_finds_likelier_than_not(head: str):
    arch = tiny(head)
    primer = rows(arch, batch=2, length=5)
    written = next(arch.continuation(primer, Sampler(temperature=1e-3), 0))
    whole = np.concatenate([primer, written], axis=1)
    logits = np.asarray(arch.stages[0].network(whole[:, :-1], whole[:, 1:]))[:, 4:]
    assert np.mean((logits > 0) == (written > 0)) > 0.999


def test_a_model_that_was_saved_before_there_were_other_heads_has_sigmoids():
    arch = archs.from_json({"name": "roll-lstm", "options": {"width": 8}, "conditions": 0}, PIANO)
    head = arch.stages[0].network.head
    assert type(head) is SigmoidHead
    assert [weight.name for weight in head.weights] == ["kernel", "bias", "hold_kernel"]


def test_a_band_is_refused_by_the_heads_of_one_keyboard():
    with pytest.raises(KindMismatch, match=r"640 numbers per frame.*multi-rnn"):
        RollLstm.sized(Spec("frames", (640,), 640), "small", ("head=chain",))
