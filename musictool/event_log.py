"""TensorBoard's event files, written by hand: `train --tensorboard` needs neither TensorBoard nor TensorFlow.

An event file is a run of records; a record is the length of its data (8 bytes), a checksum of these bytes, the data,
and a checksum of the data. The data is a protocol buffer, tensorflow.Event, of which five fields are used here:
wall_time, step, file_version, and in its summary the tag and the simple_value. Look at them with:
tensorboard --logdir saved_models
"""

from __future__ import annotations

import struct
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = "logs"
NAME = "events.out.tfevents.0.musictool"  # TensorBoard looks for the beginning
_HEAD, _FOOT = 12, 4  # bytes of a record before and behind its data
_VARINT, _DOUBLE, _BYTES, _FLOAT = 0, 1, 2, 5  # wire types
_MASK = 0xA282EAD8


def log_history(folder: Path, history: Sequence[Mapping[str, Any]]) -> None:
    """Append to the event file in `folder` what it lacks of a history: one event a row, each number of it a curve.

    What a killed run wrote by half is cut off first; so a run that was killed and resumed has each epoch once.

    Args:
        history: rows with a "stage" and an "epoch"; curves are called "stage/key".
    """
    path = folder / NAME
    folder.mkdir(parents=True, exist_ok=True)
    whole = _whole_records(path.read_bytes()) if path.exists() else [0]
    with open(path, "ab") as file:
        file.truncate(whole[-1])
        if len(whole) == 1:
            file.write(record(_event(0, _field(3, _BYTES, b"brain.Event:2"))))
        for row in history[max(0, len(whole) - 2) :]:
            file.write(record(_event(row["epoch"], _field(5, _BYTES, _summary(row)))))


def record(data: bytes) -> bytes:
    """Data as one record."""
    length = struct.pack("<Q", len(data))
    return length + _checksum(length) + data + _checksum(data)


def crc32c(data: bytes) -> int:
    """The checksum of RFC 3720 (Castagnoli), which no module of Python's own has."""
    table, crc = _table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _whole_records(content: bytes) -> list[int]:
    """0 and where each whole record ends."""
    ends = [0]
    while ends[-1] + _HEAD <= len(content):
        (length,) = struct.unpack_from("<Q", content, ends[-1])
        end = ends[-1] + _HEAD + length + _FOOT
        if end > len(content):
            break
        ends.append(end)
    return ends


def _summary(row: Mapping[str, Any]) -> bytes:
    values = b""
    for key, value in row.items():
        if key not in ("stage", "epoch") and isinstance(value, int | float):
            tag = _field(1, _BYTES, f"{row['stage']}/{key}".encode())
            values += _field(1, _BYTES, tag + _field(2, _FLOAT, struct.pack("<f", value)))
    return values


def _event(step: int, what: bytes) -> bytes:
    return _field(1, _DOUBLE, struct.pack("<d", time.time())) + _field(2, _VARINT, _varint(step)) + what


def _field(number: int, wire_type: int, value: bytes) -> bytes:
    length = _varint(len(value)) if wire_type == _BYTES else b""
    return _varint(number << 3 | wire_type) + length + value


def _varint(number: int) -> bytes:
    parts = []
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def _checksum(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF)


@cache
def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return tuple(table)
