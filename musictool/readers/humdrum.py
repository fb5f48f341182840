"""Humdrum's **kern: scores in columns, or spines, that split, join, change places and come and go.

Kept: notes with ties joined, a track for each spine that the file begins with (what splits off it belongs to it), names
and General MIDI programs of instruments, marks of **dynam spines as velocities, tempo, metre, key, the title (!!!OTL).
Pitches are those that sound, as **kern has them. Not sounded: grace notes. Repeats are not played: the piece is read
once through. `--reader music21` reads it through music21 instead, which loses notes where spines split.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby
from pathlib import Path

import numpy as np

from musictool.errors import BadFile
from musictool.music.score import KEY, METRE, PITCHES, TEMPO, TICKS_PER_QUARTER, Score, Track
from musictool.readers import _notation_instruments as instruments
from musictool.readers._notation_lines import LOUDNESS, Line, loudness, metres, table, ticks, velocity
from musictool.reading import Reading, check_count, check_length

SUFFIXES = (".krn",)

_KERN, _RECIP, _DYNAM = "**kern", "**recip", "**dynam"
_STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_PITCH = re.compile(r"a+|b+|c+|d+|e+|f+|g+|A+|B+|C+|D+|E+|F+|G+")
_DURATION = re.compile(r"(\d+)(?:%(\d+))?")
_MARK = re.compile(r"(?:[mpf]+|[sr]?f+z?p?)(?![a-z])")
_METRE = re.compile(r"\*M(\d{1,3}(?:\+\d{1,3})*)/(\d{1,2})(?:%(\d))?$")
_KEY_SIGNATURE = re.compile(r"\*k\[((?:[a-g](?:#|-|n))*)\]")
_KEY = re.compile(r"\*([A-Ga-g])[#-]?:")
_TEMPO = re.compile(r"\*MM(\d{1,4}(?:\.\d+)?)")
_TITLE = re.compile(r"!!!(OTL|OPR)(?:@+\w+)?:(.*)")
_MAX_SPINES = 1000  # at one time


@dataclass
class _Column:
    """A spine that the file begins with, or adds, with all that splits off it."""

    kind: str = ""  # "**kern"
    name: str = ""
    program: int | None = None
    group: str = ""  # the part it belongs to
    line: Line = field(default_factory=Line)
    marks: list[tuple[int, int]] = field(default_factory=list)  # of a **dynam


@dataclass
class _Spine:
    """A column of the file at one time."""

    column: _Column
    until: Fraction  # when its last note or rest ends, in quarter notes
    is_open: bool = False  # it has just come, or split off while a note sounded, and may begin before that


def read(path: Path, parser: str = "") -> Reading:
    """The piece in a Humdrum file.

    Returns:
        One Score; `remark` counts lines that have not as many columns as there are spines.

    Raises:
        BadFile: "not Humdrum", "no notes", "too many notes", "too long", "unreadable" (through music21).
    """
    data = path.read_bytes()
    text = _decoded(data)
    if "**" not in text:
        raise BadFile("not Humdrum", f"{path.name} has no ** line")
    if parser == "music21":
        from musictool.readers import _notation_music21 as notation_music21

        return notation_music21.read(text.encode(), "humdrum")
    piece = _Piece()
    for line in re.split(r"\r\n|\n|\r", text):
        piece.take(line)
    score = piece.score()
    if score is None:
        raise BadFile("no notes")
    return Reading([score], f"salvaged: {piece.uneven} lines of other columns" if piece.uneven else "")


def _decoded(data: bytes) -> str:
    """UTF-8 (or UTF-16 with its mark) where that fits, else Latin-1."""
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


class _Piece:
    """A file as far as it is read."""

    def __init__(self) -> None:
        self.columns: list[_Column] = []
        self.spines: list[_Spine] = []
        self.uneven = 0
        self.titles: dict[str, str] = {}
        self._now = Fraction(0)  # when the last line with a note or a rest came, in quarter notes
        self._bar = Fraction(0)  # and the last bar line
        self._measures = [0]
        self._tempos: list[tuple[int, float]] = []
        self._metres: list[tuple[int, int, int]] = []
        self._keys: dict[int, tuple[int, bool]] = {}

    def take(self, line: str) -> None:
        """Read one line."""
        if line.startswith("!!"):
            if match := _TITLE.match(line):
                self.titles.setdefault(match[1], " ".join(match[2].split())[:200])
            return
        if not line.strip() or line.startswith("!"):
            return
        tokens = line.split("\t")
        if line.startswith("**") and not self.spines:
            self.spines = [self._begun(token) for token in tokens]
            return
        if len(tokens) != len(self.spines):
            self.uneven += 1
            tokens = [*tokens, *["*" if line[0] == "*" else "."] * len(self.spines)][: len(self.spines)]
        if line[0] == "*":
            self._interpret(tokens)
        elif line[0] == "=":
            self._bar = max(self._now, _agreed([spine.until for spine in self._rhythmic()] or [self._now]))
            self._measures.append(ticks(self._bar))
        else:
            self._sound(tokens)

    def _begun(self, kind: str) -> _Spine:
        self.columns.append(_Column(kind))
        return _Spine(self.columns[-1], self._now, is_open=True)

    def _rhythmic(self) -> list[_Spine]:
        """The spines whose tokens take time."""
        return [spine for spine in self.spines if spine.column.kind in (_KERN, _RECIP)]

    def _next(self) -> Fraction:
        """When the next line comes as far as is known: when the first of the notes ends."""
        behind = (spine.until for spine in self._rhythmic() if spine.until > self._now)
        return max(self._bar, min(behind, default=self._now))

    # ---- interpretations ----

    def _interpret(self, tokens: list[str]) -> None:
        for spine, token in zip(self.spines, tokens, strict=True):
            if token.startswith("**"):
                spine.column.kind = token.strip()
            elif len(token) > 1:
                self._tandem(spine.column, token)
        if any(token in ("*^", "*v", "*x", "*+", "*-") for token in tokens):
            self._rearrange(tokens)

    def _rearrange(self, tokens: list[str]) -> None:
        """Split, join, exchange, add and end spines."""
        spines: list[_Spine] = []
        joined: _Spine | None = None  # the one that a *v goes into
        exchanged: int | None = None  # the place of the first *x of two
        places = [*zip(self.spines, tokens, strict=True)]
        across = _across([spine.column if token == "*v" else None for spine, token in places])
        for i, (spine, token) in enumerate(places):
            if token == "*v" and joined is not None and (joined.column is spine.column or across[i]):
                joined.until = max(joined.until, spine.until)
                joined.is_open &= spine.is_open
                continue
            joined = spine if token == "*v" else None
            if token == "*-":
                continue
            spines.append(spine)
            if token == "*^":
                spine.is_open |= spine.until > self._next()
                spines.append(_Spine(spine.column, spine.until, spine.is_open))
            elif token == "*+":
                spines.append(self._begun(""))
            elif token == "*x" and exchanged is None:
                exchanged = len(spines) - 1
            elif token == "*x" and exchanged is not None:
                spines[exchanged], spines[-1] = spines[-1], spines[exchanged]
                exchanged = None
        if len(spines) > _MAX_SPINES:
            raise BadFile("unreadable", f"{len(spines):,} spines at one time")
        if not spines:  # others may begin where these have ended
            self._now = max((spine.until for spine in self._rhythmic()), default=self._now)
        self.spines = spines

    def _tandem(self, column: _Column, token: str) -> None:
        """Obey an interpretation within a spine."""
        now = ticks(self._next())
        if token.startswith('*I"'):
            column.name = column.name or " ".join(token[3:].split())[:200]
        elif token.startswith("*I") and (program := instruments.program_of_code(token[2:])) is not None:
            column.program = program
        elif token.startswith("*part"):
            column.group = token
        elif match := _METRE.match(token):
            numerator, denominator = sum(map(int, match[1].split("+"))), int(match[2])
            if denominator == 0:  # of breves: 3/0
                numerator, denominator = 2 * numerator, 1
            self._metres.append((now, numerator, denominator))
        elif match := _KEY_SIGNATURE.match(token):
            sharps = match[1].count("#") - match[1].count("-")
            self._keys[now] = sharps, self._keys.get(now, (0, False))[1]
        elif (match := _KEY.match(token)) and now in self._keys:
            self._keys[now] = self._keys[now][0], match[1].islower()
        elif (match := _TEMPO.match(token)) and float(match[1]):
            self._tempos.append((now, float(match[1])))

    # ---- data ----

    def _sound(self, tokens: list[str]) -> None:
        begin = [
            (spine, notes)
            for spine, token in zip(self.spines, tokens, strict=True)
            if spine.column.kind in (_KERN, _RECIP) and token != "." and (notes := _notes(token))
        ]
        now = self._next()
        if begin:  # a line comes when what its spines had before has ended
            agreed = _agreed([s.until for s, _ in begin if not s.is_open] or [now])
            now = self._now = max(self._now, self._bar, agreed)
        for spine, notes in begin:
            spine.is_open = False
            spine.until = now + notes[0][0]  # of a chord whose notes differ it is the first that counts, as in humlib
            for length, one in notes:
                pitch = _pitch(one) if spine.column.kind == _KERN and "r" not in one else None
                if pitch is not None and 0 <= pitch < PITCHES:
                    tie = "continue" if "_" in one else "start" if "[" in one else "stop" if "]" in one else ""
                    spine.column.line.add(ticks(now), ticks(now + length), pitch, 0, tie)
        for spine, token in zip(self.spines, tokens, strict=True):
            if spine.column.kind == _DYNAM and token != ".":
                marks = [mark for mark in _MARK.findall(token) if mark in LOUDNESS]
                spine.column.marks += [(ticks(now), velocity(LOUDNESS[mark])) for mark in marks]

    # ---- the whole ----

    def score(self) -> Score | None:
        """The Score; None if nothing in it sounds."""
        tracks: list[Track] = []
        rows: list[np.ndarray] = []
        for column in self.columns:
            if column.line.rows:
                notes = np.array(column.line.rows, np.int64)
                notes[:, 3] = loudness(notes[:, 0], self._marks(column))
                rows.append(np.column_stack([notes, np.full(len(notes), len(tracks))]))
                program = column.program if column.program is not None else instruments.program_of_name(column.name)
                tracks.append(Track(program or 0, False, column.name))
        if not rows:
            return None
        onset, end, pitch, loud, track = np.concatenate(rows).T
        check_count(len(onset))
        check_length(end.max() / TICKS_PER_QUARTER)
        keys = [(at, sharps, minor) for at, (sharps, minor) in self._keys.items() if abs(sharps) <= 7]
        return Score.from_columns(
            onset,
            end - onset,
            pitch,
            loud,
            track,
            tracks=tuple(tracks),
            tempos=table(self._tempos, TEMPO),
            metres=table(metres(self._metres, self._measures), METRE),
            keys=table(keys, KEY),
            title=self.titles.get("OTL") or self.titles.get("OPR", ""),
        )

    def _marks(self, column: _Column) -> list[tuple[int, int]]:
        """The dynamic marks for a spine: of its part, where parts are named, else of the next **dynam behind it."""
        dynams = [other for other in self.columns if other.kind == _DYNAM]
        if column.group and any(other.group == column.group for other in dynams):
            return [mark for other in dynams if other.group == column.group for mark in other.marks]
        place = next(i for i, other in enumerate(self.columns) if other is column)
        behind = (other for other in self.columns[place:] if other.kind == _DYNAM)
        return next((other.marks for other in behind if not other.group), [])


def _across(columns: list[_Column | None]) -> list[bool]:
    """Whether the spines that are joined, those with a column here, are so across columns: where next to others one
    would be joined with none."""
    are_across: list[bool] = []
    for joins, row in groupby(columns, key=lambda column: column is not None):
        sizes = [len([*same]) for _, same in groupby(row, key=id)]
        are_across += [joins and min(sizes) == 1] * sum(sizes)
    return are_across


def _agreed(times: list[Fraction]) -> Fraction:
    """The time that most give, of several the latest: a spine with a wrong length does not move the others."""
    return max(times, key=lambda time: (times.count(time), time))


def _notes(token: str) -> list[tuple[Fraction, str]]:
    """The lengths and texts of a token's notes, or rests; a grace note takes no time and is left out."""
    length = Fraction(0)
    notes = []
    for one in token.split(" "):
        if "q" not in one and one:
            length = _length(one) or length  # which the others of a chord may leave out
            notes += [(length, one)] if length else []
    return notes


def _length(token: str) -> Fraction:
    """The quarter notes that a token lasts; 0 where it says none."""
    match, dots = _DURATION.search(token), token.count(".")  # which may stand apart: 2r.
    if not match or len(match[1]) > 6 or len(match[2] or "") > 6 or dots > 8:
        return Fraction(0)
    if not match[1].strip("0"):  # 0 is a breve, 00 a longa, 000 a maxima
        whole = Fraction(2 ** min(len(match[1]), 3))
    else:
        whole = Fraction(int(match[2] or 1), int(match[1]))
    return 4 * whole * (2 - Fraction(1, 2**dots))


def _pitch(token: str) -> int | None:
    """The MIDI number of a token's pitch; None where it has none."""
    match = _PITCH.search(token)
    if not match:
        return None
    letter = match[0]
    octave = 3 + len(letter) if letter.islower() else 4 - len(letter)
    return 12 * (octave + 1) + _STEPS[letter[0].lower()] + token.count("#") - token.count("-")
