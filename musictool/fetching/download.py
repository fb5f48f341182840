"""One file from the web to the disk, and on from where it broke.

    archive              the whole file; it has this name only when it is complete
    archive.part         what has arrived of it, byte for byte as the server sent it
    archive.part.json    which version of which file that is: address, ETag, Last-Modified, size in bytes

Each block is handed to the system as it arrives, so that a process that is killed loses none of it. The next try asks
for the rest (`Range`) of that same version (`If-Range`); a server that cannot do this, or whose file has changed, sends
the whole again, and it begins from the start.

Where a server tells neither ETag nor Last-Modified, a changed file of the same size is noticed by its sum only.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from musictool.atomic import write_json
from musictool.errors import BadDownload
from musictool.fetching.asking import Broken, Changed, ask, blocks, check_address
from musictool.progress import Transfer

PAUSES_SECONDS = (1, 2, 4, 8, 15)  # before the tries that follow a broken one
PROGRESS_BYTES = 1 << 20  # a try that brought so much was none in vain

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Version:
    """Which version of which file has arrived in part."""

    address: str
    etag: str
    modified: str
    size_bytes: int | None

    @property
    def validator(self) -> str:
        """What If-Range takes: a weak ETag is none."""
        return self.modified if not self.etag or self.etag.startswith("W/") else self.etag


def download(address: str, path: Path, size_bytes: int | None, progress: Transfer) -> None:
    """Fetch `address` to `path`, going on with what an earlier call left.

    Args:
        address: of http or https.
        path: where the whole file shall lie.
        size_bytes: the size that is published, if one is; a server that offers another is refused at once.
        progress: called with how far it is.

    Raises:
        BadDownload: not there, not reachable, of another size, not enough disk; what has arrived is kept.
    """
    address, part, failures = check_address(address), _part(path), 0
    while True:
        before = _arrived(part)
        try:
            _receive(address, part, size_bytes, progress)
            break
        except Broken as broken:
            if isinstance(broken, Changed):
                part.unlink(missing_ok=True)
            failures = 1 if _arrived(part) - before >= PROGRESS_BYTES else failures + 1
            if failures > len(PAUSES_SECONDS):
                raise BadDownload(f"{address}: {broken}; what has arrived is kept, the same command goes on") from None
            pause = max(PAUSES_SECONDS[failures - 1], broken.pause_seconds)
            logger.info("%s: %s; trying again in %s s", address, broken, pause)
            time.sleep(pause)
    os.replace(part, path)
    _description(part).unlink(missing_ok=True)


def forget(path: Path) -> None:
    """Delete what has arrived of `path`, whole or not."""
    for leftover in (path, _part(path), _description(_part(path))):
        leftover.unlink(missing_ok=True)


def _receive(address: str, part: Path, size_bytes: int | None, progress: Transfer) -> None:
    """One try: request what is missing and write it."""
    known = _known(part, address)
    if known is not None and _arrived(part) == known.size_bytes:
        return
    with ask(address, _arrived(part) if known else 0, known.validator if known else "") as response:
        offset = _offset(response, known, _arrived(part))
        version = _version_of(response, address, offset)
        _check(response, version, size_bytes)
        _check_room(part, offset, version)
        if offset == 0:
            part.unlink(missing_ok=True)  # before its description changes: never the one's bytes under the other's name
            write_json(_description(part), asdict(version))
        total = size_bytes if version.size_bytes is None else version.size_bytes
        with open(part, "ab") as file:
            for arrived in _written(blocks(response), file, offset):
                progress("downloading", arrived, total)
                if total is not None and arrived >= total:  # Python 3.10 would wait on a line that stays open
                    break
    if total is not None and _arrived(part) > total:
        part.unlink()
        raise BadDownload(f"{address}: the server sends more than {total:,} bytes; the file has been changed")
    if total is not None and _arrived(part) < total:
        raise Broken(f"the connection broke after {_arrived(part):,} of {total:,} bytes")


def _written(blocks: Iterator[bytes], file: IO[bytes], offset: int) -> Iterator[int]:
    """How much has arrived, after each block that is in the system's hands."""
    yield offset
    for block in blocks:
        file.write(block)
        file.flush()
        offset += len(block)
        yield offset


def _offset(response: Any, known: _Version | None, arrived: int) -> int:
    """From which byte on the answer is: 0, or what has arrived. Raises Changed where it fits to neither."""
    if response.status != 206 or known is None:
        return 0
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip())
    etag = response.headers.get("ETag", "")
    same_size = match and (known.size_bytes is None or match[2] in ("*", str(known.size_bytes)))
    if match and int(match[1]) == arrived and same_size and (not etag or not known.etag or etag == known.etag):
        return arrived
    raise Changed("the file has changed meanwhile")


def _version_of(response: Any, address: str, offset: int) -> _Version:
    length = response.headers.get("Content-Length", "")
    return _Version(
        address,
        response.headers.get("ETag", ""),
        response.headers.get("Last-Modified", ""),
        offset + int(length) if length.isdecimal() else None,
    )


def _check(response: Any, version: _Version, size_bytes: int | None) -> None:
    if response.headers.get_content_type() == "text/html":
        raise BadDownload(
            f"{version.address}: the server sends a web page and no archive; try a browser, then --from FILE"
        )
    if None not in (size_bytes, version.size_bytes) and size_bytes != version.size_bytes:
        raise BadDownload(
            f"{version.address}: the server offers {version.size_bytes:,} bytes where {size_bytes:,} are published; "
            "the file has been changed"
        )


def _check_room(part: Path, offset: int, version: _Version) -> None:
    """Unpacked, the file will be at least as large again."""
    if version.size_bytes is None:
        return
    needed, free = 2 * version.size_bytes - offset, shutil.disk_usage(part.parent).free
    if needed > free:
        raise BadDownload(
            f"{part.parent}: {free / 1e9:,.1f} GB are free on this disk, at least {needed / 1e9:,.1f} GB are needed to "
            "download and unpack; MUSICTOOL_HOME can point to another disk"
        )


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _description(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _arrived(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _known(part: Path, address: str) -> _Version | None:
    """What is known of the part that is here; None where there is none to go on with."""
    with suppress(OSError, ValueError, TypeError):
        known = _Version(**json.loads(_description(part).read_text(encoding="utf-8")))
        if _arrived(part) and known.address == address and (known.validator or known.size_bytes is not None):
            return known
    return None
