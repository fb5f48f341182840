from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest

from musictool.atomic import DiskFull
from musictool.errors import BadModel, UnknownName
from musictool.models.info import FORMAT
from musictool.models.model import Model, create, save_weights
from musictool.music.score import METRE


@pytest.fixture
def copy(tiny_home: Path, at_new_home: Path) -> Path:
    """A model folder that a test may damage."""
    return Path(shutil.copytree(tiny_home / "saved_models" / "tunes-lstm", at_new_home / "saved_models" / "tunes-lstm"))


def change(folder: Path, **values: Any) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_it_needs_its_folder_and_nothing_else(copy: Path):
    opened = Model.open("tunes-lstm")  # in this home there is no corpus
    assert opened.arch.name == "lstm"
    assert len(opened.primers) >= 1


def test_an_unknown_name_is_answered_with_the_nearest(copy: Path):
    with pytest.raises(UnknownName, match="Did you mean 'tunes-lstm'"):
        Model.open("tune-lstm")


def test_no_model_at_all_says_how_to_make_one(at_new_home: Path):
    with pytest.raises(BadModel, match="musictool train"):
        Model.open()


def test_another_format_is_refused_with_both_numbers(copy: Path):
    change(copy, format=99)
    with pytest.raises(BadModel, match=f"99.*{FORMAT}"):
        Model.open("tunes-lstm")


def test_a_damaged_model_does_not_stand_in_the_way_of_a_newer_one(copy: Path):
    damaged = copy.parent / "damaged"
    damaged.mkdir()
    (damaged / "model.json").write_text("{")
    os.utime(damaged / "model.json", (1, 1))
    assert Model.open().name == "tunes-lstm"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 1}', '{"format": 1, "encoding": 3}'])
def test_a_damaged_model_json_is_named(copy: Path, text: str):
    (copy / "model.json").write_text(text)
    with pytest.raises(BadModel, match=r"model\.json"):
        Model.open("tunes-lstm")


def test_a_missing_vocabulary_is_named(copy: Path):
    (copy / "vocabulary.json").unlink()
    with pytest.raises(BadModel, match=r"vocabulary\.json"):
        Model.open("tunes-lstm")


def test_a_vocabulary_of_another_model_is_refused(copy: Path):
    path = copy / "vocabulary.json"
    path.write_text(path.read_text().replace(":2", ":3"))
    with pytest.raises(BadModel, match="not the vocabulary"):
        Model.open("tunes-lstm")


def test_missing_weights_are_named(copy: Path):
    (copy / "network.weights.h5").unlink()
    with pytest.raises(BadModel, match=r"network\.weights\.h5"):
        _ = Model.open("tunes-lstm").arch


def test_changed_weights_are_refused(copy: Path):
    with open(copy / "network.weights.h5", "ab") as file:
        file.write(b"x")
    with pytest.raises(BadModel, match="not the file"):
        _ = Model.open("tunes-lstm").arch


def primers_of(folder: Path, rows: Any, offsets: list[int]) -> None:
    with h5py.File(folder / "primers.h5", "w") as file:
        file["rows"] = rows
        file["offsets"] = offsets


@pytest.mark.parametrize(
    "rows, offsets", [([3, 10**6], [0, 2]), ([3, 4], [0, 9]), ([3, 4], [2, 0]), ([[3], [4]], [0, 2])]
)
def test_primers_that_are_not_of_this_encoding_are_refused(copy: Path, rows: list[int], offsets: list[int]):
    primers_of(copy, rows, offsets)
    with pytest.raises(BadModel, match=r"primers\.h5"):
        _ = Model.open("tunes-lstm").primers


def test_the_metres_of_primers_come_back(copy: Path):
    tables = [np.array([(0, 3, 4), (480, 3, 4)], METRE), np.array([(0, 4, 4)], METRE)]
    model = Model.open(copy)
    create(copy, model.info, model.encoding, [np.array([3, 4], np.int32), np.array([3], np.int32)], tables)
    model = Model.open(copy)
    assert [rows.tolist() for rows in model.primers] == [[3, 4], [3]]
    assert [table.tolist() for table in model.primer_metres] == [table.tolist() for table in tables]
    with h5py.File(copy / "primers.h5", "a") as file:
        del file["metres"], file["metre_offsets"]
    assert [len(table) for table in Model.open(copy).primer_metres] == [0] * len(model.primers)  # as saved before


