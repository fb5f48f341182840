"""The events of a MIDI track, split one by one and put into their legal form; for tracks that need mending."""

from __future__ import annotations

_NAME, _END, _TEMPO, _METRE, _KEY = 0x03, 0x2F, 0x51, 0x58, 0x59
_KEPT_META = {_NAME, _TEMPO, _METRE, _KEY}
_SYSTEM_DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # the other system messages carry none


class LostError(Exception):
    """The bytes from here on cannot be split into events."""


def event_at(data: bytes, at: int, end: int, running: int) -> tuple[bytes, int, int, bool]:
    """The event at `at`: its bytes (none: to be left out), where the next one is, its status, and if it was legal."""
    if at >= end:
        raise LostError
    status = data[at]
    if status >= 0x80:
        at += 1
    elif running:
        status = running
    else:
        raise LostError
    if status < 0xF0:
        after = at + (1 if status & 0xE0 == 0xC0 else 2)
        if after > end:
            raise LostError
        body = data[at:after]
        return bytes([status, *(min(byte, 0x7F) for byte in body)]), after, status, body.isascii()
    if status == 0xFF:
        return _meta(data, at, end)
    if status in (0xF0, 0xF7):
        length, at = number_at(data, at, end)
        if at + length > end:
            raise LostError
        return b"", at + length, 0xF0, True
    return b"", at + _SYSTEM_DATA_BYTES.get(status, 0), 0xF0, False


def _meta(data: bytes, at: int, end: int) -> tuple[bytes, int, int, bool]:
    """As `event_at`; status 0xFF without bytes means the end of the track, 0xF0 something that is left out."""
    if at >= end:
        raise LostError
    kind = data[at]
    length, start = number_at(data, at + 1, end)
    if start + length > end:
        raise LostError
    if kind == _END:
        return b"", end, 0xFF, True
    body = data[start : start + length]
    if kind not in _KEPT_META:
        return b"", start + length, 0xF0, True
    if not _possible(kind, body):
        return b"", start + length, 0xF0, False
    return data[at - 1 : start + length], start + length, 0xFF, True


def _possible(kind: int, body: bytes) -> bool:
    if kind == _TEMPO:
        return len(body) == 3 and any(body)
    if kind == _METRE:
        return len(body) == 4 and body[0] > 0 and body[1] <= 6
    if kind == _KEY:
        return len(body) == 2 and (body[0] <= 7 or body[0] >= 249) and body[1] <= 1
    return True


def number_at(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A variable-length number of one to four bytes, and where it ends."""
    value = 0
    for i in range(at, min(at + 4, end)):
        value = value << 7 | data[i] & 0x7F
        if data[i] < 0x80:
            return value, i + 1
    raise LostError


def delta_bytes(ticks: int) -> bytes:
    """A delta time; one too long for its four bytes is cut to the longest that fits."""
    ticks = min(ticks, 0x0FFFFFFF)
    out = [ticks & 0x7F]
    while ticks := ticks >> 7:
        out.append(ticks & 0x7F | 0x80)
    return bytes(reversed(out))
