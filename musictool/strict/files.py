"""Regular files of bounded size. A link, a pipe or a device in the place of one is refused and never waited for."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def check_regular(path: Path, most_bytes: int | None = None) -> int:
    """The size of a file in bytes.

    Raises:
        OSError: if there is none.
        ValueError: for anything else than a regular file, or one that is larger than `most_bytes`.
    """
    return _checked(os.lstat(path), most_bytes)


def read_bytes(path: Path, most_bytes: int) -> bytes:
    """A whole file. Raises as `check_regular`."""
    check_regular(path, most_bytes)
    # what has come into its place since then is neither followed nor waited for
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with open(handle, "rb") as file:
        _checked(os.fstat(handle), most_bytes)
        return file.read(most_bytes)


def _checked(status: os.stat_result, most_bytes: int | None) -> int:
    if stat.S_ISLNK(status.st_mode):
        raise ValueError("it is a link and no file")
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is no regular file")
    if most_bytes is not None and status.st_size > most_bytes:
        raise ValueError(f"it has {status.st_size:,} bytes; at most {most_bytes:,} are read")
    return status.st_size
