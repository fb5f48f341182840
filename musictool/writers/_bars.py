"""A Score as notation has it: bars, voices, and notes of lengths that can be written, tied and in triplets.

Times are rounded to twelfths of a quarter note, the steps here: sixteenths and triplets are exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from musictool.music.grid import to_steps
from musictool.music.pitches import LETTERS
from musictool.music.score import Score

STEPS_PER_QUARTER = 12
STEPS_PER_UNIT = 3  # a sixteenth, in which written lengths are counted
LENGTHS = sorted((Fraction(head * 2**exponent, 4) for head in (1, 3) for exponent in range(12)), reverse=True)
SHARPS, FLATS = "FCGDAEB", "BEADGCF"
WHITE_KEYS = {pitch_class: letter for letter, pitch_class in LETTERS.items()}

Chord = tuple[int, int, tuple[int, ...]]  # onset and length in steps, pitches
Piece = tuple[int, int, tuple[int, ...], bool, bool]  # first and last step in a bar, pitches, tied to before and on


class Bar(NamedTuple):
    """A bar, from its first step to the one behind its last."""

    first: int
    last: int
    numerator: int
    denominator: int


class Symbol(NamedTuple):
    """A chord, a note or (no pitches) a rest of one written length, in sixteenths."""

    pitches: tuple[int, ...]
    length: Fraction
    steps: int
    comes: bool  # it is tied to the symbol before
    goes_on: bool  # and to the one behind


class Span(NamedTuple):
    """What of a bar is written in plain lengths, or in triplets: three in the time of two."""

    symbols: list[Symbol]
    is_triplet: bool


def bars_of(score: Score) -> list[Bar]:
    """The bars of a piece up to the end of its notes."""
    onsets = score.bar_onsets_ticks()
    ends = np.append(onsets[1:], score.bar_line_ticks(len(onsets)))
    at = np.searchsorted(score.metres["onset_ticks"], onsets, side="right") - 1
    metres = [(*score.metres[["numerator", "denominator"]][i].tolist(),) if i >= 0 else (4, 4) for i in at.tolist()]
    first, last = to_steps(onsets, STEPS_PER_QUARTER).tolist(), to_steps(ends, STEPS_PER_QUARTER).tolist()
    bars = (Bar(begin, end, *metre) for begin, end, metre in zip(first, last, metres, strict=True))
    return [bar for bar in bars if bar.last > bar.first]


def staff_voices(notes: np.ndarray) -> list[list[Chord]]:
    """Sequences of chords that do not overlap; notes that begin and end together are one chord."""
    onsets = to_steps(notes["onset_ticks"], STEPS_PER_QUARTER)
    ends = to_steps(notes["onset_ticks"].astype(np.int64) + notes["duration_ticks"], STEPS_PER_QUARTER)
    together: dict[tuple[int, int], set[int]] = {}
    for onset, end, pitch in zip(onsets.tolist(), ends.tolist(), notes["pitch"].tolist(), strict=True):
        together.setdefault((onset, max(1, end - onset)), set()).add(pitch)
    voices: list[list[Chord]] = []
    for (onset, length), pitches in sorted(together.items(), key=lambda item: (item[0][0], -max(item[1]))):
        free = next((voice for voice in voices if voice[-1][0] + voice[-1][1] <= onset), None)
        if free is None:
            free = []
            voices.append(free)
        free.append((onset, length, tuple(sorted(pitches))))
    return voices


def spans_of(voice: list[Chord], bars: list[Bar]) -> Iterator[list[Span]]:
    """What a voice has in each of the bars, which its spans fill."""
    at = 0
    for first, last, *_ in bars:
        pieces: list[Piece] = []
        now = first
        while at < len(voice) and voice[at][0] < last:
            onset, length, pitches = voice[at]
            begin, end = max(onset, first), min(onset + length, last)
            pieces += [(now, begin, (), False, False)] if begin > now else []
            pieces.append((begin, end, pitches, onset < first, onset + length > last))
            now = end
            if onset + length > last:
                break
            at += 1
        pieces += [(now, last, (), False, False)] if last > now else []
        yield [
            Span(_symbols(pieces, begin, end, is_triplet), is_triplet)
            for begin, end, is_triplet in _borders({piece[1] for piece in pieces}, first, last)
        ]


def _symbols(pieces: list[Piece], begin: int, end: int, is_triplet: bool) -> list[Symbol]:
    """The pieces of a bar as far as they lie between two steps."""
    symbols = []
    for piece_begin, piece_end, pitches, comes, goes_on in pieces:
        steps = min(piece_end, end) - max(piece_begin, begin)
        if steps <= 0:
            continue
        lengths = _split(steps, is_triplet)
        for i, (length, written_steps) in enumerate(lengths):
            is_tied = bool(pitches) and (comes or piece_begin < begin or i > 0)
            is_tied_on = bool(pitches) and (goes_on or piece_end > end or i < len(lengths) - 1)
            symbols.append(Symbol(pitches, length, written_steps, is_tied, is_tied_on))
    return symbols


def _borders(borders: set[int], first: int, last: int) -> Iterator[tuple[int, int, bool]]:
    """A bar cut into (first step, step after the last, whether of triplets): of two beats, of one, or the rest."""
    plain, at = first, first
    while at < last:
        two_beats = at + 2 * STEPS_PER_QUARTER
        inner = {border - at for border in borders if at < border < two_beats}
        if two_beats <= last and inner and not any(step % 8 for step in inner):
            end = two_beats  # three notes in the time of two quarter notes
        else:
            end = min(at + STEPS_PER_QUARTER, last)
            inner = {border - at for border in borders if at < border <= end}
        if any(step % STEPS_PER_UNIT for step in inner):
            if plain < at:
                yield plain, at, False
            yield at, end, True
            plain = end
        at = end
    if plain < last:
        yield plain, last, False


@lru_cache(4096)
def _split(steps: int, is_triplet: bool) -> tuple[tuple[Fraction, int], ...]:
    """A length as (written length, steps) of notes that are tied, the longest first: 5 sixteenths are a quarter note
    and a sixteenth."""
    shrunk = Fraction(3, 2) if is_triplet else Fraction(1)
    units = Fraction(steps, STEPS_PER_UNIT) * shrunk
    lengths = []
    while units:
        length = next(length for length in LENGTHS if length <= units)
        lengths.append((length, int(length * STEPS_PER_UNIT / shrunk)))
        units -= length
    return tuple(lengths)


class Spelled(NamedTuple):
    """A pitch as it is written."""

    letter: str
    alteration: int  # semitones
    octave: int  # 4: from middle C
    is_signed: bool  # whether the accidental is to be written


class Spelling:
    """Spells the pitches of one bar: with a sign if the key does not imply it, or after another sign on that letter."""

    def __init__(self, sharps: int):
        self._sharps = sharps
        self._signed: set[str] = set()

    def of(self, pitch: int) -> Spelled:
        """How a pitch is written, behind those that were asked for before."""
        spelled = _spelled(pitch, self._sharps)
        if spelled.is_signed:
            self._signed.add(spelled.letter)
        elif spelled.letter in self._signed:
            return spelled._replace(is_signed=True)
        return spelled


@lru_cache(4096)
def _spelled(pitch: int, sharps: int) -> Spelled:
    """A pitch at the beginning of a bar: in E flat major the black key is E flat; E natural is E, and not F flat."""
    sign = -1 if sharps < 0 else 1
    key = dict.fromkeys(FLATS[:-sharps] if sharps < 0 else SHARPS[:sharps], sign)
    letters = {a: WHITE_KEYS[(pitch - a) % 12] for a in (0, sign, -sign) if (pitch - a) % 12 in WHITE_KEYS}
    in_key = (a for a in (-1, 0, 1) if a in letters and key.get(letters[a], 0) == a)
    alteration = next(in_key, next(iter(letters)))
    letter = letters[alteration]
    return Spelled(letter, alteration, (pitch - alteration) // 12 - 1, alteration != key.get(letter, 0))
