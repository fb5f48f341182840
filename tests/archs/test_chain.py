"""The arch chain in all its forms against the laws of every arch, and the keys that it takes from a corpus.

What it writes and scores row by row is held against numpy, which compiles nothing, as in tests/test_laws_archs.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
import pytest

from musictool.arch import Arch
from musictool.archs.chain import Chain
from musictool.dataset.dataset import Encoded
from musictool.encoding import Spec
from musictool.encodings.piano_roll import PianoRoll
from musictool.errors import BadOption, KindMismatch
from musictool.sampling.guidance import Guidance
from musictool.sampling.sampler import Sampler
from tests.test_laws_archs import assert_two_steps_move_every_weight, batch_of, losses, rows, saved_and_loaded_in_numpy

PIANO, WITH_ONSETS = Spec("frames", (88,), 88), Spec("frames", (176,), 176)
FORMS = {
    "chain": (PIANO, ()),
    "tied": (PIANO, ("chain=false",)),
    "some keys": (PIANO, ("lowest=20", "highest=60")),
    "onsets": (WITH_ONSETS, ("lowest=20", "highest=60")),
}
each_form = pytest.mark.parametrize("form", FORMS)


def tiny(form: str) -> Chain:
    keras.utils.set_random_seed(1)
    spec, settings = FORMS[form]
    arch = Chain.sized(spec, "small", ("embedding=8", "width=8", "hidden=4", *settings))
    rng = np.random.default_rng(3)
    for weight in arch.stages[0].network.trainable_variables:
        weight.assign_add(rng.normal(0, 0.1, weight.shape))  # what begins at zero counts as well
    return arch


@cache
def known(form: str) -> Chain:
    """`tiny(form)`, made once for all tests that change nothing of it."""
    return tiny(form)


@cache
def known_in_numpy(form: str) -> Arch:
    with TemporaryDirectory() as folder:
        return saved_and_loaded_in_numpy(known(form), Path(folder))


@pytest.fixture(autouse=True, scope="module")
def known_forms_are_dropped() -> Iterator[None]:
    yield
    known.cache_clear()
    known_in_numpy.cache_clear()


@each_form
def test_what_is_predicted_before_a_row_does_not_depend_on_it(form: str):
    arch = known(form)
    (stage,) = arch.stages
    batch = batch_of(rows(arch, length=13))
    before = losses(stage, batch)
    x = batch.x.copy()
    x[:, 5] = rows(arch, seed=9)[:, 5]
    after = losses(stage, batch._replace(x=x))
    np.testing.assert_allclose(before[:, :5], after[:, :5], atol=1e-5)
    assert (np.abs(before[:, 5:] - after[:, 5:]).max(axis=0) > 1e-5).all()


@each_form
def test_row_by_row_it_expects_what_it_expects_of_the_whole(form: str):
    arch = known(form)
    piece = np.tile(rows(arch, batch=1, length=50)[0], (5, 1))  # longer than what the head keeps
    whole = losses(arch.stages[0], batch_of(np.concatenate([arch.spec.start[None], piece])[None]))
    np.testing.assert_allclose(known_in_numpy(form).surprisal(piece), whole[0], rtol=1e-5, atol=1e-3)


@each_form
@pytest.mark.usefixtures("eagerly")
def test_two_steps_change_every_trainable_weight(form: str):
    arch = tiny(form)
    (stage,) = arch.stages
    assert_two_steps_move_every_weight(stage, batch_of(rows(arch, batch=8, length=8)))


@each_form
def test_a_banned_key_is_never_written(form: str):
    arch = known(form)
    banned = np.arange(arch.spec.size) % 2 == 1
    written = next(known_in_numpy(form).continuation(rows(arch), Sampler(temperature=2), 1, Guidance(banned=banned)))
    assert written[..., ~banned].any()
    assert not written[..., banned].any()


@each_form
def test_cold_it_writes_what_the_whole_window_finds_likelier_than_not(form: str):
    arch = known(form)
    primer = rows(arch, batch=2, length=5)
    written = next(known_in_numpy(form).continuation(primer, Sampler(temperature=1e-3), 0))
    whole = np.concatenate([primer, written], axis=1)
    x, y, _, side_inputs = batch_of(whole)
    logits = np.asarray(arch.stages[0].network(x, y, side_inputs))[:, 4:]
    assert np.mean((logits > 0) == (written > 0)) > 0.999


def corpus(sounding: dict[int, int], transpositions: tuple[int, ...] = (0,), **settings: bool) -> Encoded:
    """One training piece in which the keys sound as often as said, and a validation piece of the highest key."""
    encoding = PianoRoll(PianoRoll.Options(**settings))
    pieces = np.zeros((40, encoding.spec.size), np.uint8)
    for key, times in sounding.items():
        pieces[:times, key] = 1
    pieces[-1, 87] = 1
    stored = encoding.spec.store(pieces)
    return Encoded(encoding, stored, np.array([0, 39, 40]), np.array([False, True]), transpositions, {}, Path())


@pytest.mark.parametrize(
    "encoded, keys",
    [
        (corpus({30: 5, 40: 1}), (30, 40)),
        (corpus({30: 5, 40: 1}, (-3, 0, 4)), (27, 44)),
        (corpus({30: 5, 130: 1}, onsets=True), (30, 42)),
        (corpus({87: 5}), (86, 87)),
        (corpus({}), (0, 127)),
    ],
)
def test_it_takes_the_keys_of_the_training_pieces(encoded: Encoded, keys: tuple[int, int]):
    arch = Chain(encoded.spec)
    arch.check(encoded)
    assert (arch.options.lowest, arch.options.highest) == keys


def test_keys_that_were_given_stay():
    arch = Chain.sized(PIANO, "small", ("lowest=10", "highest=70"))
    arch.check(corpus({30: 5}))
    assert (arch.options.lowest, arch.options.highest) == (10, 70)


def test_keys_in_the_wrong_order_are_refused():
    with pytest.raises(BadOption, match="highest: 10 is not above lowest, 20"):
        Chain.sized(PIANO, "small", ("lowest=20", "highest=10"))


def test_a_band_is_refused():
    with pytest.raises(KindMismatch, match=r"640 numbers per frame.*multi-rnn"):
        Chain(Spec("frames", (640,), 640))
