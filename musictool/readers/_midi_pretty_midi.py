"""MIDI, written plainly, through pretty_midi, whose seconds are turned back into ticks through its own map."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from musictool.errors import BadFile
from musictool.music.score import Track
from musictool.readers import _midi_parts as midi_parts
from musictool.readers._midi_parts import Parsed, Part, clean

_MINORS_FROM = 12  # pretty_midi numbers the keys C, Db, ... B, then c, c#, ... b


def parse(data: bytes) -> Parsed:
    """A MIDI file's bytes, parsed.

    Differs from the others where a pitch is struck again before its release: one note-off ends every open note of its
    pitch and channel. Notes of no length are left out; tempo, metre and key are looked for in the first track only, and
    keys of many accidentals respelled.

    Raises:
        BadFile: "too long", already for a shorter piece than the others refuse.
        Exception: whatever pretty_midi and mido raise at bytes that they do not understand.
    """
    import pretty_midi

    try:
        midi = pretty_midi.PrettyMIDI(io.BytesIO(data))
    except ValueError as error:
        if "largest tick" in str(error):  # ten million, 20,833 quarter notes of 480
            raise BadFile("too long", str(error)) from error
        raise
    tempo_times, bpms = midi.get_tempo_changes()
    metres = [(midi.time_to_tick(m.time), m.numerator, m.denominator) for m in midi.time_signature_changes]
    keys = [(midi.time_to_tick(k.time), *_sharps(k.key_number)) for k in midi.key_signature_changes]
    return Parsed(
        midi.resolution,
        [_part(midi, instrument) for instrument in midi.instruments],
        midi_parts.tempos(_ticks(midi, tempo_times), 60e6 / np.asarray(bpms)),
        midi_parts.metres(*np.array(metres, np.int64).reshape(-1, 3).T),
        midi_parts.keys(*np.array(keys, np.int64).reshape(-1, 3).T),
    )


def _part(midi: Any, instrument: Any) -> Part:
    notes = instrument.notes
    onset = _ticks(midi, [note.start for note in notes])
    return Part(
        Track(int(instrument.program), bool(instrument.is_drum), clean(str(instrument.name))),
        onset,
        _ticks(midi, [note.end for note in notes]) - onset,
        np.array([note.pitch for note in notes], np.int64),
        np.array([note.velocity for note in notes], np.int64),
    )


def _ticks(midi: Any, seconds: Any) -> np.ndarray:
    return np.array([midi.time_to_tick(second) for second in seconds], np.int64)


def _sharps(key_number: int) -> tuple[int, int]:
    """Sharps (below zero: flats) and 1 for minor, of pretty_midi's key number."""
    minor = key_number >= _MINORS_FROM
    tonic = (key_number + 3 * minor) % 12  # of the relative major
    return (tonic * 7 + 5) % 12 - 5, int(minor)
