"""Makes Ogg files reproducible: libsndfile takes the serial number of the stream from the clock.

A file is a sequence of pages (RFC 3533), each with the serial number of its stream and a checksum over itself; both are
rewritten, page by page.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import IO

STREAM_NUMBER = 1
HEADER_BYTES = 27  # "OggS", version, kind, position (8), stream (4), page (4), checksum (4), number of segments
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def renumber(path: Path) -> None:
    """Set the serial number of the one stream of a file to `STREAM_NUMBER`. Raises ValueError for any other file."""
    with path.open("r+b") as file:
        while head := file.read(HEADER_BYTES):
            if head[:4] != b"OggS" or len(head) < HEADER_BYTES:
                raise ValueError(f"{path} is not a sequence of Ogg pages")
            _renumber_page(file, head)


def _renumber_page(file: IO[bytes], head: bytes) -> None:
    lengths = file.read(head[26])
    body = file.read(sum(lengths))
    number = STREAM_NUMBER.to_bytes(4, "little")
    summed = checksum(head[:14] + number + head[18:22] + bytes(4) + head[26:] + lengths + body)
    after = file.tell()
    file.seek(after - len(body) - len(lengths) - HEADER_BYTES + 14)
    file.write(number + head[18:22] + summed.to_bytes(4, "little"))
    file.seek(after)


def checksum(page: bytes) -> int:
    """The CRC of RFC 3533: the polynomial of zlib with bits in the other order, and no initial or final inversion."""
    mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
