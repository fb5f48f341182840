"""One voice of an ABC tune in time: notes, rests, bars, ties, tuplets, broken rhythm, overlays, accidentals.

Times are whole numbers, of which a quarter note has so many that binary lengths, tuplets of 3, 5, 7, 9, 11 and 13 and
what broken rhythm makes of them come out exact.
"""

from __future__ import annotations

import re
from copy import copy
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from musictool.errors import BadFile
from musictool.music.pitches import LETTERS, MIDDLE_C
from musictool.music.score import DEFAULT_VELOCITY, PITCHES, TICKS_PER_QUARTER
from musictool.readers._abc_fields import Key, number
from musictool.reading import MAX_NOTES

PARTS = 2**7 * 3**3 * 5 * 7 * 11 * 13  # of a tick
QUARTER = TICKS_PER_QUARTER * PARTS
LENGTH = r"\d*/*\d*"
NOTE = re.compile(rf"([\^_=]*)(\d*/*\d*)([A-Ga-g])([,']*)({LENGTH})")
_MEANINGS = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}  # (p notes in the time of q; (5, (7 and (9 depend on the metre


class Head(NamedTuple):
    """A written note: its letter (upper case), its octave above middle C's, its alteration (None: no sign)."""

    letter: str
    octave: int
    alteration: int | None

    @classmethod
    def of(cls, note: re.Match[str]) -> Head:
        """The head of a match of NOTE; microtones are rounded towards the natural note."""
        sign, fraction, letter, octaves = note[1], note[2], note[3], note[4]
        octave = letter.islower() + octaves.count("'") - octaves.count(",")
        alteration = max(-2, min(2, sign.count("^") - sign.count("_")))
        if fraction:
            alteration = int(alteration * scaled(2**20, fraction) / 2**20)
        return cls(letter.upper(), octave, alteration if sign else None)

    def pitch(self, alteration: int) -> int:
        """The MIDI number that it has with this alteration."""
        return MIDDLE_C + LETTERS[self.letter] + 12 * self.octave + alteration


class _Tied(NamedTuple):
    letter: str
    octave: int
    alteration: int
    row: list[int]


