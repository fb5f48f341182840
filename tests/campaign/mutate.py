"""Damage to music files, drawn from a generator: the same generator does the same damage."""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections.abc import Callable

ZIPPED = (".mxl", ".npz")
TEXT = (".abc", ".krn", ".xml", ".musicxml")
MOST_DAMAGES = 6  # to one file
MOST_REPEATED_BYTES = 4096
EXTREMES = (b"\0", b"\x7f", b"\x80", b"\xff", b"\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x80\0\0\0")
NUMBERS = (b"0", b"-1", b"1e9", b"2147483648", b"99999999999999999999", b"1/0", b"0.0000001", b"nan")
WORDS = (b"<", b">", b"&", b'"', b"|", b"[", b"]", b"{", b"}", b"\\", b"*", b"!", b"\r", b"\n\n", b"\t", b"\xe4")


def mutated(data: bytes, suffix: str, rng: random.Random) -> bytes:
    """A file with some damage; of an archive half of the time within a member, which is then packed again."""
    if suffix in ZIPPED and rng.random() < 0.5:
        return _within_archive(data, rng)
    damages = BINARY_DAMAGES + TEXT_DAMAGES if suffix in TEXT else BINARY_DAMAGES
    for _ in range(rng.randint(1, MOST_DAMAGES)):
        data = rng.choice(damages)(data, rng)
    return data


def _within_archive(data: bytes, rng: random.Random) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(sorted(members))
    inner = ".xml" if name.endswith((".xml", ".musicxml", ".json")) else ""
    members[name] = mutated(members[name], inner, rng)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return packed.getvalue()


def _place(data: bytes, rng: random.Random) -> int:
    return rng.randint(0, max(0, len(data) - 1))


def _run(data: bytes, rng: random.Random) -> tuple[int, int]:
    """Where a run of bytes begins and ends: most are short."""
    start = _place(data, rng)
    return start, min(len(data), start + int(2 ** rng.uniform(0, 10)))


def flip(data: bytes, rng: random.Random) -> bytes:
    """Turn one bit round."""
    at = _place(data, rng)
    return data[:at] + bytes([byte ^ 1 << rng.randrange(8) for byte in data[at : at + 1]]) + data[at + 1 :]


def overwrite(data: bytes, rng: random.Random) -> bytes:
    """Put what stands at the edge of a range, or anything, in the place of some bytes."""
    at, new = _place(data, rng), rng.choice([*EXTREMES, rng.randbytes(1), rng.randbytes(4)])
    return data[:at] + new + data[at + len(new) :]


def insert(data: bytes, rng: random.Random) -> bytes:
    """Put bytes between others."""
    at = _place(data, rng)
    return data[:at] + rng.choice([*EXTREMES, rng.randbytes(rng.randint(1, 64))]) + data[at:]


def delete(data: bytes, rng: random.Random) -> bytes:
    """Leave out a run of bytes."""
    start, stop = _run(data, rng)
    return data[:start] + data[stop:]


def repeat(data: bytes, rng: random.Random) -> bytes:
    """Say a run of bytes several times."""
    start, stop = _run(data, rng)
    times = min(rng.randint(2, 50), max(2, MOST_REPEATED_BYTES // max(1, stop - start)))
    return data[:start] + data[start:stop] * times + data[stop:]


def move(data: bytes, rng: random.Random) -> bytes:
    """Put a run of bytes elsewhere."""
    start, stop = _run(data, rng)
    rest = data[:start] + data[stop:]
    at = _place(rest, rng)
    return rest[:at] + data[start:stop] + rest[at:]


def truncate(data: bytes, rng: random.Random) -> bytes:
    """Break off."""
    return data[: _place(data, rng)]


def change_number(data: bytes, rng: random.Random) -> bytes:
    """Write another number."""
    found = [*re.finditer(rb"\d+", data)]
    if not found:
        return data
    match = rng.choice(found)
    return data[: match.start()] + rng.choice(NUMBERS) + data[match.end() :]


def drop_line(data: bytes, rng: random.Random) -> bytes:
    """Leave out a line."""
    lines = data.split(b"\n")
    del lines[rng.randrange(len(lines))]
    return b"\n".join(lines)


def swap_lines(data: bytes, rng: random.Random) -> bytes:
    """Two lines, each in the other's place."""
    lines = data.split(b"\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


def insert_sign(data: bytes, rng: random.Random) -> bytes:
    """Put a sign that means something somewhere."""
    at = _place(data, rng)
    return data[:at] + rng.choice(WORDS) + data[at:]


Damage = Callable[[bytes, random.Random], bytes]
BINARY_DAMAGES: tuple[Damage, ...] = (flip, overwrite, insert, delete, repeat, move, truncate)
TEXT_DAMAGES: tuple[Damage, ...] = (change_number, drop_line, swap_lines, insert_sign)
