"""model.json, read without TensorFlow: what a model folder says about itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from musictool import home
from musictool.errors import BadModel

FORMAT = 2
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
    except FileNotFoundError:
        raise BadModel(f"{folder} is no model: it has no {MARKER}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadModel(f"{path} is damaged: {type(error).__name__} {error}") from None
    if version != FORMAT:
        raise BadModel(f"{path} has format {version}, and this musictool reads {FORMAT}; use the version that wrote it")
    return info


def _is_music(music: dict[str, Any]) -> bool:
    numbers = [music["bpm"], *music["metre"]]
    return len(numbers) == 3 and all(isinstance(number, int | float) and 0 < number <= 10_000 for number in numbers)
