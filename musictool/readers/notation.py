"""Notation files through music21: MusicXML (plain and compressed) and Humdrum kern.

Kept: notes at sounding pitch with ties joined, part names, General MIDI programs, unpitched percussion as drum tracks,
dynamic marks as velocities, tempo marks, metres, keys, titles. Not sounded: grace notes, chord symbols. Repeats are
not played: the piece is read once through, with all its endings.
"""

from __future__ import annotations

import contextlib
import io
import warnings
import zipfile
from pathlib import Path
from typing import Any

from musictool.errors import BadFile
from musictool.music.score import Score
from musictool.readers import _archive
from musictool.reading import MAX_UNPACKED_BYTES, Reading

SUFFIXES = (".xml", ".musicxml", ".mxl", ".krn")

_HEAD = 2**16  # bytes that are searched for the marks of a format


def read(path: Path, parser: str = "") -> Reading:
    """The pieces in a notation file; `parser` is a matter of MIDI and is ignored.

    Returns:
        The pieces that have notes.

    Raises:
        BadFile: "not MusicXML", "not Humdrum", "too large" (unpacked), "no notes", "too many notes",
            "too long", "unreadable" (music21 does not understand it).
    """
    suffix = path.suffix.lower()
    if suffix == ".mxl":
        _archive.check(path, MAX_UNPACKED_BYTES)
    _check_form(path, suffix)
    silence = contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO())
    with warnings.catch_warnings(), silence[0], silence[1]:
        warnings.simplefilter("ignore")
        scores = _scores(path, "humdrum" if suffix == ".krn" else "musicxml")
    if not scores:
        raise BadFile("no notes")
    return Reading(scores)


def _check_form(path: Path, suffix: str) -> None:
    """Refuse early what is not of the form that its suffix promises, before music21 takes a guess at it."""
    with path.open("rb") as file:
        head = file.read(_HEAD).replace(b"\0", b"")  # so that UTF-16 reads as ASCII
    if suffix == ".mxl":
        if not zipfile.is_zipfile(path):
            raise BadFile("not MusicXML", f"{path.name} is no zip archive")
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > MAX_UNPACKED_BYTES:
            raise BadFile("too large", f"{size:,} bytes unpacked; at most {MAX_UNPACKED_BYTES:,} are read")
    elif suffix == ".krn" and b"**" not in head:
        raise BadFile("not Humdrum", f"{path.name} has no ** line")
    elif suffix in (".xml", ".musicxml") and b"<score-partwise" not in head and b"<score-timewise" not in head:
        raise BadFile("not MusicXML", f"{path.name} is another kind of XML")


def _scores(path: Path, form: str) -> list[Score]:
    """The Scores with notes in a file."""
    from musictool.readers import _notation_walk as notation_walk

    try:
        pieces = [(_parts(piece), _title(piece, path.name)) for piece in _pieces(path, form)]
        scores = [notation_walk.score(parts, title) for parts, title in pieces]
    except BadFile:
        raise
    except Exception as error:  # one corpus file: whatever music21 does with it becomes a named reason
        raise BadFile("unreadable", f"music21: {type(error).__name__}: {error}"[:200]) from error
    return [score for score in scores if score is not None]


def _pieces(path: Path, form: str) -> list[Any]:
    """music21's streams of a file; neither reads nor leaves pickles."""
    from music21 import converter
    from music21.stream import Opus

    parser = converter.Converter()
    parser.parseFileNoPickle(path, format=form, forceSource=True)
    return list(parser.stream.scores) if isinstance(parser.stream, Opus) else [parser.stream]


def _parts(piece: Any) -> list[Any]:
    return list(getattr(piece, "parts", ())) or [piece]


def _title(piece: Any, file_name: str) -> str:
    """The work's or the movement's title; not the file's name, which music21 puts where there is none."""
    metadata = piece.metadata
    title = (metadata.title or metadata.movementName or "") if metadata else ""
    return "" if title == file_name else " ".join(str(title).split())[:200]
