"""Runs on a tune that is repeated over and over: what is learnt, kept and reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musictool.apps.polyphony.model import RollModel
from musictool.apps.polyphony.polyphony import KINDS, PolyphonyResult, benchmark_polyphony
from musictool.apps.polyphony.rolls import read
from musictool.apps.polyphony.scores import baselines
from musictool.training.reporter import Reporter
from tests.apps.polyphony.mats import piece, small, write

TINY = ("width=8", "embedding=8", "hidden=8", "dropout=0")


class Recorded(Reporter):
    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.is_best: list[bool] = []

    def epoch_ends(self, row: dict[str, Any], is_best: bool) -> None:
        self.rows.append(row)
        self.is_best.append(is_best)


def trained(path: Path, head: Any = "chain", reporter: Reporter | None = None, **given: Any) -> PolyphonyResult:
    return benchmark_polyphony(path, head, options=TINY, reporter=reporter, **{"epochs": 3, "frames": 128, **given})


def test_a_model_begins_as_the_baseline_keys_markov_or_near_it(tmp_path: Path):
    data = read(small(tmp_path / "set.mat"))
    model = RollModel(data.splits["train"], "sigmoid", ("chain=false", *TINY))
    assert model.keys == slice(40, 56)
    baseline = baselines(data.splits)["validation"]["keys-markov"]
    head = model.network.head
    head.kernel.assign(np.zeros(head.kernel.shape))
    head.output_kernel.assign(np.zeros(head.output_kernel.shape))
    assert model.score(data.splits["validation"], 128).nats == pytest.approx(baseline.nats, rel=1e-4)


def test_keys_that_never_sound_in_training_cost_little_while_silent_and_much_when_they_sound(tmp_path: Path):
    data = read(small(tmp_path / "set.mat"))
    model = RollModel(data.splits["train"], "sigmoid", ("chain=false", *TINY))
    high = piece(9)
    high[4, 87] = 1
    plain, sounding = (model.score([roll], 128).nats * 8 for roll in (piece(9), high))
    assert model.rare == 1 / (data.frames("train") + 2)
    assert sounding - plain == pytest.approx(np.log(1 / model.rare - 1), rel=1e-4)


@pytest.mark.slow
def test_the_score_of_long_pieces_does_not_depend_on_how_they_are_batched(tmp_path: Path):
    data = read(small(tmp_path / "set.mat"))
    model = RollModel(data.splits["train"], "chain", ("chain=true", *TINY))
    pieces = [piece(60), piece(30, 2), piece(5, 1)]
    together = model.score(pieces, 512)
    each = [model.score([one], 64) for one in pieces]
    assert together.nats == pytest.approx(sum(s.nats * s.frames for s in each) / sum(s.frames for s in each), rel=1e-5)
    assert together.piece_nats == pytest.approx(sum(s.nats for s in each) / 3, rel=1e-5)


def test_the_same_seed_gives_the_same_numbers_and_the_best_epoch_is_kept(tmp_path: Path):
    path, recorded = small(tmp_path / "set.mat", with_test=True), Recorded()
    first, again = trained(path, reporter=recorded), trained(path)
    assert first.scores == again.scores
    assert set(first.scores) == {"validation", "test"}
    assert [row["epoch"] for row in recorded.rows] == [1, 2, 3]
    best = min(row["val_loss"] for row in recorded.rows)
    assert first.scores["validation"].nats == pytest.approx(best, abs=1e-6)
    assert recorded.is_best[first.course.best_epoch - 1]
    assert [epoch["validation"] for epoch in first.course.epochs] == [row["val_loss"] for row in recorded.rows]


@pytest.mark.slow
def test_another_seed_gives_other_numbers(tmp_path: Path):
    path = small(tmp_path / "set.mat")
    first, other = (trained(path, seed=seed, max_minutes=1e-4).scores for seed in (1, 2))
    assert first != other


def test_ctrl_c_ends_the_run_and_keeps_what_is_done(tmp_path: Path):
    import signal

    class Impatient(Recorded):
        def progress(self, step: int, loss: float, rows_per_second: float) -> None:
            if self.rows:
                signal.raise_signal(signal.SIGINT)

    result = trained(small(tmp_path / "set.mat"), reporter=Impatient(), epochs=100)
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
@pytest.mark.parametrize("head", KINDS)
def test_a_tune_that_is_repeated_over_and_over_is_predicted(tmp_path: Path, head: str):
    path, tiny = small(tmp_path / "set.mat"), {"rtrbm": ("hidden=16",)}
    options = tiny.get(head, TINY)
    result = benchmark_polyphony(path, head, options=options, epochs=150, frames=128, learning_rate=1e-2)
    assert result.scores["validation"].nats < 0.5 * result.baselines["validation"]["keys-markov"].nats


@pytest.mark.slow
def test_a_chain_learns_which_chords_there_are_where_independent_keys_cannot(tmp_path: Path):
    """Two chords without a common key, drawn at random: one bit for a chain, a bit per key for sigmoids."""
    rng = np.random.default_rng(0)
    chords = np.zeros((2, 88), np.uint8)
    chords[0, [40, 44, 47]], chords[1, [41, 45, 50]] = 1, 1
    pieces = [chords[rng.integers(0, 2, 40)] for _ in range(40)]
    path = write(tmp_path / "lots.mat", traindata=pieces[:30], validdata=pieces[30:])
    heads = ("sigmoid", "chain", "rnn-nade")
    nats = [trained(path, head, epochs=40, learning_rate=1e-2).scores["validation"].nats for head in heads]
    assert max(nats[1:]) < 1.2 < 3.5 < nats[0]
