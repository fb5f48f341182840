"""Plain MIDI through symusic: C++, a column of numbers at a time, and a hundred times faster than reading events here.

symusic 0.6 reads each track for itself. What the MIDI specification gives to a channel and not to a track it does not
know: a release, a pedal or a program that stands in another track, All Notes Off. It drops notes that are never
released, and what stands behind f7 packets comes late. `parse` gives None for a file in which any of this could
matter, which `_midi_events` and `_midi_channels` then read; the other files, which are most, are right as symusic reads
them.

What symusic hides is found out with probes. Far behind the end of each track stand, for each channel that may be used
in it, a release of every key and then one short note whose pitch is the channel's number. So a note that lasts until
there was never released, and the note found there says which channel the part has.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from typing import Any

import numpy as np

from musictool.music.score import KEY, METRE, TEMPO, Track
from musictool.readers import _midi_parts as midi_parts
from musictool.readers._midi_events import LostError, is_reset, number_at, read_track
from musictool.readers._midi_parts import (
    ALL_SOUND_OFF,
    LOCAL_CONTROL,
    PEDAL_DOWN,
    SUSTAIN_PEDAL,
    Parsed,
    Part,
    clean,
)
from musictool.reading import MAX_QUARTERS

_MARGIN = bytes(16)  # so that a number cut off by the end of the file ends in memory that is ours
_END = b"\xff\x2f\x00"
_FAR = 1 << 27  # ticks; no sound file is as long
_MAX_RESOLUTION = _FAR // MAX_QUARTERS  # ticks per quarter note; up to here whatever lasts as long is "too long"
_TEXT = b"\xff\x01\x00"  # an empty one
_WAIT = b"\xff\xff\xff\x7f" + _TEXT  # 2^28 - 1 ticks
_PROGRAM = 0xC0
_OTHER_BYTES = bytes(byte for byte in range(256) if byte >> 4 not in (0x9, 0xB, 0xC))  # than of notes on and controls

_MAX_PACKETS = 10_000  # more are not looked through
_PACKET = re.compile(rb"[\x00-\x7f][\xf0\xf7]")

_NO_TEMPOS, _NO_METRES, _NO_KEYS = np.zeros(0, TEMPO), np.zeros(0, METRE), np.zeros(0, KEY)


def parse(data: bytes) -> Parsed | None:
    """A plain MIDI file's bytes, parsed; None for a file that needs a closer look.

    A file with notes that are never released is not plain, but known by their length: `build` refuses it as "too long".

    Data bytes above 127 would be read as 127. (Without `sanitize_data` symusic indexes its tables with them and can
    crash the process.)
    """
    import symusic

    spans = _tracks(data)
    if spans is None or not _messages_are_plain(data):
        return None
    probed, probes = _with_probes(data, spans)
    try:
        score = symusic.Score.from_midi(probed, sanitize_data=True)
    except (RuntimeError, ValueError):
        return None
    parts = _parts(score.tracks, probes)
    if parts is None or not 0 < score.ticks_per_quarter <= _MAX_RESOLUTION or _holds_mended_bytes(data, parts):
        return None
    tempos, metres, keys = _NO_TEMPOS, _NO_METRES, _NO_KEYS
    if score.tempos:
        columns = score.tempos.numpy()
        tempos = midi_parts.tempos(columns["time"], columns["mspq"])
    if score.time_signatures:
        columns = score.time_signatures.numpy()
        metres = midi_parts.metres(columns["time"], columns["numerator"], columns["denominator"])
    if score.key_signatures:
        columns = score.key_signatures.numpy()
        keys = midi_parts.keys(columns["time"], columns["key"], columns["tonality"])
    if len(tempos) + len(metres) + len(keys) < len(score.tempos) + len(score.time_signatures) + len(
        score.key_signatures
    ):
        return None  # impossible ones, which are to be remarked on
    return Parsed(score.ticks_per_quarter, parts, tempos, metres, keys)


def _tracks(data: bytes) -> list[tuple[int, int]] | None:
    """Where each track's events begin and end; None unless all is as the header says, but for a few bytes at the end.

    symusic trusts the lengths of chunks and can crash the process.
    """
    if len(data) < 14 or data[:8] != b"MThd\0\0\0\6" or data[8] or data[9] > 1:
        return None
    spans = []
    at = 14
    while at + 8 <= len(data):
        begin, name = at + 8, data[at : at + 4]
        at = begin + int.from_bytes(data[at + 4 : begin], "big")
        if name == b"MTrk":
            if data.find(_END, begin, at) != at - len(_END):
                return None
            spans.append((begin, at))
        elif name == b"MThd":
            return None
    return spans if at <= len(data) and len(spans) == int.from_bytes(data[10:12], "big") else None


def _messages_are_plain(data: bytes) -> bool:
    """Whether system exclusive messages are whole, have one packet each and a status byte after them, and end no note.

    The bytes f0 and f7 may also be part of a delta time; then what would be the message's end is no place for one.
    """
    if b"\xf0" not in data and b"\xf7" not in data:
        return True
    at = seen = 0
    while found := _PACKET.search(data, at):
        seen += 1
        if seen > _MAX_PACKETS:
            return False
        begin = at = found.end()
        try:
            length, start = number_at(data, begin, len(data))
            _, status_at = number_at(data, start + length, len(data))
        except LostError:
            continue
        message = data[start : start + length]
        is_whole = found[0][-1] == 0xF0 and message[-1:] == b"\xf7" and message[:-1].isascii()
        if status_at < len(data) and data[status_at] >= 0x80:
            if is_whole and is_reset(message) and _time(data, start + length):
                return False
            if is_whole:
                at = start + length
            elif found[0][-1] == 0xF7 or message.isascii():
                return False
        elif is_whole:
            return False
    return True


def _time(data: bytes, end: int) -> int:
    """When the event comes, in ticks, whose bytes end at `end`."""
    return read_track(data, data.rfind(b"MTrk", 0, end) + 8, end).end


def _with_probes(data: bytes, spans: list[tuple[int, int]]) -> tuple[bytes, list[bool]]:
    """The file with probes behind its tracks, and for each of them if the program of its channel may be set there."""
    pieces: list[bytes] = [data[:14]]
    probes: list[bool] = []
    for begin, end in spans:
        body, behind = data[begin : end - len(_END)], _END
        found = set(body.translate(None, _OTHER_BYTES))  # status bytes, or delta times like them
        if found:
            channels = sorted({byte & 0x0F for byte in found})
            behind = b"".join([_TEXT, _WAIT, *map(_probe, channels), b"\0", _END])
            probes += [_PROGRAM | channel in found for channel in channels]
        pieces += [b"MTrk", (len(body) + len(behind)).to_bytes(4, "big"), body, behind]
    return b"".join([*pieces, _MARGIN]), probes


@cache
def _probe(channel: int) -> bytes:
    """Events that release every key of a channel and then strike and release the key of its number."""
    off, on = 0x80 | channel, 0x90 | channel
    releases = b"".join(bytes([0, pitch, 0]) for pitch in range(1, 128))
    return bytes([0, off, 0, 0]) + releases + bytes([0, on, channel, 1, 1, off, channel, 0])


def _parts(tracks: Any, probes: list[bool]) -> list[Part] | None:
    """The parts without their probes; None where a channel's other tracks, or All Notes Off, could matter."""
    if len(tracks) != len(probes):
        return None  # programs change on the way, or symusic lost its way
    parts: list[Part] = []
    channels: dict[int, list[tuple[int, bool]]] = defaultdict(list)  # of each part: its program, and if it has a pedal
    for track, has_program in zip(tracks, probes, strict=True):
        columns = track.notes.numpy()
        onset, duration, pitch = columns["time"], columns["duration"], columns["pitch"]
        count = len(onset) - 1
        if count < 0 or onset[count] < _FAR:
            return None
        pedal = _pedal(track) if track.controls else ()
        if pedal is None:
            return None
        if count or pedal or has_program:
            channels[int(pitch[count])].append((0 if track.is_drum else track.program, bool(pedal)))
        if count:
            name = track.name
            if "\ufffd" in name:
                return None
            identity = Track(track.program, track.is_drum, clean(name))
            velocity = columns["velocity"][:count]
            parts.append(Part(identity, onset[:count], duration[:count], pitch[:count], velocity, *pedal))
    return None if any(map(_interfere, channels.values())) else parts


def _interfere(parts: list[tuple[int, bool]]) -> bool:
    """Whether parts of one channel, in several tracks, have pedals or different programs."""
    return len(parts) > 1 and any(pedal or program != parts[0][0] for program, pedal in parts)


def _pedal(track: Any) -> tuple[np.ndarray, ...] | None:
    """When the sustain pedal moves, and to where; empty without one, None where mode messages could matter."""
    controls = track.controls.numpy()
    number = controls["number"]
    modes = (number >= ALL_SOUND_OFF) & (number != LOCAL_CONTROL) & (controls["time"] > 0)
    is_pedal = number == SUSTAIN_PEDAL
    presses = bool((controls["value"][is_pedal] >= PEDAL_DOWN).any())
    if modes.any():
        return None
    return (controls["time"][is_pedal], controls["value"][is_pedal]) if presses else ()


def _holds_mended_bytes(data: bytes, parts: list[Part]) -> bool:
    """Whether more notes have a velocity or pitch of 127 than there are such bytes: others stood there."""
    highest = sum(part.velocity.tobytes().count(127) + part.pitch.tobytes().count(127) for part in parts)
    return highest > data.count(127)
