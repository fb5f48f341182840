"""MIDI, written plainly, through the event reader of music21, whose stream conversion would quantise the notes.

It copies the rest of the track at every event: fine for a song, slow for a track of a megabyte.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Any

import numpy as np

from musictool.music.score import Track
from musictool.readers import _midi_parts as midi_parts
from musictool.readers._midi_parts import DRUM_CHANNEL, Parsed, Part, decode

_NAME, _TEMPO, _METRE, _KEY = 0x03, 0x51, 0x58, 0x59  # meta events
_OFF, _ON, _PROGRAM = 0x80, 0x90, 0xC0  # channel messages


def parse(data: bytes) -> Parsed:
    """A MIDI file's bytes, parsed; notes are paired as symusic pairs them.

    Raises:
        Exception: whatever music21 raises at bytes that it does not understand.
    """
    from music21 import midi

    file = midi.MidiFile()
    file.readstr(data)
    parts: list[Part] = []
    tables: dict[int, list[tuple[int, ...]]] = {_TEMPO: [], _METRE: [], _KEY: []}
    for track in file.tracks:
        parts += _parts(track, tables)
    tempos, metres, keys = (
        np.array(tables[kind], np.int64).reshape(-1, width).T for kind, width in ((_TEMPO, 2), (_METRE, 3), (_KEY, 3))
    )
    return Parsed(
        file.ticksPerQuarterNote,
        parts,
        midi_parts.tempos(*tempos),
        midi_parts.metres(*metres),
        midi_parts.keys(*keys),
    )


def _events(track: Any) -> Iterator[tuple[int, Any]]:
    """(time in ticks, event) without the delta times that music21 lists as events of their own."""
    time = 0
    for event in track.events:
        if event.isDeltaTime():
            time += event.time
        else:
            yield time, event


def _parts(track: Any, tables: dict[int, list[tuple[int, ...]]]) -> list[Part]:
    """The parts of one track, in order of their first release; its tempo, metre and key changes go into `tables`."""
    name = ""
    programs: dict[int, int] = defaultdict(int)
    open_notes: dict[tuple[int, int], deque[tuple[int, int, int]]] = defaultdict(deque)
    notes: dict[tuple[int, int], list[tuple[int, int, int, int]]] = defaultdict(list)
    for time, event in _events(track):
        kind = int(event.type)
        if kind == _NAME:
            name = decode(event.data)
        elif kind in tables:
            _note_change(tables, kind, time, event.data)
        elif event.channel is None:
            continue
        channel = (event.channel or 1) - 1
        if kind == _PROGRAM:
            programs[channel] = event.data
        elif kind == _ON and event.velocity:
            open_notes[channel, event.pitch].append((time, event.velocity, programs[channel]))
        elif kind in (_ON, _OFF) and open_notes[channel, event.pitch]:
            onset, velocity, program = open_notes[channel, event.pitch].popleft()
            notes[channel, program].append((onset, time - onset, event.pitch, velocity))
    return [_part(Track(program, channel == DRUM_CHANNEL, name), rows) for (channel, program), rows in notes.items()]


def _note_change(tables: dict[int, list[tuple[int, ...]]], kind: int, time: int, data: bytes) -> None:
    if kind == _TEMPO and len(data) == 3:
        tables[_TEMPO].append((time, int.from_bytes(data, "big")))
    elif kind == _METRE and len(data) >= 2:
        tables[_METRE].append((time, data[0], 2 ** min(data[1], 16)))
    elif kind == _KEY and len(data) == 2:
        tables[_KEY].append((time, int.from_bytes(data[:1], "big", signed=True), data[1]))


def _part(track: Track, rows: list[tuple[int, int, int, int]]) -> Part:
    onset, duration, pitch, velocity = np.array(rows, np.int64).T
    return Part(track, onset, duration, pitch, velocity)
