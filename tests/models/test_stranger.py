"""Models that were made to do harm, told from their files and without training one."""

from __future__ import annotations

import hashlib
import json
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from musictool.cli._main import main
from musictool.errors import BadModel
from musictool.models.info import read_info
from musictool.models.model import Model
from tests.model_info import model_info

INFO = model_info(arch={"options": {"width": 8, "layers": 1}}, metrics={"parameters": 100, "val_loss": 1.0})


@pytest.fixture
def model(at_new_home: Path) -> Path:
    """A model folder with a few weights, which are of no network."""
    folder = at_new_home / "saved_models" / "gift"
    folder.mkdir(parents=True)
    with h5py.File(folder / "network.weights.h5", "w") as file:
        file["layers/vars/0"] = np.zeros(1000, np.float32)
    checksum = hashlib.sha256((folder / "network.weights.h5").read_bytes()).hexdigest()
    put(folder, weights={"network.weights.h5": checksum})
    return folder


def put(folder: Path, **values: Any) -> None:
    path = folder / "model.json"
    before = json.loads(path.read_text()) if path.exists() else INFO
    path.write_text(json.dumps(before | values))


@pytest.mark.parametrize("key", [key for key in INFO if key != "format"])
@pytest.mark.parametrize("value", [None, 3, [], "text", {}, [[]], float("nan")])
def test_a_value_of_another_type_is_one_line(model: Path, key: str, value: Any):
    if type(value) is type(INFO[key]) and key != "arch":
        return
    if key == "vocabulary_sha256" and isinstance(value, str | None):
        return
    put(model, **{key: value})
    with pytest.raises(BadModel, match=rf"model\.json is damaged: {key}") as raised:
        read_info(model)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("key", [*INFO])
def test_a_missing_key_is_one_line(model: Path, key: str):
    info = json.loads((model / "model.json").read_text())
    del info[key]
    (model / "model.json").write_text(json.dumps(info))
    with pytest.raises(BadModel, match=rf"model\.json is damaged: {key} is missing$"):
        read_info(model)


@pytest.mark.parametrize(
    "values",
    [
        {"music": {"bpm": 90, "metre": [9999, 9999]}},
        {"music": {"bpm": 90, "metre": [4, 0]}},
        {"music": {"bpm": 0, "metre": [4, 4]}},
        {"music": {"bpm": 90, "metre": [4]}},
        {"weights": {"../network.weights.h5": "0"}},
        {"weights": {"/etc/passwd": "0"}},
        {"weights_to_come": {"a/network.weights.h5": "0"}},
    ],
)
def test_a_value_that_no_model_has_is_one_line(model: Path, values: dict[str, Any]):
    put(model, **values)
    with pytest.raises(BadModel, match=r"model\.json is damaged: (music|weights)"):
        read_info(model)


def deep(path: Path) -> None:
    path.write_text("[" * 100_000)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def not_utf8(path: Path) -> None:
    path.write_bytes(b'{"format": "\xff"}')


@pytest.mark.parametrize("damage", [deep, pipe, device, not_utf8])
def test_a_bad_model_is_listed_as_such_beside_the_others(model: Path, damage: Callable[[Path], None]):
    bad = model.parent / "bad"
    bad.mkdir()
    damage(bad / "model.json")
    result = CliRunner().invoke(main, ["list", "models"])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert any(line.startswith("gift ") and "roll-lstm on tunes" in line for line in lines)
    if damage is not device or any(line.startswith("bad ") for line in lines):
        assert any(line.startswith("bad ") and "cannot be read" in line for line in lines)


@pytest.mark.parametrize(
    "arch",
    [
        {"name": "roll-lstm", "options": {"width": 8192, "layers": 16}, "conditions": 0},
        {"name": "roll-lstm", "options": {"width": 16}, "conditions": 0},
    ],
)
def test_a_network_larger_than_its_weights_is_never_built(model: Path, arch: dict[str, Any]):
    put(model, arch=arch)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadModel, match="more parameters than its weight files hold"):
        _ = Model.open("gift").arch
    # without Keras, and without the 9 GB of the first
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB


def test_conditions_are_those_that_are_listed(model: Path):
    put(model, arch={"name": "lstm", "options": {}, "conditions": 10**9})
    with pytest.raises(BadModel, match=r"arch\.conditions is 1000000000 and not 0"):
        _ = Model.open("gift").conditions


def test_primers_without_end_are_refused(model: Path):
    with h5py.File(model / "primers.h5", "w") as file:
        file["rows"] = np.zeros((4, 88), np.uint8)
        file.create_dataset("offsets", (1 << 28,), "i8", chunks=(1 << 20,))
    with pytest.raises(BadModel, match="offsets is larger than what the file holds of it"):
        _ = Model.open("gift").primers
    with h5py.File(model / "primers.h5", "w") as file:
        file["rows"] = np.zeros((4, 88), np.uint8)
        file["offsets"] = np.zeros(10_000, np.int64)
    with pytest.raises(BadModel, match="offsets that are none"):
        _ = Model.open("gift").primers


def test_a_link_in_the_place_of_weights_or_primers_is_refused(model: Path, tmp_path: Path):
    for name in ("primers.h5", "network.weights.h5"):
        (model / name).unlink(missing_ok=True)
        with h5py.File(tmp_path / name, "w") as file:
            file["rows"], file["offsets"] = np.zeros((2, 88), np.uint8), [0, 2]
        (model / name).symlink_to(tmp_path / name)
    with pytest.raises(BadModel, match=r"primers\.h5 cannot be read: it is a link"):
        _ = Model.open("gift").primers


def test_options_that_want_a_vocabulary_which_is_not_there_are_one_line(model: Path):
    put(model, encoding={"name": "note-chord", "options": {"pitch_classes": True}}, vocabulary_sha256=None)
    with pytest.raises(BadModel, match=r"model\.json is damaged: note-chord has no vocabulary"):
        Model.open(model)
