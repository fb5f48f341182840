from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from musictool.encoding import from_json
from musictool.errors import BadModel, BadOption
from musictool.models.export import export
from musictool.models.info import FORMAT, read_info
from musictool.models.parts import open_encoding, sha256
from tests.model_info import model_info

WEIGHTS = {"layers/one/vars/0": [0.1, -3.0], "layers/one/vars/1": [1e30, 1.0]}


@pytest.fixture
def trained(at_new_home: Path) -> Path:
    """The folder of a model as `train` leaves it, of this and that."""
    folder = at_new_home / "saved_models" / "mine"
    for inner in ("checkpoints", "samples"):
        (folder / inner).mkdir(parents=True)
        (folder / inner / "large").touch()
    with h5py.File(folder / "network.weights.h5", "w") as file:
        for name, values in WEIGHTS.items():
            file[name] = np.array(values, np.float32)
        file["layers/one/vars"].attrs["name"] = "one"
        file["layers/one/vars/2"] = np.array([70_000], np.int64)
    (folder / "primers.h5").touch()
    (folder / "history.csv").write_text("epoch\n")
    encoding = from_json({"name": "piano-roll", "options": {}}, None)
    info = {
        "format": FORMAT,
        "arch": {"name": "lstm", "options": {}, "conditions": 0},
        "encoding": encoding.to_json(),
        "spec": encoding.spec.to_json(),
        "conditions": {},
        "corpus": {"name": "tunes", "folder": "/home/me/corpora/tunes", "fingerprint": "0", "licence": "CC0"},
        "music": {"bpm": 90, "metre": [3, 4]},
        "training": {
            "options": {"transpose": "0..0", "init_from": "/home/me/parent"},
            "settings": {},
            "finished": None,
        },
        "metrics": {"val_loss": 1.5},
        "provenance": {
            "argv": ["train", "/home/me/corpora/tunes", "--init-from=/home/me/parent", "--set", "width=8"],
            "init_from": {"name": "parent", "folder": "/home/me/parent", "checksum": "0"},
        },
        "weights": {"network.weights.h5": sha256(folder / "network.weights.h5")},
        "vocabulary_sha256": None,
        "stages": ["network"],
    }
    (folder / "model.json").write_text(json.dumps(model_info(**info)))
    return folder


def test_what_is_given_away_is_a_model_with_halved_weights_and_without_checkpoints(trained: Path, tmp_path: Path):
    exported = export("mine", tmp_path / "given")
    assert {path.name for path in (tmp_path / "given").iterdir()} == {
        "model.json",
        "network.weights.h5",
        "primers.h5",
        "history.csv",
    }
    assert exported.size_bytes == sum(path.stat().st_size for path in (tmp_path / "given").iterdir())
    info = read_info(tmp_path / "given")
    assert open_encoding(tmp_path / "given", info).name == "piano-roll"
    assert info["weights"] == {"network.weights.h5": sha256(tmp_path / "given" / "network.weights.h5")}
    assert info["metrics"] == read_info(trained)["metrics"]
    with h5py.File(tmp_path / "given" / "network.weights.h5") as file:
        arrays = {name: file[name][()] for name in (*WEIGHTS, "layers/one/vars/2")}
        assert file["layers/one/vars"].attrs["name"] == "one"
    assert [array.dtype for array in arrays.values()] == ["float16", "float32", "int64"]  # 1e30 is no float16
    assert arrays["layers/one/vars/0"] == pytest.approx([0.1, -3.0], rel=1e-3)


def test_no_folder_of_this_machine_goes_with_it(trained: Path, tmp_path: Path):
    export("mine", tmp_path / "given")
    assert "/home/me" not in (tmp_path / "given" / "model.json").read_text()
    assert read_info(tmp_path / "given")["provenance"]["argv"] == [
        "train",
        "tunes",
        "--init-from=parent",
        "--set",
        "width=8",
    ]


def test_the_same_model_gives_the_same_zip_file_which_may_be_written_again(trained: Path, tmp_path: Path):
    for _ in range(2):
        export("mine", tmp_path / "one.zip")
    export("mine", tmp_path / "other.zip", float16=True)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()
    zipfile.ZipFile(tmp_path / "one.zip").extractall(tmp_path)
    assert read_info(tmp_path / "mine")["corpus"]["licence"] == "CC0"


def test_weights_can_be_kept_as_they_are(trained: Path, tmp_path: Path):
    export("mine", tmp_path / "given", float16=False)
    with h5py.File(tmp_path / "given" / "network.weights.h5") as file:
        assert file["layers/one/vars/0"].dtype == np.float32


def test_a_taken_place_is_left_as_it_is(trained: Path, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kept").touch()
    with pytest.raises(BadOption, match="exists"):
        export("mine", tmp_path / "mine")
    export("mine", tmp_path / "mine.zip")
    assert (tmp_path / "mine" / "kept").exists()


def test_what_is_not_trained_or_not_whole_is_not_given_away(trained: Path, tmp_path: Path):
    shutil.copytree(trained, trained.with_name("changed"))
    (trained.with_name("changed") / "network.weights.h5").write_bytes(b"something else")
    with pytest.raises(BadModel, match="is not the file that model"):
        export("changed", tmp_path / "given")
    info = read_info(trained)
    (trained / "model.json").write_text(json.dumps({**info, "weights": {}}))
    with pytest.raises(BadModel, match="not trained"):
        export("mine", tmp_path / "given")
    assert not (tmp_path / "given").exists()
