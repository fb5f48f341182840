"""The benchmark without an order, on chorales that a child could sing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from musictool.apps.chorales.orderless import HeldVoices, OrderlessModel, benchmark_orderless
from musictool.apps.chorales.pieces import REST, Chorales
from musictool.errors import BadFile

TINY = ("width=4", "layers=2", "gibbs_steps=2")
SCALE = np.array([60, 62, 64, 65, 67, 65, 64, 62])


def piece(length: int, shift: int = 0) -> np.ndarray:
    soprano = SCALE[np.arange(length) % 8] + shift
    return np.stack([soprano, soprano - 5, soprano - 9, np.full(length, REST)], axis=1)


def model_that(probabilities: Any) -> OrderlessModel:
    """A model whose probabilities (n, V, C) are a function of what it sees."""
    model = OrderlessModel([piece(24)], (0,), TINY)
    model.__dict__["_log_probabilities"] = lambda *seen: np.log(probabilities(*seen))
    return model


def test_rows_are_pitches_and_rests():
    one = piece(5)
    rows = HeldVoices().rows(one)
    assert not rows[0].any()
    keys = rows[1:].reshape(5, 4, 88)
    np.testing.assert_array_equal(np.where(keys.any(-1), keys.argmax(-1) + 21, REST), one)


def test_each_frame_is_scored_in_view_of_the_frames_before_it_and_of_the_models_own_voices():
    """A model that always believes in class 1: it sees its own voices as 1, and other frames as they are."""
    calls: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def believes_in_one(classes: Any, is_hidden: Any, is_there: Any, frame: Any) -> np.ndarray:
        calls.append((classes.copy(), is_hidden.copy(), frame))
        probabilities = np.full((len(classes), 4, model.network.classes), 0.1 / (model.network.classes - 1))
        probabilities[..., 1] = 0.9
        return probabilities

    model = model_that(believes_in_one)
    nats = model.score([piece(9)], orders=1, scored=0, seed=0)
    truth = model._crop(piece(9), np.random.default_rng(0))
    others = -np.log(0.1 / (model.network.classes - 1))
    share = (truth == 1).mean()
    assert nats == pytest.approx(4 * (share * -np.log(0.9) + (1 - share) * others), rel=1e-5)
    assert len(calls) == 4
    for voices_done, (classes, is_hidden, frame) in enumerate(calls):
        assert sorted(frame.tolist()) == [*range(9)]
        known_frames = []
        for seen, hidden, at in zip(classes, is_hidden, frame, strict=True):
            assert (hidden[at] == 0).sum() == voices_done
            assert (seen[at][hidden[at] == 0] == 1).all()
            known = np.flatnonzero((np.delete(hidden, at, axis=0) == 0).all(axis=1))
            known_frames.append(len(known))
            rest = np.delete(seen[:9], at, axis=0)
            np.testing.assert_array_equal(rest, np.delete(truth, at, axis=0))
        assert sorted(known_frames) == [*range(9)]  # the first sees none of the others, the last all


def test_several_orders_count_by_the_mean_of_their_probabilities():
    def knows_in_every_other_order(classes: Any, is_hidden: Any, is_there: Any, frame: Any) -> np.ndarray:
        probabilities = np.full((len(classes), 4, model.network.classes), 1e-12)
        probabilities[::2] = 1 / model.network.classes
        probabilities[1::2, np.arange(4), truth] = 1
        return probabilities

    model = model_that(knows_in_every_other_order)
    truth = model._crop(piece(1), np.random.default_rng(0))[0]
    expected = -np.log((1 + model.network.classes**-4.0) / 2)
    assert model.score([piece(1)], orders=2, scored=0, seed=0) == pytest.approx(expected, rel=1e-5)


def test_some_frames_are_scored_and_of_the_same_model_their_nats_are_those_of_all():
    model = model_that(lambda classes, *_: np.full((len(classes), 4, model.network.classes), 1 / model.network.classes))
    uniform = 4 * np.log(model.network.classes)
    for scored in (0, 3):
        assert model.score([piece(20), piece(5)], orders=2, scored=scored, seed=1) == pytest.approx(uniform)


@pytest.mark.slow
def test_a_run_is_scored_and_its_harmonies_are_counted():
    data = Chorales("set", {"train": [piece(24 + i, i) for i in range(4)], "validation": [piece(20, 1), piece(9)]})
    given = {"epochs": 2, "frames": 64, "orders": 1, "scored": 4, "harmonise": 1}
    first, again = (benchmark_orderless(data, options=TINY, **given) for _ in range(2))
    assert first.scores == again.scores
    assert 0 < first.scores["validation"] < first.uniform
    assert {*first.faults} == {"harmonised", "as they are"}
    assert first.faults["as they are"]["range"] == 0
    assert first.to_json()["published"] == []


def test_pitches_off_the_piano_are_refused():
    data = Chorales("set", {"train": [piece(24, 40)], "validation": [piece(9)]})
    with pytest.raises(BadFile, match="leave the piano"):
        benchmark_orderless(data, options=TINY, transpose="0..5")
