"""MusicXML, plain and compressed, partwise and timewise, in any encoding that XML may have.

Kept: notes at sounding pitch with ties joined, a track for each staff of a part and for each instrument that plays it,
General MIDI programs (as the file gives them, else by the standard sound or the name of the instrument), unpitched
percussion as drums, dynamic marks as velocities, tempo marks, metres, keys, the title. Not sounded: grace notes, cue
notes, chord symbols. Repeats are not played: the piece is read once through, with all its endings. A measure begins in
all parts together and lasts as long as the fullest of them. `--reader music21` reads it through music21 instead.
"""

from __future__ import annotations

import contextlib
import io
import re
import zipfile
from fractions import Fraction
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np

from musictool.errors import BadFile
from musictool.music.score import CHORD, KEY, METRE, TEMPO, TICKS_PER_QUARTER, Score, Track
from musictool.readers import _archive
from musictool.readers._musicxml_part import Part
from musictool.readers._notation_lines import Line, Tied, loudness, metres, table, ticks
from musictool.reading import MAX_UNPACKED_BYTES, Reading, check_count, check_length

SUFFIXES = (".xml", ".musicxml", ".mxl")

_CONTAINER = "META-INF/container.xml"
_MEDIA_TYPE = "xml"  # is in that of every MusicXML file, if one is given
_SCORES = ("score-partwise", "score-timewise")
_DECLARED = re.compile(rb"^\s*<\?xml[^>]*?encoding\s*=\s*[\"']([\w.:-]+)[\"'][^>]*\?>")
_WIDE = {  # how XML begins in them
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"<\0": "utf-16-le",
    b"\0<": "utf-16-be",
}


def read(path: Path, parser: str = "") -> Reading:
    """The piece in a MusicXML file.

    Raises:
        BadFile: "not MusicXML", "too large" (unpacked), "no notes", "too many notes", "too long", "unreadable".
    """
    data = path.read_bytes()
    if zipfile.is_zipfile(path) or data[:4] == b"PK\x03\x04":
        _archive.check(path, MAX_UNPACKED_BYTES)
        data = _root_file(path)
    if parser == "music21":
        from musictool.readers import _notation_music21 as notation_music21

        _Score.named(path, data)
        return notation_music21.read(data, "musicxml")
    score = _Score.named(path, data).score()
    if score is None:
        raise BadFile("no notes")
    return Reading([score])


def _root_file(path: Path) -> bytes:
    """The file of an archive that its container names first; without a container the first that is a score."""
    with zipfile.ZipFile(path) as archive:
        names = {name.replace("\\", "/"): name for name in archive.namelist()}
        container = next((name for name in names if name.lower() == _CONTAINER.lower()), "")
        named: list[str] = []
        with contextlib.suppress(ElementTree.ParseError):  # then as if there were none
            if container:
                named = _root_names(_readable(archive.read(names[container])))
        for name in named:
            if name in names:
                return archive.read(names[name])
        for name in names:
            if name.lower().endswith((".xml", ".musicxml")) and name != container:
                data = archive.read(names[name])
                if _is_score(data):
                    return data
    raise BadFile("not MusicXML", f"{path.name} holds no score")


def _root_names(container: bytes) -> list[str]:
    """The names of MusicXML files in a container, as they stand there and as addresses are written."""
    paths = [
        element.get("full-path", "").replace("\\", "/").lstrip("/")
        for element in ElementTree.fromstring(container).iter()
        if element.tag.endswith("rootfile") and _MEDIA_TYPE in element.get("media-type", _MEDIA_TYPE)
    ]
    return [name for path in paths for name in (path, unquote(path))]


def _is_score(data: bytes) -> bool:
    """Whether the root of an XML file is that of a score."""
    with contextlib.suppress(ElementTree.ParseError, ValueError):
        for _, element in ElementTree.iterparse(io.BytesIO(_readable(data)), ("start",)):
            return element.tag.rpartition("}")[2] in _SCORES
    return False


