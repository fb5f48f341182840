"""The saved model: a folder that explains itself.

    saved_models/bach-lstm/
      model.json            format version; arch, encoding and their options; spec; training; provenance; checksums
      vocabulary.json       if the encoding has one
      network.weights.h5    the best weights, one file a network
      primers.h5            openings of validation pieces, so that sampling starts without the corpus
      history.csv           a row an epoch
      samples/              music written while it trained
      checkpoints/          what resuming needs; may be deleted

JSON and arrays only, nothing that runs code: a model from a stranger is safe to open.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from musictool import home
from musictool.archs import _base as archs
from musictool.archs._base import Arch
from musictool.atomic import replacing, write_json
from musictool.encodings import _base as encodings
from musictool.encodings._base import Encoding, Spec
from musictool.errors import BadModel, MusictoolError
from musictool.model_info import MARKER, read_info


@dataclass(frozen=True)
class Model:
    """An opened model folder.

    Attributes:
        folder: where it lies.
        info: the contents of model.json.
        encoding: with its vocabulary.
    """

    folder: Path
    info: dict[str, Any]
    encoding: Encoding

    @classmethod
    def open(cls, name: str | Path | None = None) -> Model:
        """The model called `name` (a name or a path); without one, the model trained last.

        Raises:
            BadModel: if there is none, or it is damaged, incomplete or of another version; says which file.
            UnknownName: if nothing is called so, with a suggestion.
        """
        if name is None:
            folder = home.latest(home.models_folder(), MARKER)
            if folder is None:
                raise BadModel(f"no model under {home.models_folder()}; make one with: musictool train")
        else:
            folder = home.find(home.models_folder(), MARKER, name, "model")
        info = read_info(folder)
        vocabulary = _verified_vocabulary(folder, info)
        try:
            return cls(folder, info, encodings.from_json(info["encoding"], vocabulary))
        except MusictoolError as error:
            raise BadModel(f"{folder / MARKER}: {error}") from None
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise BadModel(f"{folder / MARKER} is damaged: {type(error).__name__} {error}") from None

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def spec(self) -> Spec:
        """What the encoding promises the arch."""
        return self.encoding.spec

    @cached_property
    def arch(self) -> Arch:
        """The arch with the best weights loaded. Raises BadModel for missing or foreign weights."""
        try:
            arch = archs.from_json(self.info["arch"], self.spec)
        except MusictoolError as error:
            raise BadModel(f"{self.folder / MARKER}: {error}") from None
        for stage in arch.stages():
            path = self.folder / f"{stage.name}.weights.h5"
            checksum = self.info["weights"].get(path.name)
            if checksum is None or not path.is_file():
                raise BadModel(f"{self.folder} has no {path.name}: training was stopped before its first epoch ended")
            if checksum != sha256(path):
                raise BadModel(f"{path} is not the file that {MARKER} describes; copy or train the model again")
            stage.network.load_weights(path)
        return arch

    @cached_property
    def primers(self) -> list[np.ndarray]:
        """Openings of validation pieces: spec.dtype (T, *spec.shape) each."""
        path = self.folder / "primers.h5"
        try:
            with h5py.File(path) as file:
                rows, offsets = file["rows"][:], file["offsets"][:]
        except (OSError, KeyError) as error:
            raise BadModel(f"{path} cannot be read: {error}") from None
        return [rows[a:b] for a, b in pairwise(offsets)]

    @property
    def checksum(self) -> str:
        """sha256 over the weights and the vocabulary: the same music comes only from the same checksum."""
        parts = [*sorted(self.info["weights"].items()), ("vocabulary", self.info["vocabulary_sha256"])]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def create(folder: Path, info: dict[str, Any], encoding: Encoding, primers: list[np.ndarray]) -> None:
    """Write all of a new model but its weights into `folder`; model.json comes last."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = encoding.vocabulary()
    if vocabulary is not None:
        write_json(folder / "vocabulary.json", vocabulary)
        info["vocabulary_sha256"] = sha256(folder / "vocabulary.json")
    with replacing(folder / "primers.h5") as partial, h5py.File(partial, "w") as file:
        file["rows"] = np.concatenate(primers) if primers else np.zeros((0, *encoding.spec.shape), encoding.spec.dtype)
        file["offsets"] = np.concatenate([[0], np.cumsum([len(rows) for rows in primers])]).astype(np.int64)
    write_json(folder / MARKER, info)


def save_weights(folder: Path, arch: Arch) -> dict[str, str]:
    """Write the weights of every network; returns file name -> sha256."""
    checksums = {}
    for stage in arch.stages():
        path = folder / f"{stage.name}.weights.h5"
        with replacing(path) as partial:
            # Keras insists on the ending .weights.h5.
            whole = partial.with_name(f".{stage.name}.partial.weights.h5")
            stage.network.save_weights(whole)
            whole.replace(partial)
        checksums[path.name] = sha256(path)
    return checksums


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
