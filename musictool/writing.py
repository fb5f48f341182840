"""The contract of a writer, and the writer of a file.

A writer is a module of musictool/writers/ with two names:

    SUFFIXES: tuple[str, ...]                           lower case, with the dot
    write(score: Score, path: Path, **settings) -> None

Writer modules import their libraries inside `write`. Files are written whole or not at all.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from musictool.errors import BadFile, BadOption, NoMusic
from musictool.music.score import Score
from musictool.registry import WRITERS


@cache
def suffixes() -> dict[str, str]:
    """Suffix (lower case, with the dot) -> name of its writer."""
    return {suffix: name for name in WRITERS.names() for suffix in WRITERS.module(name).SUFFIXES}


def write(score: Score, path: Path, **settings: Any) -> None:
    """Write a piece in the format of the suffix of `path`; `settings` are those of the writer.

    Raises:
        BadFile: for a suffix without a writer.
        NoMusic: for a Score without notes: an empty file is never written silently.
    """
    path = Path(path)
    name = writer_of(path)
    if not len(score.notes):
        raise NoMusic(f"there is not one note to write to {path}")
    path.parent.mkdir(parents=True, exist_ok=True)
    WRITERS.module(name).write(score, path, **settings)


def writer_of(path: Path) -> str:
    """The name of the writer of a file. Raises BadFile for a suffix without a writer."""
    name = suffixes().get(path.suffix.lower())
    if name is None:
        raise BadFile("unknown suffix", f"{path.name}; writable are {' '.join(sorted(suffixes()))}")
    return name


def checked_places(out: Path | Sequence[Path], *sources: Path) -> tuple[Path, ...]:
    """Check the paths of output files before any work is done, and make their folders.

    Args:
        sources: the input files, which no output may overwrite under any name.

    Returns:
        each path once.

    Raises:
        BadOption: for a suffix without a writer, or a path that is a folder.
        BadFile: for a path of a source.
    """
    outs = (out,) if isinstance(out, Path) else tuple(dict.fromkeys(out))
    if not outs:
        raise ValueError("out names no file")
    for path in outs:
        if path.suffix.lower() not in suffixes():
            raise BadOption(f"--out {path}: unknown suffix; writable are {' '.join(sorted(suffixes()))}")
        if path.is_dir():
            raise BadOption(f"--out {path} is a folder")
        _check_folder(path, "--out")
        for source in sources:
            _check_not_source(source, path)
    for path in outs:
        make_folder(path)
    return outs


def make_folder(out: Path, option: str = "--out") -> None:
    """Make the folder of an output file, if there is none.

    Raises:
        BadOption: if a file is in its place, or nothing can be written there.
    """
    _check_folder(out, option)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out.parent).close()
    except OSError as error:
        raise BadOption(f"{option} {out}: nothing can be written into {out.parent} ({error.strerror})") from None


def _check_folder(out: Path, option: str) -> None:
    folder = next(parent for parent in out.parents if os.path.lexists(parent))
    if not folder.is_dir():
        raise BadOption(f"{option} {out}: {folder} is a file, not a folder")


def _check_not_source(source: Path, out: Path) -> None:
    if out.exists() and source.exists() and out.samefile(source):
        raise BadFile("same file", f"{out} would be written over the file that is read; choose another --out")
