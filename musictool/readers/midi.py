"""MIDI files: the plain ones through symusic, all others event by event, as the specification has it.

symusic reads a plain file in a fraction of a millisecond; `_midi_symusic` says which files are plain. The parsers
music21 and pretty_midi are given the music written plainly, so that the three give the same notes.

Kept: notes with the sustain pedal folded into their durations, programs, drums (channel 10), track names, tempo, metre
and key changes, the name of the first track as the title. Before the first tempo 120 quarter notes per minute hold.
Text is UTF-8 where that fits, else Shift-JIS where it has bytes that Latin-1 has no letters for, else Latin-1. Not
kept: pitch bends, other controllers, lyrics, system exclusive messages. The tracks of a format 2 file are read as
sounding together.
"""

from __future__ import annotations

import contextlib
import importlib
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from musictool.errors import BadFile
from musictool.music.score import DEFAULT_BPM, TEMPO, Score
from musictool.readers import _midi_symusic
from musictool.readers._midi_events import LostError, number_at
from musictool.readers._midi_mended import to_bytes
from musictool.readers._midi_parts import Parsed, build, decode
from musictool.readers._salvage import salvage, unwrapped
from musictool.reading import MIDI_PARSERS, Reading

SUFFIXES = (".mid", ".midi", ".kar", ".rmi")

# what a file without a note is said to be, by the fault that may have cost it its notes
_WITHOUT_NOTES = {
    "truncated": "truncated",
    "damaged": "damaged",
    "cut where": "too long",
    "tracks there": "truncated",
}


def read(path: Path, parser: str = "symusic") -> Reading:
    """The piece in a MIDI file.

    Args:
        path: the file, which exists.
        parser: "symusic", "music21" or "pretty_midi".

    Returns:
        One Score; `remark` says "salvaged: ..." if anything was left out or mended.

    Raises:
        BadFile: "empty", "not MIDI", "truncated" or "damaged" (and not one note before it), "no notes", "too many
            notes", "too long", "SMPTE time", "unreadable".
    """
    if parser not in MIDI_PARSERS:
        raise ValueError(f"parser is one of {MIDI_PARSERS}, not {parser!r}")
    data = unwrapped(path.read_bytes())
    plain = _midi_symusic.parse(data) if parser == "symusic" else None
    if plain is not None:
        with contextlib.suppress(BadFile):  # whose reason is to be found out
            return Reading([_score(plain, data)])
    parsed, faults = salvage(data)
    if parser != "symusic" and parsed.parts:
        parsed = _parse(to_bytes(parsed), parser)
    try:
        score = _score(parsed, data)
    except BadFile as error:
        if error.reason == "no notes":
            for fault, reason in _WITHOUT_NOTES.items():
                if any(fault in each for each in faults):
                    raise BadFile(reason, "before the first note") from None
        raise
    return Reading([score], f"salvaged: {'; '.join(faults)}" if faults else "")


def _parse(data: bytes, parser: str) -> Parsed:
    parse = importlib.import_module(f"musictool.readers._midi_{parser}").parse
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parsed: Parsed = parse(data)
        except BadFile:
            raise
        except Exception as error:  # one corpus file: whatever a library does with it becomes a named reason
            raise BadFile("unreadable", f"{parser}: {type(error).__name__}: {error}"[:200]) from error
    return parsed


def _score(parsed: Parsed, data: bytes) -> Score:
    """The Score of a parsed file; before the first tempo the standard's own holds."""
    if len(parsed.tempos) and parsed.tempos["onset_ticks"][0]:
        parsed = replace(parsed, tempos=np.concatenate([np.array([(0, DEFAULT_BPM)], TEMPO), parsed.tempos]))
    return build(parsed, _title(data))


def _title(data: bytes) -> str:
    """The name of the first track where it stands at the track's very beginning, as the standard wants it."""
    at = data.find(b"\x00\xff\x03", 14, 512)
    first, second = data.find(b"MTrk", 14), data.find(b"MTrk", 22)
    if at < 0 or (second >= 0 and not first < at < second):
        return ""
    try:
        length, start = number_at(data, at + 3, len(data))
    except LostError:
        return ""
    return decode(data[start : start + length])
