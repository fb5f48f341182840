"""Runs on chorales that a child could sing: both forms, what is counted, and going on."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musictool.apps.chorales.chorales import ChoralesResult, benchmark_chorales
from musictool.apps.chorales.model import ChoraleModel
from musictool.apps.chorales.pieces import Chorales
from musictool.errors import BadOption, KindMismatch
from musictool.training.reporter import Reporter

TINY = {"chain": ("width=8", "embedding=8", "hidden=8", "dropout=0"), "lstm": ("width=8", "embedding=8", "layers=1")}
SCALE = np.array([60, 62, 64, 65, 67, 65, 64, 62])


def piece(length: int, shift: int = 0) -> np.ndarray:
    soprano = SCALE[np.arange(length) % 8] + shift
    return np.stack([soprano, soprano - 5, soprano - 9, np.full(length, -1)], axis=1)


DATA = Chorales("set", {"train": [piece(24 + i, i) for i in range(4)], "validation": [piece(30, 1), piece(21)]})


def trained(arch: str = "chain", **given: Any) -> ChoralesResult:
    return benchmark_chorales(DATA, arch, options=TINY[arch], **{"epochs": 2, "frames": 128, **given})


@pytest.mark.parametrize("arch", TINY)
def test_the_score_does_not_depend_on_how_pieces_are_batched(arch: str):
    model = ChoraleModel(arch, DATA.splits["train"], (0,), TINY[arch])
    pieces = DATA.splits["validation"]
    tokens = [each.size for each in pieces]
    alone = [model.score([each], 32) for each in pieces]
    assert model.score(pieces, 256) == pytest.approx(np.dot(alone, tokens) / sum(tokens), rel=1e-5)


def test_a_chain_gives_all_ways_to_sing_a_step_probability_one_together():
    """Of two keys, four voices and no rest beside: nats of every frame that there is."""
    model = ChoraleModel("chain", [np.full((4, 4), 60)], (0,), TINY["chain"])
    assert len(model.network.head.numbers) == 2 * 4
    frames = ((np.arange(256)[:, None] >> np.arange(8)) & 1).astype(np.uint8)
    y = np.zeros((256, 1, 512), np.uint8)
    y[:, 0, model.network.head.numbers] = frames
    from musictool.dataset.windows import Batch

    batch = Batch(np.zeros_like(y), y, np.ones((256, 1), np.float32), np.zeros((256, 1, 23), np.float32))
    nats = np.asarray(model.loss_and_metrics(batch, False)[0])[:, 0] * 4
    assert np.exp(-nats).sum() == pytest.approx(1, abs=2e-2)  # a little is left to the keys that nobody sings


def test_the_same_seed_gives_the_same_numbers_and_every_validation_token_is_scored():
    first, again = (trained("lstm", transpose="-2..2") for _ in range(2))  # which takes TensorFlow less long to compile
    assert first.scores == pytest.approx(again.scores, rel=1e-6)  # TensorFlow adds up in the order in which it is done
    assert first.scores["validation"] == pytest.approx(min(row["validation"] for row in first.course.epochs))
    assert first.to_json()["settings"]["transpose"] == "-2..2"


def test_a_run_that_is_stopped_goes_on_in_its_folder(tmp_path: Path):
    class Impatient(Reporter):
        def epoch_ends(self, row: dict[str, Any], is_best: bool) -> None:
            signal.raise_signal(signal.SIGINT)

    stopped = trained("lstm", folder=tmp_path, reporter=Impatient(), epochs=3)
    assert (stopped.course.reason, len(stopped.course.epochs)) == ("stopped", 1)
    resumed = trained("lstm", folder=tmp_path, epochs=3)
    assert [row["epoch"] for row in resumed.course.epochs] == [1, 2, 3]
    with pytest.raises(BadOption, match="holds a run of other settings"):
        trained("lstm", folder=tmp_path, epochs=3, seed=5)


def test_an_arch_of_other_rows_is_refused():
    with pytest.raises(KindMismatch, match="--arch vae learns segments; chain, "):
        ChoraleModel("vae", DATA.splits["train"], (0,), ())


@pytest.mark.slow
@pytest.mark.parametrize("arch", TINY)
def test_a_tune_that_is_sung_over_and_over_is_predicted(arch: str):
    result = trained(arch, epochs=100, learning_rate=1e-2)
    assert result.scores["validation"] < 0.5 * result.baselines["validation"]["pitch before"]
