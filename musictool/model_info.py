"""model.json, read without TensorFlow: what a model folder says about itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from musictool import home
from musictool.errors import BadModel

FORMAT = 1
MARKER = home.MODEL_MARKER


def read_info(folder: Path) -> dict[str, Any]:
    """model.json of a folder. Raises BadModel if it is missing, damaged or of another version."""
    path = folder / MARKER
    try:
        info: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = info["format"]
    except FileNotFoundError:
        raise BadModel(f"{folder} is no model: it has no {MARKER}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadModel(f"{path} is damaged: {error}") from None
    if version != FORMAT:
        raise BadModel(f"{path} has format {version}, and this musictool reads {FORMAT}; use the version that wrote it")
    return info
