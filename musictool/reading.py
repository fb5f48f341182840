"""What a reader is, and which one reads which file.

A reader is a module of musictool/readers with two names:

    SUFFIXES: tuple[str, ...]                      lower case, with the dot
    read(path: Path, parser: str) -> Reading       raises BadFile with a reason that can be counted

Reader modules import their libraries inside `read`, so that asking for suffixes costs nothing.

Four limits keep a damaged or absurd file from filling the memory; real music stays far below them. Zip archives are
looked through before a reader opens them, so that readers may unpack what they find.
"""

from __future__ import annotations

import shlex
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from musictool.errors import BadFile
from musictool.music.score import Score
from musictool.registry import READERS

MAX_BYTES = 8 * 2**20  # of the file; a MIDI file of this size already holds about a million notes
MAX_UNPACKED_BYTES = 10 * MAX_BYTES  # of an archive
MAX_NOTES = 500_000  # of one piece; the largest orchestral scores have about 100,000
MAX_QUARTERS = 50_000  # of one piece; seven hours at 120 quarter notes per minute

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
        parser: which library parses MIDI; "music21" also parses ABC, MusicXML and Humdrum, which have readers here.

    Raises:
        BadFile: with one of the reasons "unknown suffix", "not found", "empty", "too large" (as a file or unpacked),
            "too many notes", "too long", "no notes", "truncated", "damaged", "unreadable", "SMPTE time" (of an unknown
            frame rate), "not MIDI", "not MusicXML", "not ABC", "not Humdrum", "not a piano-roll".
    """
    path = Path(path)
    name = suffixes().get(path.suffix.lower())
    if name is None:
        raise BadFile("unknown suffix", f"{path.name}; readable are {' '.join(sorted(suffixes()))}")
    try:
        status = path.stat()
    except (OSError, ValueError):
        raise BadFile("not found", str(path)) from None
    if not stat.S_ISREG(status.st_mode):
        raise BadFile("not found", str(path))
    size = status.st_size
    if size == 0:
        raise BadFile("empty")
    if size > MAX_BYTES:
        raise BadFile("too large", f"{path.name} has {size:,} bytes, at most {MAX_BYTES:,} are read")
    return _reader(name)(path, parser)


@cache
def _reader(name: str) -> Callable[[Path, str], Reading]:
    """The `read` of a reader, looked up once: small files are read in less time than that takes."""
    read: Callable[[Path, str], Reading] = READERS.module(name).read
    return read


def read_named(path: Path) -> Reading:
    """As `read`, for a file that the user named: the message of a BadFile names it too, and a folder has its own."""
    if Path(path).is_dir():
        raise is_folder(path)
    try:
        return read(path)
    except BadFile as error:
        raise error if error.reason in ("unknown suffix", "not found") else error.of(path) from None


def is_folder(path: Path) -> BadFile:
    """The error for a folder where one file is meant."""
    return BadFile(f"{path} is a folder", f"give files, or prepare it: musictool prepare {shlex.quote(str(path))}")


def check_length(quarters: float) -> None:
    """Refuse a piece longer than `MAX_QUARTERS` quarter notes, as one wrong delta time makes it."""
    if not 0 <= quarters <= MAX_QUARTERS:
        raise BadFile("too long", f"{quarters:,.0f} quarter notes; at most {MAX_QUARTERS:,} are read")


def check_count(notes: int) -> None:
    """Refuse a piece without notes, or with more than `MAX_NOTES`."""
    if not notes:
        raise BadFile("no notes")
    if notes > MAX_NOTES:
        raise BadFile("too many notes", f"{notes:,}; at most {MAX_NOTES:,} are read")
