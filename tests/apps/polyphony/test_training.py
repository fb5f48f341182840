"""Runs on a tune that comes over and over: what is learnt, kept and told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musictool.apps.polyphony.polyphony import HEADS, Result, benchmark_polyphony
from musictool.apps.polyphony.rolls import read
from musictool.apps.polyphony.scores import Score, floors
from musictool.apps.polyphony.training import Listener, Model
from tests.apps.polyphony.mats import piece, small, write

TINY = ("width=8", "embedding=8", "hidden=8", "dropout=0")


class Heard(Listener):
    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def epoch_ends(self, row: dict[str, Any]) -> None:
        self.rows.append(row)


def trained(path: Path, head: Any = "chain", seed: int = 1, listener: Listener | None = None, **given: Any) -> Result:
    wishes = {"epochs": 3, "frames": 128, **given}
    return benchmark_polyphony(path, head, seed=seed, options=TINY, listener=listener, **wishes)


def test_a_model_begins_at_the_markov_floor_or_near_it(tmp_path: Path):
    data = read(small(tmp_path / "set.mat"))
    model = Model(data.splits["train"], ("head=tied", *TINY))
    assert model.keys == slice(40, 56)
    floor = Score.of(map(floors(data.splits["train"])["markov"], data.splits["validation"]))
    network = model.stage.network.head
    network.kernel.assign(np.zeros(network.kernel.shape))
    network.say.assign(np.zeros(network.say.shape))
    assert model.score(data.splits["validation"], 128).nats == pytest.approx(floor.nats, rel=1e-4)


def test_keys_that_never_sound_in_training_cost_little_while_silent_and_much_when_they_sound(tmp_path: Path):
    data = read(small(tmp_path / "set.mat"))
    model = Model(data.splits["train"], ("head=tied", *TINY))
    high = piece(9)
    high[4, 87] = 1
    plain, sounding = (model.score([each], 128).nats * 8 for each in (piece(9), high))
    assert model.rare == 1 / (data.frames("train") + 2)
    assert sounding - plain == pytest.approx(np.log(1 / model.rare - 1), rel=1e-4)


def test_the_score_of_long_pieces_does_not_hang_on_how_they_are_put_together(tmp_path: Path):
    data = read(small(tmp_path / "set.mat"))
    model = Model(data.splits["train"], ("head=chain", *TINY))
    pieces = [piece(60), piece(30, 2), piece(5, 1)]
    together = model.score(pieces, 512)
    each = [model.score([one], 64) for one in pieces]
    assert together.nats == pytest.approx(sum(s.nats * s.frames for s in each) / sum(s.frames for s in each), rel=1e-5)
    assert together.piece_nats == pytest.approx(sum(s.nats for s in each) / 3, rel=1e-5)


def test_the_same_seed_gives_the_same_numbers_and_the_best_epoch_is_kept(tmp_path: Path):
    path, heard = small(tmp_path / "set.mat", with_test=True), Heard()
    first, again = trained(path, listener=heard), trained(path)
    assert first.scores == again.scores
    assert set(first.scores) == {"validation", "test"}
    assert [row["epoch"] for row in heard.rows] == [1, 2, 3]
    best = min(row["validation"] for row in heard.rows)
    assert first.scores["validation"].nats == pytest.approx(best, abs=1e-6)
    assert [row["is_best"] for row in heard.rows][first.course.best_epoch - 1]


def test_another_seed_gives_other_numbers(tmp_path: Path):
    path = small(tmp_path / "set.mat")
    first, other = (trained(path, seed=seed, max_minutes=1e-4).scores for seed in (1, 2))
    assert first != other


def test_a_wish_to_stop_ends_the_run_and_keeps_what_is_done(tmp_path: Path):
    import signal

    class Impatient(Heard):
        def progress(self, step: int, nats: float) -> None:
            if self.rows:
                signal.raise_signal(signal.SIGINT)

    result = trained(small(tmp_path / "set.mat"), listener=Impatient(), epochs=100)
    assert result.course.reason == "stopped"
    assert len(result.course.epochs) == 2
    assert result.scores["validation"].nats < 61


def test_time_ends_a_run_and_leaves_a_model(tmp_path: Path):
    result = trained(small(tmp_path / "set.mat"), max_minutes=1e-4)
    assert result.course.reason == "time"
    assert result.course.best_epoch == 1


@pytest.mark.slow
def test_patience_ends_a_run_that_gets_no_better(tmp_path: Path):
    pieces = [(np.random.default_rng(i).random((20, 88)) < 0.1).astype(np.uint8) for i in range(4)]
    path = write(tmp_path / "noise.mat", traindata=pieces[:2], validdata=pieces[2:])
    result = trained(path, epochs=200, learning_rate=3e-2, patience=3)
    assert result.course.reason == "patience"
    assert len(result.course.epochs) == result.course.best_epoch + 3


@pytest.mark.slow
@pytest.mark.parametrize("head", ["sigmoid", "chain"])
def test_a_tune_that_comes_over_and_over_is_foretold(tmp_path: Path, head: str):
    result = trained(small(tmp_path / "set.mat"), head, epochs=150, learning_rate=1e-2)
    assert result.scores["validation"].nats < 0.5 * result.floors["validation"]["markov"].nats


@pytest.mark.slow
def test_a_chain_learns_which_chords_there_are_where_independent_keys_cannot(tmp_path: Path):
    """Two chords without a common key, drawn by lot: one bit for a chain, a bit a key for sigmoids."""
    rng = np.random.default_rng(0)
    chords = np.zeros((2, 88), np.uint8)
    chords[0, [40, 44, 47]], chords[1, [41, 45, 50]] = 1, 1
    pieces = [chords[rng.integers(0, 2, 40)] for _ in range(40)]
    path = write(tmp_path / "lots.mat", traindata=pieces[:30], validdata=pieces[30:])
    sigmoid, chain = (trained(path, head, epochs=40, learning_rate=1e-2).scores["validation"].nats for head in HEADS)
    assert chain < 1.2 < 3.5 < sigmoid
