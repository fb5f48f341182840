"""The encoding and the arrays of a model folder, checked by their checksums and read without TensorFlow.

A model may come from a stranger: arrays are read from the file itself and never from where a link in it leads.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from musictool import encoding as encodings
from musictool.encoding import Encoding
from musictool.errors import BadModel
from musictool.models.info import MARKER, as_bad_model

MAX_BYTES = 1 << 28  # of an array


def open_encoding(folder: Path, info: dict[str, Any]) -> Encoding:
    """The encoding of a model, with its vocabulary. Raises BadModel for one that is missing, damaged or foreign."""
    vocabulary = _verified_vocabulary(folder, info)
    with as_bad_model(folder / MARKER):
        return encodings.from_json(info["encoding"], vocabulary)


def array(file: h5py.File, name: str) -> np.ndarray:
    """A small array that lies in the file itself and nowhere else. Raises ValueError for another."""
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{name} is a link")
    dataset = file[name]
    if dataset.external or dataset.is_virtual or dataset.nbytes > MAX_BYTES:
        raise ValueError(f"{name} lies in other files, or is too large")
    values: np.ndarray = dataset[()]
    return values


def sha256(path: Path) -> str:
    """The checksum of a file, in hexadecimal."""
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _verified_vocabulary(folder: Path, info: dict[str, Any]) -> dict[str, Any] | None:
    expected = info.get("vocabulary_sha256")
    if expected is None:
        return None
    path = folder / "vocabulary.json"
    if not path.is_file():
        raise BadModel(f"{folder} has no {path.name}; without it the model's numbers are no music")
    if sha256(path) != expected:
        raise BadModel(f"{path} is not the vocabulary that the model was trained with; copy or train the model again")
    vocabulary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return vocabulary
