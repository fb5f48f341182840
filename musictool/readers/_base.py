"""What a reader is, and which one reads which file.

A reader is a module of this folder with two names:

    SUFFIXES: tuple[str, ...]                      lower case, with the dot
    read(path: Path, parser: str) -> Reading       raises BadFile with a reason that can be counted

Reader modules import their libraries inside `read`, so that asking for suffixes costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from musictool.errors import BadFile
from musictool.registry import READERS
from musictool.score import Score

MidiParser = Literal["symusic", "music21", "pretty_midi"]
MIDI_PARSERS: tuple[MidiParser, ...] = ("symusic", "music21", "pretty_midi")


@dataclass(frozen=True)
class Reading:
    """What a file gave.

    Attributes:
        scores: the pieces, in the file's order; one for most formats, many for an ABC collection. Never empty, and
            each with at least one note.
        remark: what had to be mended to read it, such as "salvaged: track 3 truncated"; empty for a sound file.
    """

    scores: list[Score]
    remark: str = ""


@cache
def suffixes() -> dict[str, str]:
    """Suffix (lower case, with the dot) -> name of its reader."""
    return {suffix: name for name in READERS.names() for suffix in READERS.module(name).SUFFIXES}


def read(path: Path, parser: MidiParser = "symusic") -> Reading:
    """The pieces in a file.

    Args:
        path: any file with a known suffix, in any case.
        parser: which library parses MIDI; other formats have one only.

    Raises:
        BadFile: with a reason such as "truncated", "empty", "not MIDI", "no notes", "unknown suffix".
    """
    path = Path(path)
    name = suffixes().get(path.suffix.lower())
    if name is None:
        raise BadFile("unknown suffix", f"{path.name}; readable are {' '.join(sorted(suffixes()))}")
    if not path.is_file():
        raise BadFile("not found", str(path))
    reading: Reading = READERS.module(name).read(path, parser)
    return reading
