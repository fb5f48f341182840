"""Models that ship: found by name, played and begun from, and never written to."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from musictool import home
from musictool.corpus.corpus import Corpus
from musictool.errors import BadOption
from musictool.models.export import export
from musictool.training.folders import existing, folder_for
from musictool.training.options import begin, parse


@pytest.fixture
def shipped(tiny_home: Path, at_new_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny model as it would ship, as `waltz`, and a home with its corpus and itself."""
    shutil.copytree(tiny_home, at_new_home, dirs_exist_ok=True)
    folder = tmp_path.resolve() / "shipped"
    export("tunes-lstm", folder / "waltz")
    (folder / "waltz" / home.MODEL_CARD).write_text("{}")
    monkeypatch.setattr(home, "shipped_folder", lambda: folder)
    return folder / "waltz"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_is_neither_resumed_nor_replaced(shipped: Path, monkeypatch: pytest.MonkeyPatch):
    message = "waltz ships with musictool and is never written to; .* musictool train --init-from waltz$"
    with pytest.raises(BadOption, match=message):
        existing("waltz")
    monkeypatch.setattr(home, "models_folder", home.shipped_folder)  # as in a checkout
    with pytest.raises(BadOption, match=message):
        folder_for(Corpus.open("tunes"), "waltz", begin(parse({})), None)


def test_without_a_name_ones_own_model_is_meant_and_no_younger_one_that_ships(
    shipped: Path, at_new_home: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copytree(at_new_home / "saved_models" / "tunes-lstm", shipped.parent / "mine")
    (shipped / home.MODEL_MARKER).touch()
    monkeypatch.setattr(home, "models_folder", home.shipped_folder)
    assert existing(None) == shipped.parent / "mine"


def test_it_writes_music_and_is_begun_from_and_stays_as_it_is(shipped: Path):
    from musictool.generation.request import Request
    from musictool.generation.sample import sample
    from musictool.models.model import Model
    from musictool.training.train import train

    before, model, exact = contents(shipped), Model.open("waltz"), Model.open("tunes-lstm")
    (score,) = sample(model, Request(length=32, seed=1))
    assert len(score.notes)
    pairs = zip(model.arch.stages[0].network.weights, exact.arch.stages[0].network.weights, strict=True)
    for rounded, weight in pairs:
        assert np.asarray(rounded) == pytest.approx(np.asarray(weight), rel=1e-3, abs=1e-6)
    trained = train("tunes", name="child", init_from="waltz", epochs=1, seed=1)
    assert trained.model.info["provenance"]["init_from"]["name"] == "waltz"
    assert contents(shipped) == before
