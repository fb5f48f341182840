"""What is told after an epoch, of runs that never were."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from musictool.arch import Stage
from musictool.cli._progress import ScreenReporter

ROW: dict[str, Any] = {"epoch": 1, "loss": 0.5, "val_loss": 0.25, "rows_per_second": 7, "seconds": 100.0}


def told(capsys: pytest.CaptureFixture[str], stages: list[str], deadline: float = float("inf")) -> str:
    """The line after an epoch of the first stage, which took ROW["seconds"] in all and was just resumed."""
    own = [Stage(name, None, lambda batch, training: ()) for name in stages]  # type: ignore[arg-type]
    progress = ScreenReporter()
    progress.run = SimpleNamespace(
        stage=own[0], arch=SimpleNamespace(stages=own), state=SimpleNamespace(waited=0), deadline=deadline
    )
    progress.epochs, progress.of, progress.unit, progress.began = 4, "/4", "row", time.monotonic()
    progress.epoch_ends(ROW)
    return capsys.readouterr().out


def test_the_time_to_go_is_of_the_stage_if_there_are_several(capsys: pytest.CaptureFixture[str]):
    assert told(capsys, ["vae", "predictors"]).endswith("7 rows/s  about 5 min 0 s to go in vae\n")
    assert told(capsys, ["network"]).endswith("7 rows/s  about 5 min 0 s to go\n")


def test_a_limit_that_comes_first_is_the_time_to_go(capsys: pytest.CaptureFixture[str]):
    assert told(capsys, ["network"], time.monotonic() - 1).endswith("about 0 s to go\n")
