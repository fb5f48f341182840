"""Score -> Standard MIDI file (format 1), with tempo, metre, key, programs, names and title.

Written byte by byte, for speed: mido can write all of this, but makes a Python object of every message. symusic, which
is fast, gives the 17th part the channel (and so the instrument) of the first, has no title, and does not separate notes
of one pitch that overlap. The same Score always gives the same bytes.

    track 0        the title, tempos, metres and keys
    tracks 1..     one per Track that has notes: its name, its program, its notes

Channels: drums have channel 10. Up to 15 pitched parts have one each; beyond that, parts of one program share one, and
beyond 15 programs the rest go to further MIDI ports (meta event 0x21), where a synthesiser with 16 channels only will
play them with other instruments. A Track is a track in the file whatever its channel.

Lost: tracks without notes; tempos are clipped to 3.6..60,000,000 quarter notes per minute, keys beyond 7 sharps or
flats are respelled, denominators of metres are rounded to a power of two.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from musictool.atomic import replacing
from musictool.music.grid import without_overlaps
from musictool.music.score import TICKS_PER_QUARTER, Score, Track

SUFFIXES = (".mid", ".midi")

DRUM_CHANNEL = 9
PITCHED_CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)
NOTE_OFF, NOTE_ON, PROGRAM = 0x80, 0x90, 0xC0
TITLE_OR_NAME, PORT, END, TEMPO, METRE, KEY = 0x03, 0x21, 0x2F, 0x51, 0x58, 0x59

Event = tuple[int, int, bytes]  # onset in ticks, rank among the events of one tick, message


def write(score: Score, path: Path) -> None:
    """Write a MIDI file, 480 ticks per quarter note. Overlaps of one pitch in one track are cut at the later onset."""
    with replacing(Path(path)) as partial:
        partial.write_bytes(to_bytes(score))


def to_bytes(score: Score) -> bytes:
    """The whole file."""
    notes = without_overlaps(score.notes)
    parts = [int(part) for part in np.unique(notes["track"])]
    channels = _channels([score.tracks[part] for part in parts])
    ports = any(port for port, _ in channels)
    chunks = [_chunk(_conductor(score))]
    for part, (port, channel) in zip(parts, channels, strict=True):
        port_event = [(0, 0, _meta(PORT, bytes([port])))] if ports else []
        chunks.append(_chunk(port_event + _part(score.tracks[part], notes[notes["track"] == part], channel)))
    header = b"MThd" + b"".join(n.to_bytes(size, "big") for n, size in ((6, 4), (1, 2), (len(chunks), 2)))
    return header + TICKS_PER_QUARTER.to_bytes(2, "big") + b"".join(chunks)


def _channels(tracks: list[Track]) -> list[tuple[int, int]]:
    """(port, channel) of each track."""
    pitched = [track for track in tracks if not track.is_drum]
    have_their_own = len(pitched) <= len(PITCHED_CHANNELS)
    numbers: dict[int, int] = {}  # by track, or by program if they share channels
    channels = []
    for i, track in enumerate(tracks):
        if track.is_drum:
            channels.append((0, DRUM_CHANNEL))
            continue
        port, channel = divmod(
            numbers.setdefault(i if have_their_own else track.program, len(numbers)), len(PITCHED_CHANNELS)
        )
        channels.append((port, PITCHED_CHANNELS[channel]))
    return channels


def _conductor(score: Score) -> list[Event]:
    """The events of track 0."""
    events = [(0, 0, _meta(TITLE_OR_NAME, score.title.encode()))] if score.title else []
    for onset, numerator, denominator in score.metres.tolist():
        power = max(0, round(np.log2(max(1, denominator))))
        clocks_per_click = min(255, max(1, 96 >> power))
        events.append((onset, 1, _meta(METRE, bytes([max(1, numerator), power, clocks_per_click, 8]))))
    for onset, sharps, minor in score.keys.tolist():
        if abs(sharps) > 7:
            sharps = (sharps + 5) % 12 - 5
        events.append((onset, 2, _meta(KEY, bytes([sharps % 256, minor]))))
    for onset, bpm in score.tempos.tolist():
        microseconds = round(min(0xFFFFFF, max(1.0, 60e6 / bpm)))
        events.append((onset, 3, _meta(TEMPO, microseconds.to_bytes(3, "big"))))
    return events


def _part(track: Track, notes: np.ndarray, channel: int) -> list[Event]:
    events = [(0, 1, _meta(TITLE_OR_NAME, track.name.encode()))] if track.name else []
    events.append((0, 2, bytes([PROGRAM | channel, track.program])))
    for onset, duration, pitch, velocity, _ in notes.tolist():
        events.append((onset, 4, bytes([NOTE_ON | channel, pitch, velocity])))
        events.append((onset + duration, 3, bytes([NOTE_OFF | channel, pitch, 64])))
    return events


def _chunk(events: Iterable[Event]) -> bytes:
    """One MTrk; at one tick note-offs come before note-ons, so that a repeated note is struck again."""
    body, now = [], 0
    for onset, _, message in sorted(events):
        body += [_variable_length(onset - now), message]
        now = onset
    content = b"".join([*body, b"\0", _meta(END, b"")])
    return b"MTrk" + len(content).to_bytes(4, "big") + content


def _meta(kind: int, content: bytes) -> bytes:
    return bytes([0xFF, kind]) + _variable_length(len(content)) + content


def _variable_length(number: int) -> bytes:
    """A variable-length quantity: seven bits per byte, the top bit set on all but the last."""
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(number & 0x7F | 0x80)
    return bytes(reversed(digits))
