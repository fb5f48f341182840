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
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from musictool.music.score import KEY, METRE, TEMPO, Track
from musictool.readers import _midi_parts as midi_parts
from musictool.readers._midi_events import LostError, is_reset, number_at, read_track
from musictool.readers._midi_parts import (
    ALL_SOUND_OFF,
    DRUM_CHANNEL,
    LOCAL_CONTROL,
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
_PORT = re.compile(rb"\xff(?:\x09|\x21\x01[^\x00])")  # what sets the device of a track, or another port than the first
_OTHER_BYTES = bytes(byte for byte in range(256) if byte >> 4 not in (0x9, 0xB, 0xC))  # than of notes on and controls

_SYSTEM = re.compile(
    rb"[\x00-\x7f][\xf1-\xf6\xf8-\xfe]"
)  # a message that no file may hold; or a long delta time, or text
_LEGAL_BYTES = bytes({*range(256)} - {*range(0xF1, 0xF7), *range(0xF8, 0xFF)})
_LONG = re.compile(rb"[\x80-\xff]{4}")  # a delta time of more than four bytes; or tempo and delta time, or text
_HIGHEST_BITS = bytes([0] * 128 + [0x80] * 128)

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
    if spans is None or not _messages_are_plain(data) or _has_illegal_events(data, spans):
        return None
    probed, probes = _with_probes(data, spans)
    try:
        score = symusic.Score.from_midi(probed, sanitize_data=True)
    except (RuntimeError, ValueError):
        return None
    parts = _parts(data, score.tracks, probes)
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


def _has_illegal_events(data: bytes, spans: list[tuple[int, int]]) -> bool:
    """Whether there are system messages that files may not hold, which symusic mostly leaves out without a word, or
    delta times that are too long, of which it reads the beginning."""
    patterns = [_SYSTEM] if data.translate(None, _LEGAL_BYTES) else []
    patterns += [_LONG] if b"\x80\x80\x80\x80" in data.translate(_HIGHEST_BITS) else []
    for begin, end in spans if patterns else ():
        last = max((match.end() for pattern in patterns for match in pattern.finditer(data, begin, end)), default=0)
        if last and _meets_illegal(data, begin, last):
            return True
    return False


def _meets_illegal(data: bytes, at: int, stop: int) -> bool:
    """Whether an illegal system message or delta time begins before `stop`, for a track that begins at `at`: event by
    event, but only as far as it must be, as this is slow. Where it gets lost, that needs a closer look too."""
    length = 0  # of the data of a channel message
    try:
        while at < stop:
            first = at
            while data[at] >= 0x80:  # the delta time
                at += 1
            if at - first > 3:
                return True
            status = data[at + 1]
            if status < 0x80:
                at += 1 + length
            elif status < 0xF0:
                length = 1 if status >> 5 == 0b110 else 2
                at += 2 + length
            elif status in (0xF0, 0xF7, 0xFF):
                size, start = number_at(data, at + 2 + (status == 0xFF), len(data))
                at = start + size
            else:
                return True
    except (LostError, IndexError):
        return True
    return False


def _time(data: bytes, end: int) -> int:
    """When the event comes, in ticks, whose bytes end at `end`."""
    return read_track(data, data.rfind(b"MTrk", 0, end) + 8, end).end


class _Probe(NamedTuple):
    """The note behind a track that says which part is that of a channel."""

    channel: int
    sets_program: bool  # perhaps
    span: tuple[int, int]  # of the track's events


def _with_probes(data: bytes, spans: list[tuple[int, int]]) -> tuple[bytes, list[_Probe]]:
    """The file with probes behind its tracks, and these, in the order in which symusic gives the parts."""
    pieces: list[bytes] = [data[:14]]
    probes: list[_Probe] = []
    for begin, end in spans:
        body, behind = data[begin : end - len(_END)], _END
        found = set(body.translate(None, _OTHER_BYTES))  # status bytes, or delta times like them
        if found:
            channels = sorted({byte & 0x0F for byte in found})
            behind = b"".join([_TEXT, _WAIT, *map(_probe, channels), b"\0", _END])
            probes += [_Probe(channel, _PROGRAM | channel in found, (begin, end)) for channel in channels]
        pieces += [b"MTrk", (len(body) + len(behind)).to_bytes(4, "big"), body, behind]
    return b"".join([*pieces, _MARGIN]), probes


@cache
def _probe(channel: int) -> bytes:
    """Events that release every key of a channel and then strike and release the key of its number."""
    off, on = 0x80 | channel, 0x90 | channel
    releases = b"".join(bytes([0, pitch, 0]) for pitch in range(1, 128))
    return bytes([0, off, 0, 0]) + releases + bytes([0, on, channel, 1, 1, off, channel, 0])


class _Share(NamedTuple):
    """What one track has of a channel."""

    probe: _Probe
    part: int  # its number, -1 where it has no notes
    program: int
    pedal: tuple[np.ndarray, ...]  # when it moves and to where; or empty


def _parts(data: bytes, tracks: Any, probes: list[_Probe]) -> list[Part] | None:
    """The parts without their probes; None where All Notes Off could matter, or a channel's other tracks too much."""
    if len(tracks) != len(probes):
        return None  # programs change on the way, or symusic lost its way
    parts: list[Part] = []
    channels: dict[int, list[_Share]] = {}
    for track, probe in zip(tracks, probes, strict=True):
        columns = track.notes.numpy()
        onset, duration, pitch = columns["time"], columns["duration"], columns["pitch"]
        count = len(onset) - 1
        if count < 0 or onset[count] < _FAR or pitch[count] != probe.channel:
            return None
        pedal = _pedal(track) if track.controls else ()
        if pedal is None:
            return None
        if count or pedal or probe.sets_program:
            share = _Share(probe, len(parts) if count else -1, track.program, pedal)
            channels.setdefault(probe.channel, []).append(share)
        if count:
            name = track.name
            if "\ufffd" in name:
                return None
            identity = Track(track.program, track.is_drum, clean(name))
            velocity = columns["velocity"][:count]
            parts.append(Part(identity, onset[:count], duration[:count], pitch[:count], velocity, *pedal))
    for channel, shares in channels.items():
        if len(shares) > 1 and not _share_settings(data, parts, shares, channel == DRUM_CHANNEL):
            return None
    return parts


def _share_settings(data: bytes, parts: list[Part], shares: list[_Share], is_drum: bool) -> bool:
    """Let the parts of one channel have its pedal and program from whatever track; False where that is not plain."""
    own = [share for share in shares if share.part >= 0]
    programs = {share.program for share in shares}
    has_pedal = not is_drum and any(share.pedal for share in shares)
    if not own or (len(programs) == 1 and not has_pedal):
        return True
    if _PORT.search(data) or any(parts[share.part].duration.max() >= _FAR for share in own):
        return False
    if len(programs) > 1 and not _share_program(data, parts, shares, own):
        return False
    if has_pedal:
        _hold(parts, shares, [share.part for share in own])
    return True


def _share_program(data: bytes, parts: list[Part], shares: list[_Share], own: list[_Share]) -> bool:
    """Let parts without a program have the one that a track without notes sets at its begin; False elsewhere."""
    if any(share.probe.sets_program for share in own) and (len(own) > 1 or not own[0].program):
        return False
    sets = 0
    for share in shares:
        if share.part < 0 and share.probe.sets_program:
            events = read_track(data, *share.probe.span)
            changes = events.status == _PROGRAM | share.probe.channel
            if events.time[changes].any():
                return False
            sets = int(events.data1[changes][-1]) if changes.any() else sets
    for share in own:
        track = parts[share.part].track
        parts[share.part] = parts[share.part]._replace(track=replace(track, program=share.program or sets))
    return True


def _hold(parts: list[Part], shares: list[_Share], numbers: list[int]) -> None:
    """Let the pedal of all tracks hold the notes of a channel's parts."""
    times, values = (np.concatenate([share.pedal[i] for share in shares if share.pedal]) for i in range(2))
    order = np.argsort(times, kind="stable")
    onset, duration, pitch = (
        np.concatenate([getattr(parts[number], name) for number in numbers]).astype(np.int64)
        for name in ("onset", "duration", "pitch")
    )
    ends = midi_parts.hold(onset, onset + duration, pitch, times[order], values[order])
    begin = 0
    for number in numbers:
        span = slice(begin, begin + len(parts[number].onset))
        parts[number] = Part(
            parts[number].track, onset[span], ends[span] - onset[span], parts[number].pitch, parts[number].velocity
        )
        begin = span.stop


def _pedal(track: Any) -> tuple[np.ndarray, ...] | None:
    """When the sustain pedal moves, and to where; empty without one, None where mode messages could matter."""
    controls = track.controls.numpy()
    number = controls["number"]
    modes = (number >= ALL_SOUND_OFF) & (number != LOCAL_CONTROL) & (controls["time"] > 0)
    is_pedal = number == SUSTAIN_PEDAL
    if modes.any():
        return None
    return (controls["time"][is_pedal], controls["value"][is_pedal]) if is_pedal.any() else ()


def _holds_mended_bytes(data: bytes, parts: list[Part]) -> bool:
    """Whether more notes have a velocity or pitch of 127 than there are such bytes: others stood there."""
    highest = sum(part.velocity.tobytes().count(127) + part.pitch.tobytes().count(127) for part in parts)
    return highest > data.count(127)