@dataclass
class Voice:
    """Where a voice is and what holds there; times and lengths in parts.

    Attributes:
        rows: [onset, end, pitch, velocity, program, is_drum] of each note so far.
        metres, keys: (time, metre or key) of each change.
        bars: (time, whether more than a plain one) of each bar line.
    """

    name: str = ""
    unit: int = QUARTER // 2
    metre: tuple[int, int] | None = None
    key: Key = field(default_factory=Key)
    clef_octave: int = 0  # all of these in semitones
    octave: int = 0
    transpose: int = 0
    midi_transpose: int = 0
    channel: int = 0  # MIDI's, from 1; 0 until one is named: then the n-th voice plays on channel n
    program: int = 0
    is_drum: bool = False
    drums: dict[int, int] = field(default_factory=dict)  # written pitch -> drum
    velocity: int = DEFAULT_VELOCITY
    propagate: str = "pitch"  # or "octave", "not"

    def __post_init__(self) -> None:
        self.at = self.bar = self.bar_end = 0
        self.rows: list[list[int]] = []
        self.metres = [(0, self.metre)]
        self.keys = [(0, self.key)]
        self.bars: list[tuple[int, bool]] = []
        self.lost = 0  # notes outside of MIDI's 128
        self._span: int | None = None  # where an overlay of several bars began
        self._accidentals: dict[str | tuple[str, int], int] = {}
        self._ties: list[_Tied] = []
        self._last: tuple[int, int, list[_Tied]] | None = None  # onset, length and notes of what sounded last
        self._broken = ""  # > or < behind it
        self.uneven = False  # whether such a sign stood between notes of different lengths
        self._tuplet = (0, 1, 1)  # how many notes it still has, and their factor

    def fork(self) -> Voice:
        """A new voice in which the same holds."""
        voice = copy(self)
        voice.drums = dict(self.drums)
        voice.__post_init__()
        voice.go_on_at(self.at)
        return voice

    @property
    def shift(self) -> int:
        """Semitones from the written to the sounding pitch."""
        return self.clef_octave + self.octave + self.transpose + self.midi_transpose

    @property
    def bar_length(self) -> int:
        numerator, denominator = self.metre or (4, 4)
        return 4 * QUARTER * numerator // denominator

    def set_metre(self, metre: tuple[int, int] | None) -> None:
        self.metre = metre
        self.metres.append((self.at, metre))

    def set_key(self, key: Key) -> None:
        self.key = key
        self.keys.append((self.at, key))
        self._accidentals = {}

    def sound(self, heads: list[tuple[Head, bool]], length: int) -> None:
        """A note, a chord or (no heads) a rest; each head with whether it is tied to what comes."""
        left, times, over = self._tuplet
        if left:
            length = length * times // over
            self._tuplet = (left - 1, times, over)
        length = self._lengthen(length) if self._broken else length
        notes = [self._strike(head, length) for head, _ in heads] if length else []
        self._last = self.at, length, notes
        self._ties += [note for note, (_, tied) in zip(notes, heads, strict=False) if tied]
        self.at += length

    def _strike(self, head: Head, length: int) -> _Tied:
        ends_here = [tied for tied in self._ties if tied.row[1] == self.at] if self._ties else []
        alteration = self._alteration(head, next((tied for tied in ends_here if tied[:2] == head[:2]), None))
        pitch = head.pitch(alteration)
        pitch = self.drums.get(pitch, pitch) if self.is_drum else pitch + self.shift
        tied = next((tied for tied in ends_here if tied.row[2] == pitch), None)
        if tied:
            self._ties.remove(tied)
            row = tied.row
            row[1] = self.at + length
        else:
            row = [self.at, self.at + length, pitch, self.velocity, self.program, self.is_drum]
            if 0 <= pitch < PITCHES:
                self.rows.append(row)
            else:
                self.lost += 1
            if len(self.rows) > MAX_NOTES:
                raise BadFile("too many notes", f"a voice has more than {MAX_NOTES:,}")
        return _Tied(head.letter, head.octave, alteration, row)

    def _alteration(self, head: Head, tied: _Tied | None) -> int:
        """The semitones of its own sign, else of the note that is tied to it, of the bar so far, of the key."""
        place = head[:2] if self.propagate == "octave" else head.letter
        if head.alteration is not None:
            if self.propagate != "not":
                self._accidentals[place] = head.alteration
            return head.alteration
        if tied:
            return tied.alteration
        return self._accidentals.get(place, self.key.alterations.get(head.letter, 0))

    def note_sign(self, head: Head) -> None:
        """Keep the sign of a note that does not sound."""
        self._alteration(head, None)

    def tie(self) -> None:
        """What sounded last goes on in the next note of its pitch."""
        if self._last:
            self._ties += [note for note in self._last[2] if note not in self._ties]

    def broken_rhythm(self, signs: str) -> bool:
        """> makes the note before it longer and the note behind it shorter, < the reverse; False without a note."""
        self._broken = signs if self._last else ""
        return self._last is not None

    def _lengthen(self, length: int) -> int:
        """The length that broken rhythm leaves of the next note's `length`, after the last note had its share.

        Between notes of different lengths it "will produce undefined results" (4.4): they stay as they are written, as
        in abc2midi, so that bars keep their length.
        """
        signs, self._broken = self._broken, ""
        if self._last is None or self._last[1] != length:
            self.uneven = True
            return length
        onset, _, notes = self._last
        short = length // 2 ** min(len(signs), 6)
        first, second = (2 * length - short, short) if signs[0] == ">" else (short, 2 * length - short)
        end, before = onset + first, self.at
        for note in notes:
            note.row[1] = end
        self.at = end
        if self.bar == before:  # a bar line stood between the two
            self.bar = self.bar_end = end
            self.bars[-1:] = [(end, strong) for _, strong in self.bars[-1:]]
        return second

    def begin_tuplet(self, token: str) -> None:
        """(p, (p:q, (p:q:r: p notes in the time of q, for the next r notes."""
        p, q, r = (*(number(digits, 0) for digits in token[1:].split(":")), 0, 0)[:3]
        compound = self.metre is not None and self.metre[0] % 3 == 0 and self.metre[0] > 3
        if p > 1:
            self._tuplet = (r or p, q or _MEANINGS.get(p, 3 if compound else 2), p)

    def go_on_at(self, at: int) -> None:
        """Be silent until a time; it is the beginning of a bar."""
        if at > self.at:
            self.at = self.bar = self.bar_end = at
            self.bars.append((at, False))

    def rest_bars(self, bars: int) -> None:
        self.at += bars * self.bar_length
        self._last = None

    def bar_line(self, token: str) -> None:
        """The end of a bar, or of a part of it: accidentals and overlays end."""
        if self._span is None:
            self.at = max(self.at, self.bar_end)
            self.bar = self.bar_end = self.at
        self._accidentals = {}
        self._ties = [tied for tied in self._ties if tied.row[1] >= self.bar]
        if not self.bars or self.at > self.bars[-1][0]:
            self.bars.append((self.at, len(token.rstrip("0123456789,-")) > 1))

    def overlay(self, token: str) -> None:
        """&: back to the beginning of the bar. (& and &): the same over several bars."""
        self.bar_end = max(self.bar_end, self.at)
        if token == "(&":
            self._span = self.at
        elif token == "&":
            self.at = self.bar if self._span is None else self._span
        elif self._span is not None:
            self._span, self.at = None, self.bar_end
            self.bar = self.at
        self._accidentals, self._last, self._tuplet, self._broken = {}, None, (0, 1, 1), ""


@lru_cache(1024)
def scaled(unit: int, length: str) -> int:
    """A note length: "" is the unit, "3/2" one and a half, "/" and "/2" half of it, "//" a quarter."""
    top, slash, bottom = length.partition("/")
    unit *= number(top)
    if not slash:
        return unit
    halvings = bottom.count("/") + (not bottom.strip("/"))
    return unit // (2 ** min(halvings, 30) * max(1, number(bottom.strip("/"))))
