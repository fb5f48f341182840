"""An archive as a run of entries, each with its name, what it is, and its content to read: zip and tar alike.

    zip                          PK 03 04
    tar.gz, tar.bz2, tar.xz      1F 8B; BZh; FD 7zXZ
    tar                          "ustar" at byte 257

The first bytes say what a file is; its name is not asked. Entries come in the order of the file and are read once, so
that an archive of a million pieces needs no more memory than one of ten (a zip's table of contents excepted).
Nothing is written here: what of it may be written, and where, is `unpack`'s to say.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from musictool.errors import BadDownload

_SIGNATURES = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\x1f\x8b": "tar.gz",
    b"BZh": "tar.bz2",
    b"\xfd7zXZ\x00": "tar.xz",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!": "rar",
}
_OPENERS: dict[str, Any] = {"tar": nullcontext, "tar.gz": gzip.open, "tar.bz2": bz2.open, "tar.xz": lzma.open}
_EXTENDED = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
LONGEST_HEADER_BYTES = 1 << 20  # of a tar's extended headers, which are read into memory
_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError),
    *(ValueError, LookupError, ArithmeticError, RuntimeError, MemoryError, struct.error),  # met with changed bytes
)


@dataclass(frozen=True)
class ArchiveMember:
    """One entry.

    Attributes:
        name: as it stands in the archive; nothing about it is to be trusted.
        what: "link" is a symbolic link, "twin" a hard link; "other" is a device, a pipe or the like.
        content: to be read before the next entry is asked for; None for what has none.
        links_to: as it stands in the archive, for links and twins.
        position_bytes: how far into the archive this is.
    """

    name: str
    what: Literal["file", "folder", "link", "twin", "other"]
    content: IO[bytes] | None = None
    links_to: str = ""
    position_bytes: int = 0


def kind_of(path: Path) -> str:
    """The suffix that `path` ought to have, such as "zip" or "tar.gz". Raises BadDownload if it cannot be unpacked."""
    with open(path, "rb") as file:
        head = file.read(512)
    kind = next((kind for signature, kind in _SIGNATURES.items() if head.startswith(signature)), "")
    if not kind and head[257:262] == b"ustar":
        kind = "tar"
    if kind in ("7z", "rar"):
        raise BadDownload(f"{kind} archives cannot be unpacked here; unpack it, then: musictool prepare FOLDER")
    if not kind:
        page = head.lstrip().lower().startswith((b"<!doctype", b"<html"))
        raise BadDownload(f"no zip or tar archive but {'a web page' if page else 'something else'}")
    return kind


def declared_bytes(path: Path) -> int:
    """What a zip says that it will be unpacked; 0 for a tar, which does not say."""
    if kind_of(path) != "zip":
        return 0
    with damage(), zipfile.ZipFile(path) as archive:
        return sum(info.file_size for info in archive.infolist())


def members(path: Path) -> Generator[ArchiveMember, None, None]:
    """The entries of the archive `path`; to be used within `damage()`."""
    kind = kind_of(path)
    return _zipped(path) if kind == "zip" else _tarred(path, kind)


@contextmanager
def damage() -> Iterator[None]:
    """Whatever the libraries raise about a damaged archive becomes BadDownload."""
    try:
        yield
    except _DAMAGE as error:
        raise BadDownload(f"the archive is damaged: {error or type(error).__name__}") from None
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # the disk's own; invalid is a place that the archive points to
            raise
        raise BadDownload(f"the archive is damaged: {error}") from None


def _zipped(path: Path) -> Generator[ArchiveMember, None, None]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.flag_bits & 1:
                raise BadDownload(f"the archive is encrypted ('{info.filename}')")
            mode = stat.S_IFMT(info.external_attr >> 16)
            if info.is_dir():
                yield ArchiveMember(info.filename, "folder")
            elif mode not in (0, stat.S_IFREG, stat.S_IFLNK):
                yield ArchiveMember(info.filename, "other")
            else:
                with archive.open(info) as content:
                    link = content.read(4096).decode(errors="replace") if mode == stat.S_IFLNK else ""
                    yield ArchiveMember(info.filename, "link" if link else "file", content, link, info.header_offset)


class _Header(tarfile.TarInfo):
    """A tar header that is refused where reading on would need memory without end, or run backwards."""

    @classmethod
    def frombuf(cls, buf: Any, encoding: str, errors: str) -> Any:
        header = super().frombuf(buf, encoding, errors)
        if header.size < 0 or (header.type in _EXTENDED and header.size > LONGEST_HEADER_BYTES):
            raise BadDownload(f"the archive is damaged: a header of {header.size:,} bytes")
        return header


def _tarred(path: Path, kind: str) -> Generator[ArchiveMember, None, None]:
    with open(path, "rb") as file, _OPENERS[kind](file) as raw:
        with tarfile.open(fileobj=raw, mode="r|", tarinfo=_Header) as archive:
            while (header := archive.next()) is not None:
                yield _entry(archive, header, file.tell())
                archive.members = []  # type: ignore[attr-defined]  # or every header would be kept
        while raw.read(1 << 20):  # to the end, where the sum of a compressed file stands
            pass


def _entry(archive: tarfile.TarFile, header: tarfile.TarInfo, position_bytes: int) -> ArchiveMember:
    if header.isreg():
        return ArchiveMember(header.name, "file", archive.extractfile(header), "", position_bytes)
    if header.isdir():
        return ArchiveMember(header.name, "folder")
    if header.issym() or header.islnk():
        return ArchiveMember(header.name, "link" if header.issym() else "twin", None, header.linkname, position_bytes)
    return ArchiveMember(header.name, "other")
