"""One part of a MusicXML score, a measure at a time: what sounds in it, and when within the measure.

Times are in quarter notes, as fractions, from the beginning of the measure: how long a measure lasts is known only when
all parts have been seen.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple
from xml.etree.ElementTree import Element

from musictool.music.chords import NONE
from musictool.music.score import PITCHES
from musictool.readers import _notation_instruments as instruments
from musictool.readers._notation_lines import DEFAULT_DRUM, DRUM_CHANNEL, LOUDNESS, MAX_METRE, velocity

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_UNITS: dict[str, float] = {
    "maxima": 32,
    "long": 16,
    "breve": 8,
    "whole": 4,
    "half": 2,
    "quarter": 1,
    "eighth": 0.5,
    "16th": 0.25,
    "32nd": 0.125,
}
_FORTE = 90  # velocity that a note's `dynamics` are a percentage of, by the standard
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_NOTHING = Fraction(0)
_MOST = 1e9
_FINEST = 10**6  # parts of the unit of `divisions`, which may be a decimal fraction


@dataclass(frozen=True)
class Instrument:
    """What a score-instrument is as far as it is known."""

    program: int = 0
    is_drum: bool = False
    drum: int | None = None  # what its unpitched notes are


class Note(NamedTuple):
    """A note within a measure; `tie` is "start", "stop", "continue" or ""."""

    onset: Fraction
    end: Fraction
    pitch: int
    velocity: int  # 0: none given
    tie: str
    staff: str
    program: int
    is_drum: bool


class Measure:
    """What one part has in one measure."""

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self.tempos: list[tuple[Fraction, float]] = []
        self.dynamics: list[tuple[Fraction, int]] = []
        self.metres: list[tuple[Fraction, int, int]] = []
        self.keys: list[tuple[Fraction, int, bool]] = []
        self.chords: list[tuple[Fraction, int]] = []  # symbols; see musictool/music/chords.py
        self.length = _NOTHING  # of what stands in it, but for rests of the whole measure
        self.rest = _NOTHING  # the length that such a rest says it has
        self.is_short = False  # a pickup, or half of a divided measure


class Part:
    """A part: its name and instruments, and its measures so far."""

    def __init__(self, listing: Element | None = None):
        self.measures: dict[int, Measure] = {}
        self.name = _text(listing, "part-name")
        self.is_transposed = False
        self._instruments: dict[str, Instrument] = {}
        self._default = Instrument()
        self._divisions = Fraction(1)
        self._transpositions: dict[str, int] = {}  # of each staff, or "" for all, in semitones
        if listing is not None:
            self._list_instruments(listing)

    def _list_instruments(self, listing: Element) -> None:
        """Take over the score-instruments, and what the midi-instruments say of them."""
        own = self.name or _text(listing, "part-abbreviation")
        found = instruments.program_of_name(own)
        self._default = Instrument(program=found or 0, drum=instruments.drum_of_name(own))
        scored = listing.findall("score-instrument")
        for each in scored:
            name, sound = _text(each, "instrument-name"), _text(each, "instrument-sound")
            self.name = self.name or name
            program = instruments.program_of_sound(sound)
            if program is None:
                program = instruments.program_of_name(name)
            is_drum = instruments.is_percussion(sound)
            drum = instruments.drum_of_name(sound) if is_drum else instruments.drum_of_name(name)
            self._instruments[each.get("id", "")] = replace(
                self._default,
                program=self._default.program if program is None else program,
                is_drum=is_drum,
                drum=self._default.drum if drum is None else drum,
            )
        for each in listing.findall("midi-instrument"):
            self._change_instrument(each)
        if scored:
            self._default = self._instruments[scored[0].get("id", "")]

    def _change_instrument(self, element: Element) -> None:
        """Obey a midi-instrument or an instrument-change."""
        ident = element.get("id", "")
        instrument = self._instruments.get(ident, self._default)
        sound = _text(element, "instrument-sound")
        if (program := instruments.program_of_sound(sound)) is not None:
            instrument = replace(instrument, program=program, is_drum=False)
        elif instruments.is_percussion(sound):
            instrument = replace(instrument, is_drum=True, drum=instruments.drum_of_name(sound))
        if (channel := _integer(element, "midi-channel")) is not None:
            instrument = replace(instrument, is_drum=channel - 1 == DRUM_CHANNEL)
        if (program := _integer(element, "midi-program")) is not None and 1 <= program <= PITCHES:
            instrument = replace(instrument, program=program - 1)
        if (drum := _integer(element, "midi-unpitched")) is not None and 1 <= drum <= PITCHES:
            instrument = replace(instrument, drum=drum - 1)
        is_default = self._instruments.get(ident) is self._default or not self._instruments
        if is_default or element.tag == "instrument-change":  # which notes that name none follow
            self._default = instrument
        self._instruments[ident] = instrument

    def read(self, element: Element, index: int, number: str, implicit: bool) -> None:
        """Read what a part has in a measure, the `index`th of the piece."""
        measure = self.measures.setdefault(index, Measure())
        measure.is_short |= implicit or index == 0 or number in ("0", "")
        at = chord = _NOTHING
        children = list(element)
        lone = sum(child.tag == "note" for child in children) == 1
        for child in children:
            if child.tag == "note":
                length = _NOTHING if child.find("grace") is not None else self._length(child)
                in_chord = child.find("chord") is not None  # which begins with the note before, and moves nothing on
                onset = chord if in_chord else at
                rest = child.find("rest")
                chord = onset
                if rest is not None and (rest.get("measure") == "yes" or (lone and measure.is_short)):
                    measure.rest = max(measure.rest, length)
                    at = onset + length
                    continue
                at = at if in_chord else onset + length
                measure.length = max(measure.length, onset + length)
                if rest is None and length and child.find("cue") is None:
                    self._note(measure, child, onset, onset + length)
            elif child.tag == "backup":
                at = max(_NOTHING, at - self._length(child))
            elif child.tag == "forward":
                at += self._length(child)
                measure.length = max(measure.length, at)
            elif child.tag == "attributes":
                self._attributes(measure, child, at)
            elif child.tag == "direction":
                self._direction(measure, child, at)
            elif child.tag == "harmony":
                self._harmony(measure, child, at)
            elif child.tag == "sound":
                self._sound(measure, child, at)

    def _length(self, element: Element) -> Fraction:
        return max(_NOTHING, Fraction(_decimal(element.findtext("duration", ""))) / self._divisions)

    def _note(self, measure: Measure, note: Element, onset: Fraction, end: Fraction) -> None:
        named = note.find("instrument")
        instrument = self._default if named is None else self._instruments.get(named.get("id", ""), self._default)
        staff = note.findtext("staff", "1").strip()
        pitch, is_drum = note.find("pitch"), instrument.is_drum
        if pitch is not None:
            key = self._sounding(pitch, staff)
            if is_drum and instrument.drum is not None:
                key = instrument.drum
        elif note.find("unpitched") is not None:
            key = DEFAULT_DRUM if instrument.drum is None else instrument.drum
            is_drum = True
        else:
            return
        if not 0 <= key < PITCHES:
            return
        kinds = {tie.get("type") for tie in note.findall("tie")}
        tie = "continue" if {"start", "stop"} <= kinds else "start" if "start" in kinds else "stop" if kinds else ""
        loud = _decimal(note.get("dynamics", ""))
        loud = min(127, max(1, round(loud * _FORTE / 100))) if loud > 0 else 0
        measure.notes.append(Note(onset, end, key, int(loud), tie, staff, instrument.program, is_drum))
        for mark in note.iterfind("notations/dynamics/*"):
            if mark.tag in LOUDNESS:
                measure.dynamics.append((onset, velocity(LOUDNESS[mark.tag])))

    def _sounding(self, pitch: Element, staff: str) -> int:
        """The MIDI number of a written pitch; quarter tones are rounded up."""
        step = _STEPS.get(_text(pitch, "step").upper(), 0)
        alter = _decimal(pitch.findtext("alter", ""))
        written = 12 * (int(_decimal(pitch.findtext("octave", "4"))) + 1) + step + int(alter + 1024.5) - 1024
        return written + self._transpositions.get(staff, self._transpositions.get("", 0))

    def _attributes(self, measure: Measure, element: Element, at: Fraction) -> None:
        if (divisions := _decimal(element.findtext("divisions", ""))) > 0:
            self._divisions = Fraction(divisions).limit_denominator(_FINEST) or self._divisions
        for key in element.findall("key")[:1]:
            if (fifths := _integer(key, "fifths")) is not None:
                measure.keys.append((at, fifths, _text(key, "mode") == "minor"))
        for time in element.findall("time")[:1]:
            counts = [_sum(each.text) for each in time.findall("beats")]
            units = [_sum(each.text) for each in time.findall("beat-type")]
            if counts and len(counts) == len(units) and all(0 < unit <= MAX_METRE for unit in units):
                unit = max(units)
                measure.metres.append((at, sum(n * unit // u for n, u in zip(counts, units, strict=True)), unit))
        for transpose in element.findall("transpose"):
            chromatic = int(_decimal(transpose.findtext("chromatic", "")))
            octaves = int(_decimal(transpose.findtext("octave-change", "")))
            if not transpose.get("number"):
                self._transpositions.clear()
            self._transpositions[transpose.get("number", "")] = chromatic + 12 * octaves
            self.is_transposed |= chromatic % 12 != 0

    def _direction(self, measure: Measure, element: Element, at: Fraction) -> None:
        offset = Fraction(_decimal(element.findtext("offset", ""))) / self._divisions
        at = max(_NOTHING, at + offset)
        for mark in element.iterfind("direction-type/dynamics/*"):
            if mark.tag in LOUDNESS:
                measure.dynamics.append((at, velocity(LOUDNESS[mark.tag])))
        sound = element.find("sound")
        if sound is not None:
            self._sound(measure, sound, at)
        if sound is None or not sound.get("tempo"):
            for metronome in element.iterfind("direction-type/metronome"):
                if (bpm := _quarters_per_minute(metronome)) > 0:
                    measure.tempos.append((at, bpm))

    def _harmony(self, measure: Measure, element: Element, at: Fraction) -> None:
        """A chord symbol: the root, and whether its third is minor. Degrees without a root mean nothing here."""
        at = max(_NOTHING, at + Fraction(_decimal(element.findtext("offset", ""))) / self._divisions)
        kind, step = _text(element, "kind"), _STEPS.get(_text(element, "root/root-step").upper())
        if kind == "none":
            measure.chords.append((at, NONE))
        elif step is not None:
            root = step + round(_decimal(element.findtext("root/root-alter", ""))) + self._transpositions.get("", 0)
            measure.chords.append((at, root % 12 + 12 * kind.startswith(("minor", "diminished", "half-diminished"))))

    def _sound(self, measure: Measure, element: Element, at: Fraction) -> None:
        if (bpm := _decimal(element.get("tempo", ""))) > 0:
            measure.tempos.append((at, bpm))
        for change in (*element.findall("instrument-change"), *element.findall("midi-instrument")):
            self._change_instrument(change)


def _quarters_per_minute(metronome: Element) -> float:
    """0 where it says something else, such as one unit being as long as another."""
    unit = _UNITS.get(_text(metronome, "beat-unit"))
    per_minute = _NUMBER.search(_text(metronome, "per-minute"))
    if unit is None or per_minute is None:
        return 0.0
    dots = len(metronome.findall("beat-unit-dot"))
    return float(per_minute[0]) * unit * (2 - 0.5**dots)


def _text(element: Element | None, path: str) -> str:
    return "" if element is None else " ".join(element.findtext(path, "").split())[:200]


def _integer(element: Element, path: str) -> int | None:
    text = _text(element, path)
    return int(text) if len(text) < 10 and re.fullmatch(r"[+-]?\d+", text) else None


def _decimal(text: str) -> float:
    """The number that a text is, at most a thousand million; 0 where it is none."""
    try:
        number = float(text)
    except ValueError:
        return 0.0
    return 0.0 if math.isnan(number) else min(_MOST, max(-_MOST, number))


def _sum(text: str | None) -> int:
    """The sum that beats may be written as, such as "3+2"; 0 where it is none."""
    terms = (text or "").replace(" ", "").split("+")
    return sum(map(int, terms)) if all(term.isdecimal() and len(term) < 4 for term in terms) else 0
