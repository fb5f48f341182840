"""The files that commands write: nothing is written over but what musictool wrote, and has not changed since.

The files of a sample are known by the .json beside it (musictool/generation/sidecar.py). What other commands wrote is
known by `.musictool.json` in the same folder, which holds the sha256 of each file as it was written.

Nothing heavy is imported, so that the command line knows what is in its way before anything is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from musictool.atomic import before_replacing, write_json
from musictool.errors import BadFile, BadOption
from musictool.generation.request import Request, numbered
from musictool.generation.sidecar import checksums_in, place_of, read_sidecar
from musictool.models.parts import sha256
from musictool.strict import json as strict_json
from musictool.writing import checked_places

RECORD = ".musictool.json"
MOST_BYTES = 1 << 24
_ADVICE = "name another file, or write over it with --force"


def check_replaceable(paths: Iterable[Path], force: bool = False) -> None:
    """Raises BadOption for a file in the place of one of `paths` that musictool did not write, unless `force`."""
    for path in () if force else paths:
        if os.path.lexists(path):
            known = {*filter(None, [_recorded(path.parent).get(path.name), _of_sample(path)])}
            if not known or not path.is_file():
                raise BadOption(f"--out {path} exists, and musictool did not write it; {_ADVICE}")
            if sha256(path) not in known:
                raise BadOption(f"--out {path} exists and has been changed since musictool wrote it; {_ADVICE}")


def check_sample_replaceable(paths: Sequence[Path], force: bool = False) -> None:
    """The same for the files of a sample, and for the .json that will stand beside them."""
    for path in () if force else paths:
        sidecar = place_of(path)
        if os.path.lexists(sidecar):
            try:
                read_sidecar(sidecar)
            except BadFile:
                raise BadOption(
                    f"--out {path}: {sidecar} would be replaced, and is not the .json of a sample of this version; "
                    f"{_ADVICE}"
                ) from None
    check_replaceable(paths, force)


def check_places(request: Request, out: Path | Sequence[Path], force: bool = False) -> None:
    """Check the files of all pieces before any work is done. Raises BadOption, BadFile: see songs.write_songs."""
    for number, paths in enumerate(numbered(out, request.num)):
        if not number or any(map(os.path.lexists, [*paths, *map(place_of, paths)])):
            check_sample_replaceable(checked_places(paths, *request.sources), force)


@contextmanager
def replacing_outputs(paths: Sequence[Path], force: bool = False) -> Iterator[None]:
    """In the block the files are written, and each is recorded as musictool's. Raises as `check_replaceable`.

    A file is recorded before it takes its place: whenever this is killed, all that is there may be written over.
    """
    check_replaceable(paths, force)
    before = {path: _identity(path) for path in paths}

    def record(path: Path, made: Path) -> None:
        if path in before:
            path.unlink(missing_ok=True)
            _record({path: made})

    try:
        with before_replacing(record):
            yield
    finally:
        _record({path: path for path, identity in before.items() if _identity(path) not in (None, identity)})


def _of_sample(path: Path) -> str | None:
    """The sha256 that the .json beside a file has of it."""
    try:
        return checksums_in(read_sidecar(place_of(path))).get(path.name)
    except BadFile:
        return None


def _identity(path: Path) -> tuple[int, ...] | None:
    """What changes when another file takes a place; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _recorded(folder: Path) -> dict[str, str]:
    """File name -> sha256 of what was written to a folder."""
    try:
        values: dict[str, str] = strict_json.read(folder / RECORD, {str: str}, MOST_BYTES)
    except (OSError, ValueError):
        return {}
    return values


def _record(made: dict[Path, Path]) -> None:
    """Record the checksums of files by the places that they have, or will have."""
    for folder in dict.fromkeys(path.parent for path in made):
        written = {path.name: sha256(file) for path, file in made.items() if path.parent == folder}
        others = {name: checksum for name, checksum in _recorded(folder).items() if os.path.lexists(folder / name)}
        with suppress(OSError):  # the files stand; a command that would replace one will ask for --force
            write_json(folder / RECORD, others | written)
