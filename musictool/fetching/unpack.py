"""An archive from a stranger -> files in one folder, and not a byte outside it.

What is refused, and nothing of the archive remains:
    a path that leaves the folder    ../x, /x, C:x, and the same with backslashes; a link that points out of it
    devices and pipes
    a bomb                           more than 100 times the archive's size and 1 GB, counted as it is written
    damage and encryption

What is left out, counted, and costs itself only:
    a name that is taken             the first of two entries stays; "A.mid" and "a.mid" are one where the disk says so
    a name that the disk cannot have too long, or with signs that it does not know
    a link to nothing                one to a file that came before it becomes a copy

Every file is made new by this module and nothing but plain files and folders is ever made, so no entry can write
through a link that an earlier one laid. The archive's permissions, owners and times are not taken over.
"""

from __future__ import annotations

import errno
import fnmatch
import os
import posixpath
import re
import shutil
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from musictool.errors import BadDownload
from musictool.fetching.archives import ArchiveMember, damage, declared_bytes, members
from musictool.progress import Transfer

BLOCK_BYTES = 1 << 20
BOMB_TIMES, BOMB_BYTES = 100, 10**9  # times the archive's size, and so many bytes more
LEAST_FILE_BYTES = 4096  # what even an empty file takes on a disk

TAKEN, NO_NAME = "of a name that is taken", "of a name that the disk cannot have"
LINK, NOT_WANTED = "links to nothing", "not wanted"


@dataclass
class Unpacked:
    """What came of it.

    Attributes:
        files: how many were written.
        size_bytes: of all of them.
        left_out: how many entries were not written, by reason.
    """

    files: int = 0
    size_bytes: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def unpack(
    archive: Path, folder: Path, without: tuple[str, ...], progress: Transfer, only: tuple[str, ...] = ()
) -> Unpacked:
    """Write the files of `archive` below `folder`.

    Args:
        archive: zip or tar.
        folder: an empty folder.
        without: patterns of names that are not wanted; "*" also crosses folders.
        progress: called with how far into the archive it is.
        only: patterns of names that are; empty for all but those.

    Raises:
        BadDownload: refused, for one of the reasons above. `folder` is then to be thrown away.
        OSError: the disk is full.
    """
    size_bytes = archive.stat().st_size
    writer = _Writer(folder, BOMB_TIMES * size_bytes + BOMB_BYTES)
    declared = declared_bytes(archive)
    writer.check(declared)
    if declared > shutil.disk_usage(folder).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with damage(), closing(members(archive)) as run:
        for entry in run:
            parts = _parts(entry.name)
            if entry.what == "other":
                raise BadDownload(f"the archive holds a device or pipe ('{entry.name}')")
            name = "/".join(parts)
            if _matches(name, without) or (only and not _matches(name, only)):
                writer.done.left_out[NOT_WANTED] += entry.what != "folder"
            elif entry.what == "file" and entry.content is not None:
                writer.write(parts, entry.content)
            elif entry.what != "folder":
                writer.copy(parts, _target(entry, parts))
            progress("unpacking", entry.position_bytes, size_bytes)
    if not writer.done.files:
        raise BadDownload("the archive holds no files" + (f" like {' or '.join(only)}" if only else ""))
    return writer.done


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _parts(name: str) -> list[str]:
    """The folders and the file that `name` leads through. Raises BadDownload if it leads out."""
    path = name.replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or re.match("[A-Za-z]:", path) or ".." in parts or "\0" in path:
        raise BadDownload(f"the archive wants to write outside its folder ('{name[:100]}')")
    return parts


def _target(entry: ArchiveMember, parts: list[str]) -> list[str]:
    """Where a link points, as a path below the folder: a hard link's is one, a symbolic one's starts beside it."""
    target = entry.links_to.replace("\\", "/")
    if entry.what == "link" and not re.match("/|[A-Za-z]:", target):
        target = posixpath.normpath(posixpath.join(*parts[:-1], target))
    return _parts(target)


class _Writer:
    """Files below one folder, each made new, up to a limit."""

    def __init__(self, folder: Path, max_bytes: int):
        self.folder = folder
        self.max_bytes = self.left_bytes = max_bytes
        self.done = Unpacked()

    def check(self, size_bytes: int) -> None:
        """Raises BadDownload if so much more would be too much."""
        if size_bytes > self.left_bytes:
            raise BadDownload(
                f"unpacked, the archive is larger than {self.max_bytes / 1e9:,.1f} GB, which is out of all proportion"
            )

    def write(self, parts: list[str], content: IO[bytes]) -> None:
        """One file, unless its name cannot be had."""
        path = self.folder.joinpath(*parts)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = open(path, "xb")  # noqa: SIM115  # closed below; what goes wrong in opening is another matter
        except (FileExistsError, NotADirectoryError):
            self.done.left_out[TAKEN] += 1
            return
        except OSError as error:
            if error.errno not in (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ):
                raise
            self.done.left_out[NO_NAME] += 1
            return
        with file:
            self._pour(content, file)

    def copy(self, parts: list[str], target: list[str]) -> None:
        """One file that is the same as an earlier one."""
        source = self.folder.joinpath(*target)
        if not target or not source.is_file():
            self.done.left_out[LINK] += 1
            return
        with open(source, "rb") as content:
            self.write(parts, content)

    def _pour(self, content: IO[bytes], file: IO[bytes]) -> None:
        written = 0
        while block := content.read(BLOCK_BYTES):
            self.check(written + len(block))
            written += file.write(block)
        self.left_bytes -= max(written, LEAST_FILE_BYTES)
        self.check(0)
        self.done.files += 1
        self.done.size_bytes += written
