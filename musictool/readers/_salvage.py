"""Malformed MIDI, made well-formed: what the file still says is kept, what no parser could read is left out.

Kept in order: every note, program, controller, name, tempo, metre and key change up to the first place where a track
cannot be followed. Mended: leading bytes before the header (RIFF and MacBinary wrappers), a header of another length,
wrong chunk lengths, foreign chunks, a missing end of track, running status across other messages, status bytes that
files may not hold (f1 to f6, f8 to fe), data bytes above 127 (they become 127), meta events that say nothing possible.
Times in SMPTE frames become ticks of 120 quarter notes per minute. Left out: system exclusive messages.
"""

from __future__ import annotations

import struct
from collections import Counter

from musictool.errors import BadFile
from musictool.readers._midi_events import LostError, delta_bytes, event_at, number_at

HEADER_WITHIN = 4096  # bytes from the file's start; wrappers are shorter
FRAME_RATES = {24: 24.0, 25: 25.0, 29: 30000 / 1001, 30: 30.0}  # SMPTE code -> frames a second
DEFAULT_RESOLUTION = 480
END_OF_TRACK = b"\x00\xff\x2f\x00"


def mend(data: bytes) -> tuple[bytes, list[str]]:
    """A well-formed format 1 file with the same music, and what had to be mended, such as "track 3 truncated".

    A note that still sounds where a track breaks off ends there. For a sound file the list is empty. Takes about a
    second a megabyte and never more than a few times the file's size in memory.

    Raises:
        BadFile: "empty", "not MIDI", "truncated" (before the first track), "SMPTE time" (of an unknown frame rate).
    """
    if not data.strip(b"\0"):
        raise BadFile("empty")
    at = data.find(b"MThd", 0, HEADER_WITHIN)
    if at < 0:
        raise BadFile("not MIDI", "there is no MThd header")
    faults = [f"{at} bytes before the header"] if at else []
    data = data[at:]
    if len(data) < 14:
        raise BadFile("truncated", "inside the header")
    header_length, _, expected, division = struct.unpack(">IHHh", data[4:14])
    if header_length != 6:
        faults.append("header length wrong")
    resolution, tempo = _resolution(division, faults)
    tracks = _tracks(data, 8 + (header_length if 6 <= header_length <= 64 else 6), bool(tempo), faults)
    if not tracks:
        raise BadFile("truncated" if expected else "no notes", "before the first track")
    tracks[0] = tempo + tracks[0]
    header = struct.pack(">4sIHHH", b"MThd", 6, 1, min(len(tracks), 0xFFFF), resolution)
    chunks = (struct.pack(">4sI", b"MTrk", len(track)) + track for track in tracks[:0xFFFF])
    return header + b"".join(chunks), faults


def _resolution(division: int, faults: list[str]) -> tuple[int, bytes]:
    """Ticks a quarter note, and the tempo event that makes it so where the file counts in SMPTE frames."""
    if division > 0:
        return division, b""
    if division == 0:
        faults.append("no resolution")
        return DEFAULT_RESOLUTION, b""
    code, ticks_per_frame = -(division >> 8), division & 0xFF
    if code not in FRAME_RATES or not ticks_per_frame:
        raise BadFile("SMPTE time", f"of {code} frames a second and {ticks_per_frame} ticks a frame")
    ticks_per_second = FRAME_RATES[code] * ticks_per_frame
    resolution = max(1, round(ticks_per_second / 2))
    return resolution, b"\x00\xff\x51\x03" + round(1e6 * resolution / ticks_per_second).to_bytes(3, "big")


def _tracks(data: bytes, at: int, drop_tempos: bool, faults: list[str]) -> list[bytes]:
    """The events of each MTrk chunk from `at` on, mended."""
    tracks: list[bytes] = []
    while at + 8 <= len(data):
        name, length = struct.unpack(">4sI", data[at : at + 8])
        if name != b"MTrk":
            following = data.find(b"MTrk", at)
            if following < 0:
                break
            sound = _is_chunk(data, at) and at + 8 + length <= following
            at = max(following, at + 1)
            if not sound:
                faults.append("bytes between chunks")
            continue
        end = _chunk_end(data, at + 8, length)
        track, fault = _track(data, at + 8, end, end == at + 8 + length, drop_tempos)
        if fault == "broken":
            fault = "truncated" if at + 8 + length > len(data) else "damaged"
        if fault:
            faults.append(f"track {len(tracks) + 1} {fault}")
        tracks.append(track)
        at = end
    return tracks


def _chunk_end(data: bytes, start: int, length: int) -> int:
    """Where the chunk ends: where its length says if another chunk or nothing follows, else before the next track."""
    end = start + length
    if end == len(data) or _is_chunk(data, end):
        return end
    following = data.find(b"MTrk", start)
    return following if following >= 0 else len(data)


def _is_chunk(data: bytes, at: int) -> bool:
    name = data[at : at + 4]
    return len(name) == 4 and name.isascii() and name.decode("ascii").isprintable()


def _track(data: bytes, at: int, end: int, whole: bool, drop_tempos: bool) -> tuple[bytes, str]:
    """The events in `data[at:end]` with full status bytes and an end of track, and what was wrong with them.

    A `whole` track may do without its end of track; another is broken where its bytes end.
    """
    out = bytearray()
    waiting = running = illegal = 0
    sounding: Counter[tuple[int, int]] = Counter()
    fault = ""
    try:
        while at < end:
            delta, at = number_at(data, at, end)
            event, at, status, fine = event_at(data, at, end, running)
            waiting += delta
            illegal += not fine
            if status < 0xF0:
                running = status
            if status == 0xFF and not event:
                break
            if not event or (drop_tempos and event.startswith(b"\xff\x51")):
                continue
            out += delta_bytes(waiting) + event
            waiting = 0
            if status & 0xE0 == 0x80:
                _follow(sounding, event)
        else:
            if not whole:
                raise LostError
    except LostError:
        fault = "broken"
        for (channel, pitch), count in sounding.items():
            out += bytes([0, 0x80 | channel, pitch, 0]) * max(0, count)
    if illegal and not fault:
        fault = f"had {illegal} illegal event{'s' * (illegal > 1)}"
    return bytes(out) + (delta_bytes(waiting) + END_OF_TRACK[1:] if not fault else END_OF_TRACK), fault


def _follow(sounding: Counter[tuple[int, int]], event: bytes) -> None:
    """Count a note on, or a note off if one is open."""
    key = (event[0] & 0x0F, event[1])
    if event[0] >= 0x90 and event[2]:
        sounding[key] += 1
    elif sounding[key]:
        sounding[key] -= 1
