"""model.json, the description of a model folder, read without TensorFlow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from musictool import home
from musictool.errors import BadModel, MusictoolError

FORMAT = 3
MARKER = home.MODEL_MARKER
KEYS = ("arch", "encoding", "conditions", "corpus", "music", "training", "metrics", "provenance", "weights")


def read_info(folder: Path) -> dict[str, Any]:
    """model.json of a folder. Raises BadModel if it is missing, damaged or of another version."""
    path = folder / MARKER
    try:
        info: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = info["format"]
        if version == FORMAT and (missing := [key for key in KEYS if not isinstance(info[key], dict)]):
            raise ValueError(f"{', '.join(missing)} should be tables")
        if version == FORMAT and not _is_music(info["music"]):
            raise ValueError("music should have a bpm and a metre of two numbers")
        if version == FORMAT and not isinstance(info["stages"], list):
            raise ValueError("stages should be a list")
    except FileNotFoundError:
        raise BadModel(f"{folder} is no model: it has no {MARKER}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadModel(f"{path} is damaged: {type(error).__name__} {error}") from None
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
        (what, *_) = f"{type(error).__name__} {error}".splitlines()
        raise BadModel(f"{path} is damaged: {what}") from None


def _is_music(music: dict[str, Any]) -> bool:
    numbers = [music["bpm"], *music["metre"]]
    return len(numbers) == 3 and all(isinstance(number, int | float) and 0 < number <= 10_000 for number in numbers)
