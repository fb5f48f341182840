"""MIDI through symusic: C++, a column of numbers at a time. The fastest by far, and the default."""

from __future__ import annotations

import re

import numpy as np

from musictool.music.score import KEY, METRE, TEMPO, Track
from musictool.readers import _midi_parts as midi_parts
from musictool.readers._midi_events import number_at
from musictool.readers._midi_parts import PEDAL_DOWN, SUSTAIN_PEDAL, Parsed, Part, clean

_MARGIN = bytes(16)  # so that a number cut off by the end of the file ends in memory that is ours

# a system exclusive message, then a delta time, then a data byte where a status byte is due
_SYSEX_RUN_ON = re.compile(rb"\xf0(?=([\x80-\xff]{0,3}[\x00-\x7f]+\xf7)[\x80-\xff]{0,3}[\x00-\x7f]{2})")

_NO_TEMPOS, _NO_METRES, _NO_KEYS = np.zeros(0, TEMPO), np.zeros(0, METRE), np.zeros(0, KEY)


def parse(data: bytes) -> Parsed:
    """A MIDI file's bytes, parsed.

    symusic pairs a note-off with the oldest open note of its pitch and channel, leaves out notes that are never
    released, reads the tracks of a format 2 file as if they sounded together, and data bytes above 127 as 127. (Without
    `sanitize_data` symusic 0.5.9 indexes its tables with them and can crash the process.)

    Raises:
        RuntimeError: symusic refuses the bytes.
        ValueError: the chunks do not fit the file, there is no resolution, or running status goes on behind a system
            exclusive message, where symusic silently loses notes.
    """
    import symusic

    data = data[: _chunks_bytes(data)]
    if _runs_on(data):
        raise ValueError("running status behind a system exclusive message")
    score = symusic.Score.from_midi(data + _MARGIN, sanitize_data=True)
    if score.ticks_per_quarter < 1:
        raise ValueError("no resolution")
    parts = [_part(track) for track in score.tracks]
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
    return Parsed(score.ticks_per_quarter, parts, tempos, metres, keys)


def _chunks_bytes(data: bytes) -> int:
    """How many bytes the chunks fill, which is all but a few stray ones behind the last.

    symusic 0.5.9 trusts the lengths of chunks and can crash the process. Raises ValueError where they do not fit.
    """
    at = 14 if data[:8] == b"MThd\0\0\0\6" else len(data) + 1
    while at + 8 <= len(data):
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "big")
    if at > len(data):
        raise ValueError("chunks that do not fit the file")
    return at


def _runs_on(data: bytes) -> bool:
    """Whether running status goes on behind a whole system exclusive message; f7 packets are not looked at."""
    if b"\xf0" not in data:
        return False
    for match in _SYSEX_RUN_ON.finditer(data):
        message = match[1]
        length, start = number_at(message, 0, len(message))
        if start + length == len(message):
            return True
    return False


def _part(track: object) -> Part:
    columns = track.notes.numpy()  # type: ignore[attr-defined]
    identity = Track(track.program, track.is_drum, clean(track.name))  # type: ignore[attr-defined]
    pedal_onset = pedal_value = None
    if track.controls:  # type: ignore[attr-defined]
        controls = track.controls.numpy()  # type: ignore[attr-defined]
        pedal = controls["number"] == SUSTAIN_PEDAL
        if (controls["value"][pedal] >= PEDAL_DOWN).any():
            pedal_onset, pedal_value = controls["time"][pedal], controls["value"][pedal]
    notes = columns["time"], columns["duration"], columns["pitch"], columns["velocity"]
    return Part(identity, *notes, pedal_onset, pedal_value)
