"""Notation files through music21: MusicXML (plain and compressed), ABC and Humdrum kern.

Kept: notes at sounding pitch with ties joined, part names, General MIDI programs, unpitched percussion as drum tracks,
dynamic marks as velocities, tempo marks, metres, keys, titles. Not sounded: grace notes, chord symbols. Repeats are
not played: the piece is read once through, with all its endings. An ABC file of many tunes gives many Scores.
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
from musictool.readers import _abc as abc
from musictool.readers import _archive
from musictool.reading import MAX_UNPACKED_BYTES, Reading

SUFFIXES = (".xml", ".musicxml", ".mxl", ".abc", ".krn")

_HEAD = 2**16  # bytes that are searched for the marks of a format


def read(path: Path, parser: str = "") -> Reading:
    """The pieces in a notation file; `parser` is a matter of MIDI and is ignored.

    Returns:
        The pieces that have notes; `remark` counts the tunes of an ABC file that music21 does not understand.

    Raises:
        BadFile: "not MusicXML", "not ABC", "not Humdrum", "too large" (unpacked), "no notes", "too many notes",
            "too long", "unreadable" (music21 does not understand it).
    """
    suffix = path.suffix.lower()
    if suffix == ".mxl":
        _archive.check(path, MAX_UNPACKED_BYTES)
    _check_form(path, suffix)
    silence = contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO())
    with warnings.catch_warnings(), silence[0], silence[1]:
        warnings.simplefilter("ignore")
        if suffix == ".abc":
            return _collection(path)
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
    elif suffix == ".abc" and not (b"X:" in head or b"K:" in head):
        raise BadFile("not ABC", f"{path.name} has neither an X: nor a K: line")
    elif suffix == ".krn" and b"**" not in head:
        raise BadFile("not Humdrum", f"{path.name} has no ** line")
    elif suffix in (".xml", ".musicxml") and b"<score-partwise" not in head and b"<score-timewise" not in head:
        raise BadFile("not MusicXML", f"{path.name} is another kind of XML")


def _collection(path: Path) -> Reading:
    """The tunes of an ABC file, each read for itself: one that music21 does not understand costs itself only."""
    scores: list[Score] = []
    failures: list[BadFile] = []
    tunes = abc.tunes(_text(path.read_bytes()))
    for tune in tunes:
        try:
            scores += _scores(tune, "abc")
        except BadFile as error:
            failures.append(error)
    if not scores:
        raise failures[0] if failures else BadFile("no notes")
    return Reading(scores, f"{len(failures)} of {len(tunes)} tunes {failures[0].reason}" if failures else "")


def _text(data: bytes) -> str:
    """UTF-8 where that fits, else Latin-1."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _scores(source: Path | str, form: str) -> list[Score]:
    """The Scores with notes in a file or in the text of one ABC tune."""
    from musictool.readers import _notation_walk as notation_walk

    try:
        if isinstance(source, Path):
            pieces = [(_parts(piece), _title(piece, source.name)) for piece in _pieces(source, form)]
        else:
            pieces = [_tune(source)]
        scores = [notation_walk.score(parts, title) for parts, title in pieces]
    except BadFile:
        raise
    except Exception as error:  # one corpus file: whatever music21 does with it becomes a named reason
        raise BadFile("unreadable", f"music21: {type(error).__name__}: {error}"[:200]) from error
    return [score for score in scores if score is not None]


def _tune(text: str) -> tuple[list[Any], str]:
    """The parts, one per voice, and the title of an ABC tune."""
    parts: list[Any] = []
    title = ""
    for name, voice in abc.voices(text):
        for piece in _pieces(voice, "abc"):
            title = title or _title(piece, "")
            for part in _parts(piece):
                part.partName = part.partName or name
                parts.append(part)
    return parts, title


def _pieces(source: Path | str, form: str) -> list[Any]:
    """music21's streams of a file or a text; neither reads nor leaves pickles."""
    from music21 import converter
    from music21.stream import Opus

    parser = converter.Converter()
    if isinstance(source, Path):
        parser.parseFileNoPickle(source, format=form, forceSource=True)
    else:
        from musictool.readers import _abc_ties as ties

        with ties.kept():
            parser.parseData(source, format=form)
    return list(parser.stream.scores) if isinstance(parser.stream, Opus) else [parser.stream]


def _parts(piece: Any) -> list[Any]:
    return list(getattr(piece, "parts", ())) or [piece]


def _title(piece: Any, file_name: str) -> str:
    """The work's or the movement's title; not the file's name, which music21 puts where there is none."""
    metadata = piece.metadata
    title = (metadata.title or metadata.movementName or "") if metadata else ""
    return "" if title == file_name else " ".join(str(title).split())[:200]
