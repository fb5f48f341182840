"""The encoding of a model folder, checked by its checksum and read without TensorFlow."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from musictool import encoding as encodings
from musictool.encoding import Encoding
from musictool.errors import BadModel
from musictool.models.info import MARKER, as_bad_model
from musictool.strict import json as strict_json
from musictool.strict.files import read_bytes

MOST_PRIMER_BYTES = 1 << 26  # of primers.h5
VOCABULARY = {"symbols": [str], "counts?": [int], "pairs?": [[int]]}


def open_encoding(folder: Path, info: dict[str, Any]) -> Encoding:
    """The encoding of a model, with its vocabulary. Raises BadModel for one that is missing, damaged or foreign."""
    vocabulary = _verified_vocabulary(folder, info)
    with as_bad_model(folder / MARKER):
        encoding = encodings.from_json(info["encoding"], vocabulary)
        _ = encoding.spec  # raises ValueError where options want a vocabulary that the model does not name
        return encoding


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
    try:
        data = read_bytes(path, strict_json.MOST_BYTES)
        if hashlib.sha256(data).hexdigest() != expected:
            raise BadModel(
                f"{path} is not the vocabulary that the model was trained with; copy or train the model again"
            )
        vocabulary: dict[str, Any] = strict_json.parse(data, VOCABULARY)
    except FileNotFoundError:
        raise BadModel(f"{folder} has no {path.name}; without it the model's numbers are no music") from None
    except (OSError, ValueError) as error:
        raise BadModel(f"{path} cannot be read: {error}") from None
    return vocabulary
