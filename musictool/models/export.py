"""A model to give away: what `sample` needs of one and no more, in a folder or a zip file.

    model.json            as it was, but for folders of this machine; checksums of the new weights
    vocabulary.json       if it has one
    network.weights.h5    its weights in float16, which halves them; whoever loads them makes float32 of them again
    primers.h5            openings of validation pieces
    history.csv           a row per epoch, for plots
    card.json and what it names, if it has a model card

Left out: checkpoints (so that it is not resumed, but begun from with --init-from), logs, and samples of the training.
Without TensorFlow. The same model gives the same bytes.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from musictool import home
from musictool.atomic import replacing, replacing_folder, write_json
from musictool.errors import BadModel, BadOption
from musictool.models.info import MARKER, folder_of, is_trained, read_info
from musictool.models.parts import open_encoding, sha256
from musictool.strict.hdf5 import new_file, opened

ALSO = ("vocabulary.json", "primers.h5", "history.csv", home.MODEL_CARD)
OF_CARD = ("README.md", "sample.mid", "sample.png")  # beside card.json
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip file can have


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: the folder or the zip file.
        name: of the model.
        info: its model.json.
        size_bytes: of all files, before they are compressed.
    """

    path: Path
    name: str
    info: Mapping[str, Any]
    size_bytes: int


def export(name: str | Path | None, out: Path, *, float16: bool = True) -> Exported:
    """Write a model to give away.

    Args:
        name: of the model, or a path to it; None for the one trained last.
        out: a folder, which must not exist yet, or a file .zip, in which the model lies in a folder of its name.
        float16: whether weights are rounded to it; arrays that go beyond what it holds stay as they are.

    Raises:
        UnknownName, BadModel: for a model that there is not, or that is not trained, or damaged.
        BadOption: for a place that is taken.
    """
    folder = folder_of(name)
    info = read_info(folder)
    if not is_trained(info):
        raise BadModel(f"{folder} is not trained to the end of a first epoch of each stage; there is nothing to export")
    open_encoding(folder, info)  # says what is wrong with the vocabulary
    is_zip = out.suffix.lower() == ".zip"
    if out.exists() and not (is_zip and out.is_file()):
        raise BadOption(f"--out {out} exists; name a folder that does not, or a .zip file")
    if not is_zip:
        with replacing_folder(out) as partial:
            return Exported(out, folder.name, _fill(partial, folder, info, float16), _bytes_in(partial))
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        exported = Exported(out, folder.name, _fill(place, folder, info, float16), _bytes_in(place))
        _zip(place, out, folder.name)
    return exported


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _fill(partial: Path, folder: Path, info: dict[str, Any], float16: bool) -> dict[str, Any]:
    """Write the files of a model to be given away; returns its model.json."""
    for name in (*ALSO, *OF_CARD):
        if (folder / name).is_file() and not (folder / name).is_symlink():
            shutil.copyfile(folder / name, partial / name)
    weights = {}
    for name, checksum in info["weights"].items():
        path = folder / name
        if not path.is_file() or sha256(path) != checksum:
            raise BadModel(f"{path} is not the file that {MARKER} describes; copy or train the model again")
        try:
            _copy_weights(path, partial / name, float16)
        except (OSError, ValueError) as error:
            raise BadModel(f"{path} cannot be read: {error}") from None
        weights[name] = sha256(partial / name)
    given = {**_without_places(info), "weights": weights}
    write_json(partial / MARKER, given)
    return given


def _copy_weights(source: Path, target: Path, float16: bool) -> None:
    """A weight file as Keras writes it, with the same groups and names."""
    with opened(source) as old, new_file(target) as new:

        def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Group):
                copied = new.require_group(name)
            else:
                values = np.asarray(item[()])
                copied = new.create_dataset(name, data=rounded(values) if float16 else values)
            copied.attrs.update(item.attrs)

        new.attrs.update(old.attrs)
        old.visititems(copy)  # what lies in the file itself: links are not followed


def rounded(values: np.ndarray) -> np.ndarray:
    """float32 as float16, if all of it stays finite; any other array as it is."""
    if values.dtype != np.float32:
        return values
    with np.errstate(over="ignore"):
        small = values.astype(np.float16)
    return small if np.isfinite(small).all() else values


def _without_places(info: dict[str, Any]) -> dict[str, Any]:
    """model.json without folders of the machine that it was written on."""
    given: dict[str, Any] = json.loads(json.dumps(info))
    given["corpus"]["folder"] = f"corpora/{given['corpus']['name']}"
    provenance = given["provenance"]
    provenance["argv"] = [_last_part(word) for word in provenance.get("argv", [])]
    if "init_from" in provenance:
        provenance["init_from"]["folder"] = provenance["init_from"]["name"]
    parent = given["training"]["options"].get("init_from")
    if parent is not None:
        given["training"]["options"]["init_from"] = Path(parent).name
    return given


def _last_part(word: str) -> str:
    """A path from the root, or its like behind "=", as its last part; any other word as it is."""
    before, equals, path = word.rpartition("=")
    return before + equals + Path(path).name if path.startswith(("/", "~")) else word


def _zip(folder: Path, out: Path, name: str) -> None:
    with replacing(out) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            entry = zipfile.ZipInfo(f"{name}/{path.name}", _ZIP_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
