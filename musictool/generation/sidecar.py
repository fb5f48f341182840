"""The .json beside a song, read as what it should be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from musictool.errors import BadFile
from musictool.strict import json as strict_json

FORMAT = 2
MOST_BYTES = 1 << 22
SCHEMA = {
    "primer_sha256": (str, None),
    "piece": int,
    "request": {
        "wanted?": {str: object},
        "sampler?": {str: object},
        "primer?": (str, None),
        "style?": ({"files": {str: str}, "where": [str], "alpha": (float, None)}, None),
        str: object,
    },
    "model": {"name": str, "folder": str, "checksum": str},
    "files?": {str: str},
    "file?": str,
    "sha256?": str,
}


def place_of(path: Path) -> Path:
    """Where the .json of a song's file stands."""
    return path.with_suffix(".json")


def read_sidecar(path: Path) -> dict[str, Any]:
    """The .json beside a song.

    Raises:
        BadFile: for a file that cannot be read, is none, or is of another version.
    """
    try:
        values: dict[str, Any] = strict_json.read(path.resolve(), {}, MOST_BYTES)
        if {"request", "format"} <= {*values} and values["format"] != FORMAT:
            raise BadFile("other version", f"{path} has format {values['format']}, and this musictool reads {FORMAT}")
        strict_json.check(values, SCHEMA)
    except OSError as error:
        raise BadFile("unreadable", f"{path} cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise no_sidecar(path, str(error)) from None
    return values


def no_sidecar(path: Path, reason: str) -> BadFile:
    """The error for a file that is no sidecar, or a damaged one."""
    sidecar = place_of(path)
    hint = f"; did you mean --like {sidecar}?" if sidecar != path and sidecar.is_file() else ""
    return BadFile("unreadable", f"{path} is not the .json that stands beside a sample: {reason}{hint}")


def sums_of(values: dict[str, Any]) -> dict[str, str]:
    """File name -> sha256 of each file of a song, from its sidecar."""
    sums: dict[str, str] = values.get("files") or {values.get("file", ""): values.get("sha256", "")}
    return sums
