"""model.json, the description of a model folder, read without TensorFlow."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from musictool import home
from musictool.errors import BadModel, MusictoolError
from musictool.strict import json as strict_json

FORMAT = 3
MARKER = home.MODEL_MARKER
SCHEMA = {
    "arch": {"name": str, "options": {str: object}, "conditions": int, "format?": int},
    "encoding": {"name": str, "options": {str: object}},
    "spec": {"kind": str, "shape": [int], "size": int},
    "conditions": {"controls": [str], "column": str, "labels": [str]},
    "corpus": {"name": str, "folder": str, "fingerprint": str, "licence": str},
    "music": {
        "bpm": float,
        "metre": [int],
        "dynamics?": {str: object},
        "keys?": [int],
        "programs?": [int],
        "ensembles?": [[int]],
    },
    "training": {
        "settings": {str: object},
        "options": {"transpose": str, "where?": [str], str: object},
        "finished": (str, None),
    },
    "metrics": {"baselines": {str: float}, "parameters": int, "val_loss?": (float, None), str: object},
    "provenance": {
        "device": str,
        "argv?": [str],
        "init_from?": {"name": str, "folder": str, "checksum": str},
        str: object,
    },
    "sample?": {"bars?": int},  # what `sample` writes where nothing else is asked for
    "stages": [str],
    "weights": {str: str},
    "weights_to_come?": {str: str},
    "vocabulary_sha256": (str, None),
}
MOST_BYTES = 1 << 24  # of a model.json
KEYS = 24
MOST_PROGRAM = 127
MOST_BPM, MOST_NUMERATOR, MOST_DENOMINATOR = 10_000, 255, 64
_WEIGHTS_FILE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\.weights\.h5")


def read_info(folder: Path) -> dict[str, Any]:
    """model.json of a folder. Raises BadModel if it is missing, damaged or of another version."""
    path = folder / MARKER
    try:
        info: dict[str, Any] = strict_json.read(path, {"format": int}, MOST_BYTES)
        version = info["format"]
        if version == FORMAT:
            strict_json.check(info, SCHEMA)
            _check_values(info)
    except (FileNotFoundError, NotADirectoryError):
        raise BadModel(f"{folder} is no model: it has no {MARKER}") from None
    except (OSError, ValueError) as error:
        raise BadModel(f"{path} is damaged: {error}") from None
    if version != FORMAT:
        raise BadModel(
            f"{path} has format {version}, and this musictool reads {FORMAT}; train it again, or use the version "
            "that wrote it"
        )
    return info


def folder_of(name: str | Path | None = None) -> Path:
    """The folder of the model called `name` (a name or a path); without one, of this home's one trained last, to the
    end of a first epoch of each stage at least.

    Raises:
        BadModel: if there is none, or one that is looked at is damaged.
        UnknownName: if nothing is called so, with a suggestion.
    """
    if name is not None:
        return home.find_model(name)
    folder = home.latest(
        home.models_folder(), MARKER, lambda path: not home.is_shipped(path) and is_trained(read_info(path))
    )
    if folder is None:
        shipped = "".join(f", or name one that ships, such as: {name}" for name in [*home.shipped_models()][:1])
        raise BadModel(f"no trained model under {home.models_folder()}; make one with: musictool train{shipped}")
    return folder


def weights_file(stage: str) -> str:
    """The name of the file that the weights of a stage lie in."""
    return f"{stage}.weights.h5"


def is_trained(info: Mapping[str, Any]) -> bool:
    """Whether all stages of a model have weights."""
    return bool(info["weights"]) and all(weights_file(stage) in info["weights"] for stage in info["stages"])


@contextmanager
def as_bad_model(path: Path) -> Iterator[None]:
    """Raise what fails in the block, which makes something of the contents of `path`, as a BadModel that names it."""
    try:
        yield
    except MusictoolError as error:
        raise BadModel(f"{path}: {error}") from None
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        what = str(error) if type(error) is ValueError else f"{type(error).__name__} {error}"
        raise BadModel(f"{path} is damaged: {' '.join(what.split())}") from None


def _check_values(info: dict[str, Any]) -> None:
    """Raise ValueError for a value of the right type that no model has."""
    bpm, metre = info["music"]["bpm"], info["music"]["metre"]
    if not 0 < bpm <= MOST_BPM:
        raise ValueError(f"music.bpm is {bpm}; it should be above 0 and at most {MOST_BPM:,}")
    if len(metre) != 2 or not (1 <= metre[0] <= MOST_NUMERATOR and 1 <= metre[1] <= MOST_DENOMINATOR):
        raise ValueError(f"music.metre should be two numbers, up to {MOST_NUMERATOR} and {MOST_DENOMINATOR}")
    programs = info["music"].get("programs", [])
    if not all(0 <= program <= MOST_PROGRAM for program in programs):
        raise ValueError(f"music.programs should be General MIDI programs, 0 to {MOST_PROGRAM}")
    ensembles = info["music"].get("ensembles", [])
    if not all(0 <= program <= MOST_PROGRAM + 1 for programs in ensembles for program in programs):
        raise ValueError(
            f"music.ensembles should be General MIDI programs, 0 to {MOST_PROGRAM}, and one more for drums"
        )
    keys = info["music"].get("keys", [])
    if len(keys) not in (0, KEYS) or min(keys, default=0) < 0:
        raise ValueError(f"music.keys should be {KEYS} numbers of pieces")
    bars = info.get("sample", {}).get("bars", 1)
    if bars < 1:
        raise ValueError(f"sample.bars is {bars}; it should be at least 1")
    for name in (*info["weights"], *info.get("weights_to_come", {})):
        if not _WEIGHTS_FILE.fullmatch(name):  # it is opened in the folder of the model, and nowhere else
            raise ValueError(f"weights names {name[:80]!r}, which is no weights file")
