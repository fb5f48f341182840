"""`--reader music21` for ABC: the text, cut into tunes and a tune into its voices, which music21 then reads one by one.

music21 10.5 knows ABC 1.3 and some of 2.1. It plays the voices of `[V: S1V1]` lines one after the other, loses tunes
that share a number, skips invisible rests and the first field behind a bar line, stumbles over PostScript blocks and
lyrics, and over tunes that say neither their metre nor the length of a note; none of that reaches it.
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from typing import Any

from musictool.errors import BadFile
from musictool.music.score import Score
from musictool.reading import Reading

_TUNE = re.compile(r"^(?=X:)", re.MULTILINE)
_BLOCK = re.compile(r"^%%begin(\w+).*?^%%end\1[^\n]*$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"(?<!\\)%.*$", re.MULTILINE)
_VOICE = re.compile(r"^\s*(?:\[V:\s*([^\s\]]+)[^\]]*\]|V:\s*(\S+))(.*)$")
_NAME = re.compile(r"\b(?:name|nm)=\"([^\"]*)\"")
_FIELD_FIRST = re.compile(r"^(\s*\[V:[^\]]*\])?\s*\[([KLMQ]:[^\]]*)\]", re.MULTILINE)
# an invisible rest, or what may hold its letter: a quote, a decoration, a field
_INVISIBLE = re.compile(r'("[^"]*"|![^!]*!|\[[A-Za-z]:[^\]]*\])|[xX]')
_FIELD = re.compile(r"[A-Za-z]:(?![|:])")
_CHANGES = ("K:", "M:", "Q:")  # fields that may change within a tune
_LYRICS = ("w:", "W:")
_METRE = re.compile(r"^M:\s*(\d+)/([1-9]\d*)")


def read(text: str) -> Reading:
    """The tunes of an ABC text, each read for itself: one that music21 does not understand costs itself only.

    Raises:
        BadFile: "no notes", or what is wrong with the first tune where none can be read.
    """
    scores: list[Score] = []
    failures: list[BadFile] = []
    texts = tunes(text)
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        for tune in texts:
            try:
                score = _score(tune)
                scores += [] if score is None else [score]
            except BadFile as error:
                failures.append(error)
    if not scores:
        raise failures[0] if failures else BadFile("no notes")
    return Reading(scores, f"{len(failures)} of {len(texts)} tunes {failures[0].reason}" if failures else "")


def _score(tune: str) -> Score | None:
    """The Score of a tune, its voices as parts; None if nothing in it sounds."""
    from music21 import converter

    from musictool.readers import _abc_music21_ties as ties
    from musictool.readers import _notation_walk as notation_walk

    parts: list[Any] = []
    title = ""
    try:
        for name, voice in voices(tune):
            with ties.kept():
                piece = converter.parseData(voice, format="abc")
            title = title or (piece.metadata.title or "" if piece.metadata else "")
            for part in getattr(piece, "parts", ()) or [piece]:
                part.partName = part.partName or name
                parts.append(part)
        return notation_walk.score(parts, " ".join(title.split())[:200])
    except BadFile:
        raise
    except Exception as error:  # whatever music21 does with a tune becomes a named reason
        raise BadFile("unreadable", f"music21: {type(error).__name__}: {error}"[:200]) from error


def tunes(text: str) -> list[str]:
    """The tunes of a file without comments, each with the file's own header (what stands before the first X:)."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _COMMENT.sub("", _BLOCK.sub("", text))
    header, *parts = _TUNE.split(text)
    header = "\n".join(line for line in header.splitlines() if _FIELD.match(line))
    return [f"{header}\n{part}" for part in parts] or [text]


def voices(tune: str) -> list[tuple[str, str]]:
    """The voices of a tune in order of appearance: (name, an ABC tune of that voice alone).

    What stands in the body before the first voice is named belongs to all, unless it is music: then it is a voice of
    its own. Clefs do not move pitches.
    """
    head: list[str] = []
    bodies: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    voice, in_body = "", False
    for line in _FIELD_FIRST.sub(r"\1\2\n", tune).splitlines():
        if not line.strip() or line.startswith(_LYRICS):
            continue
        match = _VOICE.match(line)
        if match:
            voice = match[1] or match[2]
            if name := _NAME.search(line):
                names[voice] = name[1]
            line = match[3] if match[1] else ""
        if not in_body:
            if not match:
                head.append(line)
            in_body = line.startswith("K:")
        elif line.strip():
            bodies.setdefault(voice, []).extend(_body_lines(line))
    shared = bodies.pop("") if len(bodies) > 1 and all(_FIELD.match(line) for line in bodies.get("", ["music"])) else []
    head = _unit_length(head) + head
    texts = {name: "\n".join(head + shared + lines) + "\n" for name, lines in bodies.items()}
    return [(names.get(name, ""), text) for name, text in texts.items()]


def _body_lines(line: str) -> list[str]:
    """A line of the body as music21 understands it: a change stands twice, as it loses the first after a bar line."""
    if _FIELD.match(line):
        return [line] * (2 if line.startswith(_CHANGES) else 1)
    return [_INVISIBLE.sub(_visible, line)]


def _unit_length(head: list[str]) -> list[str]:
    """The standard's L: field for a header without one: a sixteenth in a metre below 3/4, else an eighth."""
    if any(line.startswith("L:") for line in head):
        return []
    metres = [metre for line in head if (metre := _METRE.match(line))]
    return ["L:1/16" if metres and int(metres[-1][1]) / int(metres[-1][2]) < 0.75 else "L:1/8"]


def _visible(match: re.Match[str]) -> str:
    change = match[1] or {"x": "z", "X": "Z"}[match[0]]
    return f"\n{change[1:-1]}\n{change[1:-1]}\n" if change[1:3] in _CHANGES else change