@pytest.mark.parametrize("metres, ends", [([[0, 4, 256]], 1), ([[0, 4]], 1), ([[-1, 4, 4]], 1), ([[0, 4, 4]], 2)])
def test_metres_that_are_none_are_refused(copy: Path, metres: list[list[int]], ends: int):
    with h5py.File(copy / "primers.h5", "a") as file:
        del file["metres"], file["metre_offsets"]
        file["metres"] = np.array(metres, np.int32)
        file["metre_offsets"] = np.append(np.zeros(len(file["offsets"]) - 1, np.int64), ends)
    with pytest.raises(BadModel, match=r"primers\.h5 cannot be read"):
        _ = Model.open(copy).primer_metres


def test_primers_never_bring_in_another_file(copy: Path, tmp_path: Path):
    (tmp_path / "secret").write_bytes(bytes(range(3, 19)))
    with h5py.File(copy / "primers.h5", "w") as file:
        file.create_dataset("rows", (4,), "i4", external=[(str(tmp_path / "secret"), 0, 16)])
        file["offsets"] = [0, 4]
    with pytest.raises(BadModel, match=r"primers\.h5"):
        _ = Model.open("tunes-lstm").primers


def test_weights_of_another_width_are_refused_in_one_line(copy: Path):
    info = json.loads((copy / "model.json").read_text())
    info["arch"]["options"]["width"] = 8
    change(copy, **info)
    with pytest.raises(BadModel, match="does not fit"):
        _ = Model.open("tunes-lstm").arch


def test_a_model_that_was_only_begun_is_not_the_last_one(copy: Path):
    begun = shutil.copytree(copy, copy.parent / "begun")
    change(Path(begun), weights={})
    assert Model.open().name == "tunes-lstm"


def test_a_model_with_a_stage_still_to_be_trained_is_not_the_last_one_and_says_which(copy: Path):
    begun = Path(shutil.copytree(copy, copy.parent / "half begun"))
    change(begun, weights={"first.weights.h5": "0" * 64}, stages=["first", "network"])
    assert Model.open().name == "tunes-lstm"
    with pytest.raises(BadModel, match=r"its stage network has not been trained yet; .* --name 'half begun'$"):
        _ = Model.open("half begun").arch


def test_a_model_that_does_not_say_what_its_stages_are_is_damaged(copy: Path):
    info = json.loads((copy / "model.json").read_text())
    assert info.pop("stages") == ["network"]
    (copy / "model.json").write_text(json.dumps(info))
    with pytest.raises(BadModel, match="damaged: stages is missing"):
        Model.open("tunes-lstm")


def test_a_model_of_the_format_before_gets_one_clear_line(copy: Path):
    change(copy, format=2)
    with pytest.raises(BadModel, match="has format 2, and this musictool reads 3; train it again, or use the version"):
        Model.open("tunes-lstm")


@pytest.mark.parametrize(
    "arch",
    [
        {},
        {"name": "lstm"},
        {"name": ["lstm"], "options": {}, "conditions": 0},
        {"name": "lstm", "options": [], "conditions": 0},
        {"name": "lstm", "options": {}, "conditions": "none"},
    ],
)
def test_a_damaged_arch_is_named(copy: Path, arch: dict[str, Any]):
    change(copy, arch=arch)
    with pytest.raises(BadModel, match=r"model\.json") as raised:
        _ = Model.open("tunes-lstm").arch
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("key, value", [("encoding", {"name": "note-chord", "options": []}), ("stages", 3)])
def test_other_damage_is_named_as_well(copy: Path, key: str, value: Any):
    change(copy, **{key: value})
    with pytest.raises(BadModel, match=r"model\.json is damaged"):
        Model.open("tunes-lstm")


def test_damaged_conditions_are_named(copy: Path):
    change(copy, conditions={"controls": 3})
    with pytest.raises(BadModel, match=r"model\.json is damaged"):
        _ = Model.open("tunes-lstm").conditions


def test_an_arch_that_this_version_lacks_is_named(copy: Path):
    change(copy, arch={"name": "lstn", "options": {}, "conditions": 0})
    with pytest.raises(BadModel, match="Did you mean 'lstm'"):
        _ = Model.open("tunes-lstm").arch


def test_weights_that_do_not_fit_on_the_disk_are_told_before_they_are_written(copy: Path, monkeypatch):
    weights = [SimpleNamespace(shape=(1000, 500)), SimpleNamespace(shape=(500,))]
    stage = SimpleNamespace(name="network", network=SimpleNamespace(weights=weights))  # it cannot even save any
    monkeypatch.setattr("musictool.atomic.shutil.disk_usage", lambda place: SimpleNamespace(free=1_500_000))
    with pytest.raises(DiskFull, match=r"over 2\.0 MB are wanted, 1\.5 MB are free") as raised:
        save_weights(copy, stage, {})  # type: ignore[arg-type]
    assert raised.value.filename == str(copy / "network.weights.h5")
