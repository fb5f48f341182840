"""Which folder a run gets, told from nothing but the model.json files that lie there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from musictool.corpus.corpus import Corpus
from musictool.errors import BadModel, BadOption
from musictool.training.folders import folder_for
from musictool.training.options import begin, parse
from musictool.training.train import train

# As conftest.py's model was begun.
OPTIONS: dict[str, Any] = {
    "epochs": 2,
    "seed": 1,
    "settings": ("width=16", "embedding=16", "layers=1"),
    "encoding_settings": ("vocabulary=closed",),
    "window": 16,
    "batch_size": 8,
}


@pytest.fixture
def models(tiny_home: Path, at_new_home: Path) -> Path:
    """The folder of models, with the finished tunes-lstm alone."""
    shutil.copytree(tiny_home / "corpora", at_new_home / "corpora")
    kept = at_new_home / "saved_models" / "tunes-lstm"
    kept.mkdir(parents=True)
    shutil.copy(tiny_home / "saved_models" / "tunes-lstm" / "model.json", kept)
    return kept.parent


def put(models: Path, name: str, *, without: str = "", **training: Any) -> None:
    """A model.json like that of tunes-lstm, with other things about its training."""
    info = json.loads((models / "tunes-lstm" / "model.json").read_text())
    info["training"] |= training
    info["training"]["options"].pop(without, None)
    (models / name).mkdir()
    (models / name / "model.json").write_text(json.dumps(info))


def chosen(name: str | None = None, resume: bool | None = None, **given: Any) -> tuple[str, bool]:
    folder, unfinished = folder_for(Corpus.open("tunes"), name, begin(parse({**OPTIONS, **given})), resume)
    return folder.name, unfinished


def test_a_finished_run_is_left_alone_and_the_next_is_numbered(models: Path):
    assert chosen() == ("tunes-lstm-2", False)


def test_an_unfinished_run_with_a_number_is_gone_on_with(models: Path):
    put(models, "tunes-lstm-2", finished="epochs")
    put(models, "tunes-lstm-3", finished=None)
    assert chosen() == ("tunes-lstm-3", True)
    assert chosen(epochs=100) == ("tunes-lstm-3", True)
    assert chosen(window=8) == ("tunes-lstm-4", False)
    assert chosen(resume=False) == ("tunes-lstm-4", False)


def test_it_is_found_behind_a_gap_and_after_ten(models: Path):
    put(models, "tunes-lstm-11", finished=None)
    assert chosen() == ("tunes-lstm-11", True)
    assert chosen(resume=False) == ("tunes-lstm-2", False)
    put(models, "tunes-lstm-7", finished=None)
    assert chosen() == ("tunes-lstm-7", True)


def test_a_model_of_a_name_of_its_own_is_not_looked_at(models: Path):
    put(models, "tunes-lstm-two", finished=None)
    put(models, "tunes-lstm-02", finished=None)
    assert chosen() == ("tunes-lstm-2", False)


def test_what_cannot_be_read_is_no_run_to_go_on_with_unless_it_is_named(models: Path):
    put(models, "tunes-lstm-2", finished=None)
    (models / "tunes-lstm-2" / "model.json").write_text("{")
    put(models, "tunes-lstm-3", finished=None)
    assert chosen() == ("tunes-lstm-3", True)
    with pytest.raises(BadModel, match="damaged"):
        chosen(name="tunes-lstm-2")


def test_a_run_from_before_there_was_such_an_option_had_its_default(models: Path):
    put(models, "tunes-lstm-2", without="stretch", finished=None)
    assert chosen() == ("tunes-lstm-2", True)
    assert chosen(stretch=(0.9,)) == ("tunes-lstm-3", False)


def test_a_name_that_is_given_gets_no_number(models: Path):
    put(models, "mine", finished=None)
    put(models, "mine-2", finished=None)
    assert chosen(name="mine") == ("mine", True)
    assert chosen(name="other") == ("other", False)
    with pytest.raises(BadOption, match="go on with it by --resume, or take another --name"):
        chosen(name="mine", window=8)


@pytest.mark.parametrize("name", [".lock", ".network.weights.h5", "checkpoints", "samples", "samples/epoch-001.mid"])
def test_a_run_with_a_link_in_its_folder_is_not_gone_on_with(models: Path, tmp_path: Path, name: str):
    put(models, "linked", finished=None)
    precious = tmp_path / "precious"
    precious.write_text("kept")
    path = models / "linked" / name
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(precious)
    with pytest.raises(BadModel, match=rf"{name} is a link"):
        train(name="linked", resume=True)
    assert precious.read_text() == "kept"
    assert [*precious.parent.glob("precious*")] == [precious]


def test_a_finished_model_without_its_checkpoint_keeps_its_weights(models: Path):
    (models / "tunes-lstm" / "history.csv").write_text("epoch\n")
    for finished in ("epochs", None):
        put(models, f"{finished}", finished=finished)
        (models / f"{finished}" / "history.csv").write_text("epoch\n")
        with pytest.raises(BadModel, match="no checkpoint to go on from; its best weights are kept"):
            train(name=f"{finished}", resume=True)


@pytest.mark.parametrize("part, key", [("settings", "window"), ("settings", "seed"), ("options", "encoding")])
def test_a_run_that_does_not_say_what_it_was_begun_with_is_damaged(models: Path, part: str, key: str):
    info = json.loads((models / "tunes-lstm" / "model.json").read_text())
    info["training"][part][key], info["weights"] = None, {}
    (models / "tunes-lstm" / "model.json").write_text(json.dumps(info))
    with pytest.raises(BadModel, match=rf"model\.json is damaged: .*training\.{part}\.{key} is missing"):
        train(resume=True, epochs=9)