def _readable(data: bytes) -> bytes:
    """XML in an encoding that the parser knows: UTF-8, or Latin-1 as it is.

    What says that it is UTF-16 and has single bytes, or says the reverse, is read as what it is; and what is no UTF-8
    as Windows' Latin-1.
    """
    declared = _DECLARED.match(data)
    encoding = declared[1].decode("ascii").lower() if declared else "utf-8"
    if encoding == "iso-8859-1":
        return data
    wide = next((name for first, name in _WIDE.items() if data.startswith(first)), "")
    for each in (wide or encoding.replace("utf-16", "utf-8"), "utf-8", "cp1252"):
        with contextlib.suppress(LookupError, UnicodeDecodeError):
            text = data.decode(each)
            if each == encoding == "utf-8" and text.startswith("<"):
                return data
            return re.sub(r"^<\?xml[^>]*\?>", "", text.lstrip("\ufeff").lstrip(), count=1).encode()
    return data


class _Score:
    """A score as far as it is parsed."""

    def __init__(self) -> None:
        self.parts: dict[str, Part] = {}
        self.titles: dict[str, str] = {}

    @classmethod
    def named(cls, path: Path, data: bytes) -> _Score:
        """The score that a file holds.

        Raises:
            BadFile: "not MusicXML", "unreadable".
        """
        score = cls()
        root = ""
        try:
            events = ElementTree.iterparse(io.BytesIO(_readable(data)), ("start", "end"))
            for event, element in events:
                element.tag = element.tag.rpartition("}")[2]
                if not root:
                    root = element.tag
                    if root not in _SCORES:
                        raise BadFile("not MusicXML", f"{path.name} is another kind of XML, <{root[:40]}>")
                    score._begin(root)
                score._take(event, element)
        except (ElementTree.ParseError, ValueError) as error:
            if not root:
                raise BadFile("not MusicXML", f"{path.name} is not XML: {error}"[:200]) from None
            raise BadFile("unreadable", f"XML: {error}"[:200]) from None
        return score

    def _begin(self, root: str) -> None:
        self._is_partwise = root == _SCORES[0]
        self._outer: ElementTree.Element | None = None  # the part, or of a timewise score the measure, that is open
        self._index = -1  # of the measure

    def _take(self, event: str, element: ElementTree.Element) -> None:
        """Note what is parsed; a measure of a part is read as soon as it is whole, and forgotten."""
        outer, inner = ("part", "measure") if self._is_partwise else ("measure", "part")
        if event == "start":
            if element.tag == outer and self._outer is None:
                self._outer = element
                self._index = -1 if self._is_partwise else self._index + 1
            return
        if element.tag == "score-part":
            self.parts[element.get("id", "")] = Part(element)
        elif element.tag in ("work-title", "movement-title"):
            self.titles.setdefault(element.tag, " ".join((element.text or "").split())[:200])
        elif element.tag == inner and self._outer is not None:
            part, measure = (self._outer, element) if self._is_partwise else (element, self._outer)
            self._index += self._is_partwise
            found = self.parts.setdefault(part.get("id", ""), Part())
            found.read(element, self._index, measure.get("number", "1"), measure.get("implicit") == "yes")
            element.clear()
        elif element.tag == outer and element is self._outer:
            self._outer = None
            element.clear()

    def score(self) -> Score | None:
        """The Score; None if nothing in it sounds."""
        parts = [part for part in self.parts.values() if part.measures]
        begins = self._begins(parts)
        tracks: list[Track] = []
        columns: list[np.ndarray] = []
        for part in parts:
            lines: dict[tuple[str, bool, int], Line] = {}
            tied: Tied = {}  # a tie may lead to another staff
            dynamics: list[tuple[int, int]] = []
            for index, measure in sorted(part.measures.items()):
                begin = begins[index]
                dynamics += [(ticks(begin + at), velocity) for at, velocity in measure.dynamics]
                for note in sorted(
                    measure.notes, key=lambda note: note.onset
                ):  # a tie's end may be in an earlier voice
                    program = 0 if note.is_drum else note.program
                    line = lines.setdefault((note.staff, note.is_drum, program), Line(tied))
                    line.add(ticks(begin + note.onset), ticks(begin + note.end), note.pitch, note.velocity, note.tie)
            for (_, is_drum, program), line in sorted(lines.items(), key=lambda item: item[0][:2]):
                if not line.rows:
                    continue
                rows = np.array(line.rows, np.int64)
                rows[:, 3] = np.where(rows[:, 3], rows[:, 3], loudness(rows[:, 0], dynamics))
                columns.append(np.column_stack([rows, np.full(len(rows), len(tracks))]))
                tracks.append(Track(program, is_drum, part.name))
        if not columns:
            return None
        onset, end, pitch, velocity, track = np.concatenate(columns).T
        check_count(len(onset))
        check_length(end.max() / TICKS_PER_QUARTER)
        return Score.from_columns(
            onset,
            end - onset,
            pitch,
            velocity,
            track,
            tracks=tuple(tracks),
            tempos=self._tempos(parts, begins),
            metres=table(self._metres(parts, begins), METRE),
            keys=self._keys(parts, begins),
            chords=self._chords(parts, begins),
            title=self.titles.get("work-title") or self.titles.get("movement-title", ""),
        )

    def _begins(self, parts: list[Part]) -> list[Fraction]:
        """When each measure begins, and last when the last of them ends, in quarter notes."""
        begins = [Fraction(0)]
        bar = Fraction(4)
        for index in range(max((max(part.measures) for part in parts), default=-1) + 1):
            measures = [part.measures[index] for part in parts if index in part.measures]
            for measure in measures:
                for _, numerator, denominator in measure.metres[-1:]:
                    bar = Fraction(4 * numerator, denominator)
            length = max((measure.length for measure in measures), default=Fraction(0))
            rest = max((measure.rest for measure in measures), default=Fraction(0))
            if not length:
                length = min(rest, bar) if rest else bar
            elif not any(measure.is_short for measure in measures):
                length = max(length, min(rest, bar))
            begins.append(begins[-1] + length)
        return begins

    def _tempos(self, parts: list[Part], begins: list[Fraction]) -> np.ndarray:
        rows = [
            (ticks(begins[index] + at), bpm)
            for part in parts
            for index, measure in part.measures.items()
            for at, bpm in measure.tempos
        ]
        return table(rows, TEMPO)

    def _metres(self, parts: list[Part], begins: list[Fraction]) -> list[tuple[int, int, int]]:
        changes = [
            (ticks(begins[index] + at), numerator, denominator)
            for part in reversed(parts)  # at one time that of the first part holds
            for index, measure in part.measures.items()
            for at, numerator, denominator in measure.metres
        ]
        return metres(changes, (ticks(begin) for begin in begins[:-1]))

    def _chords(self, parts: list[Part], begins: list[Fraction]) -> np.ndarray:
        """The chord symbols of the first part that has some."""
        for part in parts:
            rows = [
                (ticks(begins[index] + at), chord)
                for index, measure in part.measures.items()
                for at, chord in measure.chords
            ]
            if rows:
                return table(rows, CHORD)
        return table([], CHORD)

    def _keys(self, parts: list[Part], begins: list[Fraction]) -> np.ndarray:
        """Those of the first part that sounds as it is written."""
        for part in parts:
            rows = [
                (ticks(begins[index] + at), sharps, minor)
                for index, measure in part.measures.items()
                for at, sharps, minor in measure.keys
                if abs(sharps) <= 7
            ]
            if rows and not part.is_transposed:
                return table(rows, KEY)
        return table([], KEY)
