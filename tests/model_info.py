"""A model.json with all that one has to have, for tests that make a model folder by hand."""

from __future__ import annotations

from typing import Any

from musictool.models.info import FORMAT

INFO: dict[str, Any] = {
    "format": FORMAT,
    "arch": {"name": "roll-lstm", "options": {}, "conditions": 0},
    "encoding": {"name": "piano-roll", "options": {}},
    "spec": {"kind": "frames", "shape": [88], "size": 88},
    "conditions": {"controls": [], "column": "", "labels": []},
    "corpus": {"name": "tunes", "folder": "corpora/tunes", "fingerprint": "0" * 64, "licence": ""},
    "music": {"bpm": 90.0, "metre": [4, 4]},
    "training": {"settings": {}, "options": {"transpose": "0..0"}, "finished": "epochs"},
    "metrics": {"baselines": {}, "parameters": 100},
    "provenance": {"device": "CPU"},
    "stages": ["network"],
    "weights": {},
    "vocabulary_sha256": None,
}


def model_info(**values: Any) -> dict[str, Any]:
    """INFO with other values; those of a table are put into it."""
    info = {**INFO, **values}
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(INFO.get(key), dict):
            info[key] = {**INFO[key], **value}
    return info
