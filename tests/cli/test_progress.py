"""The line after an epoch, of runs that never were."""

from __future__ import annotations

import math
from typing import Any

import pytest

from musictool.cli._progress import ScreenReporter
from musictool.training.reporter import RunFacts, StageFacts

ROW: dict[str, Any] = {"epoch": 1, "loss": 0.5, "val_loss": 0.25, "rows_per_second": 7, "seconds": 100.0}
STAGE = StageFacts("vae", counting=False, losses=("loss",), aim="loss", is_evaluated=False)


def line(capsys: pytest.CaptureFixture[str], stages: int, seconds: float = math.inf, epochs: int | None = 4) -> str:
    """After an epoch of the first stage, which took ROW["seconds"] in all and was just resumed."""
    reporter = ScreenReporter()
    reporter.run_begins(
        RunFacts(
            *("model", "corpus", "vae", stages, 1000, "CPU", "float32", 1, epochs, None),
            *("row", None, 88, 10, 5, {}),
        )
    )
    reporter.stage_begins(STAGE, seconds)
    reporter.epoch_begins(1, 3, 4)
    reporter.epoch_ends(ROW, is_best=True)
    return capsys.readouterr().out.splitlines()[-1]


def test_the_time_to_go_is_of_the_stage_if_there_are_several(capsys: pytest.CaptureFixture[str]):
    assert line(capsys, 2).endswith("epoch 1/4  loss 0.500  validation 0.250 *  7 rows/s  about 5 min 0 s to go in vae")
    assert line(capsys, 1).endswith("7 rows/s  about 5 min 0 s to go")


def test_a_limit_that_comes_first_is_the_time_to_go(capsys: pytest.CaptureFixture[str]):
    assert line(capsys, 1, seconds=0).endswith("about 0 s to go")


def test_a_run_without_an_end_has_no_time_to_go(capsys: pytest.CaptureFixture[str]):
    assert line(capsys, 1, epochs=None) == "epoch 1  loss 0.500  validation 0.250 *  7 rows/s"
