"""MIDI files: parsed by one of three libraries, mended first where they are malformed.

The three give the same notes; symusic is 200 to 2,000 times faster than the others. Kept: notes with the sustain pedal
folded into their durations, programs, drums (channel 10), track names, tempo, metre and key changes, the name of
the first track as the title. Not kept: pitch bends, other controllers, lyrics, system exclusive messages. The tracks of
a format 2 file are read as sounding together.
"""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path

from musictool.errors import BadFile
from musictool.readers import _midi_symusic
from musictool.readers._midi_parts import Parsed, build, decode
from musictool.readers._salvage import mend
from musictool.reading import MIDI_PARSERS, Reading

SUFFIXES = (".mid", ".midi", ".kar")


def read(path: Path, parser: str = "symusic") -> Reading:
    """The piece in a MIDI file.

    Args:
        path: the file, which exists.
        parser: "symusic", "music21" or "pretty_midi".

    Returns:
        One Score; `remark` says "salvaged: ..." if the bytes had to be mended.

    Raises:
        BadFile: "empty", "not MIDI", "truncated" (and not one note before it), "no notes", "too many notes",
            "too long", "SMPTE time", "unreadable".
    """
    if parser not in MIDI_PARSERS:
        raise ValueError(f"parser is one of {MIDI_PARSERS}, not {parser!r}")
    data = path.read_bytes()
    parsed = _parse_sound(data) if parser == "symusic" else None
    faults: list[str] = []
    if parsed is None:
        mended, faults = mend(data)
        parsed = _parse_mended(mended, parser)
    try:
        score = build(parsed, _title(data))
    except BadFile as error:
        if error.reason == "no notes" and any("truncated" in fault for fault in faults):
            raise BadFile("truncated", "before the first note") from None
        raise
    return Reading([score], f"salvaged: {'; '.join(faults)}" if faults else "")


def _parse_sound(data: bytes) -> Parsed | None:
    """What symusic makes of the bytes as they are; None where it refuses them."""
    try:
        return _midi_symusic.parse(data)
    except (RuntimeError, ValueError):
        return None


def _parse_mended(data: bytes, parser: str) -> Parsed:
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


def _title(data: bytes) -> str:
    """The name of the first track where it stands at the track's very beginning, as the standard wants it."""
    at = data.find(b"\x00\xff\x03", 14, 512)
    first, second = data.find(b"MTrk", 14), data.find(b"MTrk", 22)
    length = data[at + 3 : at + 4]
    if at < 0 or not length or (second >= 0 and not first < at < second):
        return ""
    return decode(data[at + 4 : at + 4 + length[0]])
