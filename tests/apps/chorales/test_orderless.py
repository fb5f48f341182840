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
    """A model whose probabilities (N, V, C) are a function of what it sees."""
    model = OrderlessModel([piece(24)], (0,), TINY)
    model.__dict__["_middle"] = lambda *seen: np.log(probabilities(*seen))
    return model


def test_rows_are_pitches_and_rests():
    one = piece(5)
    rows = HeldVoices().rows(one)
    assert not rows[0].any()
    keys = rows[1:].reshape(5, 4, 88)
    np.testing.assert_array_equal(np.where(keys.any(-1), keys.argmax(-1) + 21, REST), one)


def test_each_frame_is_scored_once_in_view_of_the_frames_before_it_and_of_the_models_own_voices():
    """A model that always believes in class 1: it sees its own voices as 1 within a frame, and after it as they are."""
    seen_frames: list[tuple[np.ndarray, np.ndarray]] = []

    def believes_in_one(classes: Any, is_hidden: Any, is_there: Any) -> np.ndarray:
        seen_frames.append((np.array(classes), np.array(is_hidden)))
        probabilities = np.full((len(classes), 4, model.network.classes), 0.1 / (model.network.classes - 1))
        probabilities[..., 1] = 0.9
        return probabilities

    model = model_that(believes_in_one)
    nats = model.score([piece(9)], orders=1, seed=0)
    others = -np.log(0.1 / (model.network.classes - 1))
    classes = np.array([model._crop(piece(9), np.random.default_rng(0))])
    share = (classes == 1).mean()
    assert nats == pytest.approx(4 * (share * -np.log(0.9) + (1 - share) * others), rel=1e-5)
    middle = model.network.reach
    real = [(classes, hidden) for classes, hidden in seen_frames if (hidden[0, middle] == 1).any()][: 9 * 4]
    for number, (seen, hidden) in enumerate(real):
        voices_done = number % 4
        assert (hidden[0, middle] == 0).sum() == voices_done
        assert (seen[0, middle][hidden[0, middle] == 0] == 1).all()
        assert (hidden[0] == 0).sum() == 4 * (number // 4) + voices_done


def test_several_orders_count_by_the_mean_of_their_probabilities():
    calls = iter(range(10_000))

    def in_turn(classes: Any, is_hidden: Any, is_there: Any) -> np.ndarray:
        """Of two orders side by side the first knows nothing and the second everything."""
        next(calls)
        number = model.network.classes
        sure = np.full((len(classes), 4, number), 1e-12)
        sure[0] = 1 / number
        sure[1, np.arange(4), model._crop(piece(1), np.random.default_rng(0))[0]] = 1
        return sure

    model = model_that(in_turn)
    number = model.network.classes
    assert model.score([piece(1)], orders=2, seed=0) == pytest.approx(-np.log((1 + number**-4.0) / 2), rel=1e-5)


def test_a_run_is_scored_and_its_harmonies_are_counted():
    data = Chorales("set", {"train": [piece(24 + i, i) for i in range(4)], "validation": [piece(20, 1), piece(9)]})
    given = {"epochs": 2, "frames": 64, "orders": 1, "harmonise": 1}
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
