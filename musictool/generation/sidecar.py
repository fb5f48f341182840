"""The .json beside a song, which is written before the song is in its place, and read as what it should be."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from musictool.atomic import json_text, naming_when_full, replacing, temporary_path
from musictool.errors import BadFile
from musictool.models.parts import sha256
from musictool.music.score import Score
from musictool.strict import json as strict_json
from musictool.writing import write

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


def write_with_sidecar(score: Score, paths: Sequence[Path], values: dict[str, Any]) -> None:
    """Make the files of a piece beside their places, then put the .json in its place, and then the files.

    So a .json always knows the files beside it, and whenever this is killed, all that is there may be written over.

    Args:
        values: what the .json says of the piece; of the files it gains their checksums.
    """
    with ExitStack() as stack:
        made = {path: stack.enter_context(temporary_path(path)) for path in paths}
        for path, partial in made.items():
            with naming_when_full(path):
                write(score, partial)
        for place in dict.fromkeys(map(place_of, paths)):
            sums = {path.name: sha256(made[path]) for path in paths if place_of(path) == place}
            first = next(iter(sums))
            with replacing(place) as partial:
                partial.write_text(json_text({**values, "file": first, "sha256": sums[first], "files": sums}), "utf-8")
                for name in sums:
                    place.with_name(name).unlink(missing_ok=True)
        for path, partial in made.items():
            os.replace(partial, path)


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


def checksums_in(values: dict[str, Any]) -> dict[str, str]:
    """File name -> sha256 of each file of a song, from its sidecar."""
    sums: dict[str, str] = values.get("files") or {values.get("file", ""): values.get("sha256", "")}
    return sums
