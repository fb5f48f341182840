"""A zip archive, looked through before anybody believes it.

A file of 8 MB can say that it holds 8 GB, or say that it holds a kilobyte and give gigabytes. So the directory is added
up first, and then every member is inflated once, a piece at a time, into nothing: what passes may be read as a whole.
Nothing is ever written to disk; the members' names are not paths here.
"""

from __future__ import annotations

import copy
import zipfile
import zlib
from pathlib import Path

from musictool.errors import BadFile

MAX_MEMBERS = 10_000  # of one archive; a piano-roll of a hundred tracks has 403
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # zipfile inflates the other methods without a bound
_PIECE_BYTES = 1 << 20
_FIRST_BYTES = b"PK\x03\x04"


def check(path: Path, max_bytes: int) -> None:
    """Refuse an archive that is damaged or holds more than `max_bytes`; a file that is no archive passes.

    Raises:
        BadFile: "too large" (unpacked, or of too many members), "truncated" (without its directory), "unreadable".
    """
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            if file.read(len(_FIRST_BYTES)) == _FIRST_BYTES:
                raise BadFile("truncated", f"the archive {path.name} breaks off before its directory")
        return
    try:
        with zipfile.ZipFile(path) as archive:
            _check_directory(archive.infolist(), max_bytes)
            for member in archive.infolist():
                _check_member(archive, member)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        raise BadFile("unreadable", f"the archive {path.name}: {error or 'a member breaks off'}"[:200]) from error


def _check_directory(members: list[zipfile.ZipInfo], max_bytes: int) -> None:
    if len(members) > MAX_MEMBERS:
        raise BadFile("too large", f"an archive of {len(members):,} members; at most {MAX_MEMBERS:,} are read")
    size = sum(member.file_size for member in members)
    if size > max_bytes:
        raise BadFile("too large", f"{size:,} bytes unpacked; at most {max_bytes:,} are read")
    for member in members:
        if member.compress_type not in _METHODS:
            raise BadFile("unreadable", f"{member.filename[:100]!r} is compressed by method {member.compress_type}")


def _check_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Refuse a member that is longer or shorter than the directory says, or whose checksum is wrong."""
    one_more = copy.copy(
        member
    )  # zipfile stops at the size that the header gives: a wrong one shows in the byte behind it
    one_more.file_size += 1
    size = 0
    with archive.open(one_more) as file:
        while piece := file.read(min(_PIECE_BYTES, one_more.file_size - size)):
            size += len(piece)
    if size != member.file_size:
        more = size > member.file_size
        raise BadFile(
            "unreadable", f"{member.filename[:100]!r} holds {'more' if more else 'less'} than its directory says"
        )
