"""What `train` tells: its lines, and what it refuses before it loads anything."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from musictool import home
from musictool.cli._main import main
from musictool.cli.train import _advice, _report
from musictool.models.model import Model
from musictool.training.workers import Trained

TINY = "--set width=16 --set embedding=16 --set layers=1 --window 16 --batch-size 2 --seed 1"


def run(line: str) -> Result:
    return CliRunner().invoke(main, shlex.split(line), prog_name="musictool")


@pytest.fixture
def corpus(tiny_home: Path, at_new_home: Path) -> None:
    shutil.copytree(tiny_home / "corpora", at_new_home / "corpora")


@pytest.mark.parametrize(
    "arguments, said",
    [
        ("--init-from ''", "--init-from: '' is not the name of a model"),
        ("--recipe ''", "--recipe: '' is not the name of a recipe"),
        ("--workers a:1,b:77777 --worker 0", "'b:77777' is not host:port"),
        ("--arch lsmt", "Did you mean 'lstm'"),
        ("--set bad=1", "unknown option 'bad'"),
        ("--set width=none", "width"),
        ("--encoding-set bad=1", "unknown option 'bad'"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_tensorflow_is_loaded(at_tiny_home: Path, arguments: str, said: str):
    result = run(f"train tunes {arguments}")
    assert result.exit_code == 2
    assert said in result.output
    assert "loading" not in result.output


def test_a_name_with_a_space_is_quoted_in_the_command_that_goes_on(at_tiny_home: Path, monkeypatch: pytest.MonkeyPatch):
    def stopped_twice(reporter: Any, **options: Any) -> None:
        reporter.name = "my model"
        raise KeyboardInterrupt

    monkeypatch.setattr("musictool.training.train.train", stopped_twice)
    assert "musictool train --resume --name 'my model'\n" in run("train tunes").output


@pytest.mark.parametrize(
    "reason, epoch, said",
    [
        ("time", None, ("time is up; not one epoch is done\n", "more --max-minutes or a smaller model may help")),
        ("time", 3, ("time is up; the best was epoch 3\n", "more --max-minutes or a smaller model may help")),
        ("epochs", 2, ("all epochs done; the best was epoch 2\n", "more epochs or a smaller model may help")),
    ],
)
def test_it_says_why_a_run_ended_what_was_best_and_what_may_help(
    at_tiny_home: Path, capsys: pytest.CaptureFixture[str], reason: str, epoch: int | None, said: tuple[str, str]
):
    model = Model.open("tunes-lstm")
    model.info["metrics"]["best_epoch"] = epoch
    _report(Trained(model, reason, 2.0, {"bigram": 1.0}))
    output = capsys.readouterr().out
    assert all(words in output for words in said), output


def test_without_baselines_it_tells_the_loss_and_without_both_that_nothing_was_held_out(
    at_tiny_home: Path, capsys: pytest.CaptureFixture[str]
):
    for loss, said in ((2.5, "validation loss: 2.500\n"), (None, "no piece to validate on")):
        _report(Trained(Model.open("tunes-lstm"), "time", loss, {}))
        assert said in capsys.readouterr().out


def test_an_arch_that_counts_has_no_epochs_to_tell_of(corpus: None):
    result = run("train tunes --arch markov --name counted --seed 1")
    assert result.exit_code == 0, result.output
    assert "all is counted\n" in result.output
    assert "epoch" not in result.output
    assert _advice(["bigram"], "counted").endswith("more pieces or other options of the arch may help.")
    again = run("train tunes --arch markov --name counted --seed 1")
    assert again.exit_code == 2
    assert "finished; take another --name, or remove it\n" in again.output


def test_a_run_that_only_its_time_ends_does_not_count_towards_a_million(corpus: None):
    result = run(f"train tunes --name endless {TINY} --epochs 1000000 --patience 1 --learning-rate 5")
    assert result.exit_code == 0, result.output
    assert "epoch 1  loss" in result.output
    assert "000000" not in result.output


def test_a_model_that_ships_is_not_resumed_and_that_is_said_before_tensorflow_is_loaded(
    at_new_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path.resolve() / "shipped" / "waltz"
    folder.mkdir(parents=True)
    for name in (home.MODEL_MARKER, home.MODEL_CARD):
        (folder / name).touch()
    monkeypatch.setattr(home, "shipped_folder", lambda: folder.parent)
    result = CliRunner().invoke(main, ["train", "--resume", "--name", "waltz"])
    assert result.exit_code == 2
    assert result.output == (
        "Error: waltz ships with musictool and is never written to; fine-tune it under another --name: "
        "musictool train --init-from waltz\n"
    )
