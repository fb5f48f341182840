"""The music of a MIDI file, written again as plainly as can be: for the parsers that read only what is plain."""

from __future__ import annotations

import struct

from musictool.readers._midi_events import KEY, METRE, NAME, TEMPO, number_bytes
from musictool.readers._midi_parts import DRUM_CHANNEL, Parsed, Part

_OFF, _ON, _PROGRAM = 0x80, 0x90, 0xC0
_END = b"\x00\xff\x2f\x00"

Event = tuple[int, int, bytes]  # time in ticks, rank among the events of one time, message


def to_bytes(parsed: Parsed) -> bytes:
    """A format 1 file of the same resolution: a track of tempos, metres and keys, then one for each part."""
    tracks = [_tables(parsed), *map(_part, parsed.parts)][:0xFFFF]
    header = struct.pack(">4sIHHH", b"MThd", 6, 1, len(tracks), parsed.resolution)
    return header + b"".join(map(_chunk, tracks))


def _tables(parsed: Parsed) -> list[Event]:
    tempos = [
        (onset, 0, _meta(TEMPO, round(min(0xFFFFFF, 60e6 / bpm)).to_bytes(3, "big")))
        for onset, bpm in parsed.tempos.tolist()
    ]
    metres = [
        (onset, 0, _meta(METRE, bytes([numerator, denominator.bit_length() - 1, 24, 8])))
        for onset, numerator, denominator in parsed.metres.tolist()
    ]
    keys = [(onset, 0, _meta(KEY, bytes([sharps % 256, minor]))) for onset, sharps, minor in parsed.keys.tolist()]
    return tempos + metres + keys


def _part(part: Part) -> list[Event]:
    channel = DRUM_CHANNEL if part.track.is_drum else 0
    events = [(0, 0, _meta(NAME, part.track.name.encode())), (0, 0, bytes([_PROGRAM | channel, part.track.program]))]
    columns = (part.onset, part.duration, part.pitch, part.velocity)
    for onset, duration, pitch, velocity in zip(*(column.tolist() for column in columns), strict=True):
        # a release comes before what is struck at the same time, unless that is the very note
        events.append((onset, 2, bytes([_ON | channel, pitch, velocity])))
        events.append((onset + duration, 1 if duration else 3, bytes([_OFF | channel, pitch, 0])))
    return events


def _chunk(events: list[Event]) -> bytes:
    pieces, now = [], 0
    for time, _, message in sorted(events, key=lambda event: event[:2]):
        pieces += [number_bytes(time - now), message]
        now = time
    content = b"".join([*pieces, _END])
    return struct.pack(">4sI", b"MTrk", len(content)) + content


def _meta(kind: int, body: bytes) -> bytes:
    return bytes([0xFF, kind]) + number_bytes(len(body)) + body
