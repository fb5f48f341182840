"""Score -> ABC text (standard 2.1): a voice per track, more if its notes overlap; bars, chords, ties, key, metre.

    X:1                       L:1/16 is a sixteenth: C4 is a quarter note, C6 a dotted one
    T:the title
    M:3/4
    L:1/16
    Q:1/4=90
    K:D
    V:1 name="Violin"
    [FA]4 d4- d2 ^g2 | (3a2g2f2 z8 | ...

Every length is that of a note, dotted or not: triplets stand as triplets, and what is longer by an odd amount as notes
that are tied. Lost: times are rounded to twelfths of a quarter note, as in musictool's MusicXML; velocities, changes of
tempo and key; programs and drums are in `%%MIDI` lines, which abc2midi and some other players know. Chords that last
over a bar line are tied as the standard says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from musictool.atomic import replacing
from musictool.music.gm import program_name
from musictool.music.grid import to_steps, without_overlaps
from musictool.music.pitches import LETTERS
from musictool.music.score import DEFAULT_BPM, Score

SUFFIXES = (".abc",)
STEPS_PER_QUARTER = 12
STEPS_PER_UNIT = 3  # L:1/16
LENGTHS = sorted(
    (Fraction(head * 2**exponent, 4) for head in (1, 3) for exponent in range(12)), reverse=True
)  # in units
BARS_PER_LINE = 4
SHARPS, FLATS = "FCGDAEB", "BEADGCF"
WHITE_KEYS = {pitch_class: letter for letter, pitch_class in LETTERS.items()}
SIGNS = {-1: "_", 0: "=", 1: "^"}
MAJOR_KEYS = ["Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#"]  # by sharps, from -7

Chord = tuple[int, int, tuple[int, ...]]  # onset and length in steps, pitches
Piece = tuple[int, int, tuple[int, ...], bool]  # first and last step within a bar, pitches (none: a rest), tied on


def write(score: Score, path: Path) -> None:
    """Write one tune."""
    with replacing(Path(path)) as partial:
        partial.write_text(text_of(score), encoding="utf-8")


def text_of(score: Score) -> str:
    """The text of the tune."""
    notes = without_overlaps(score.notes)
    bpm = float(score.tempos["bpm"][0]) if len(score.tempos) else DEFAULT_BPM
    sharps = int(score.keys["sharps"][0]) if len(score.keys) else 0
    bars = _bars(score)
    lines = ["X:1", f"T:{_escaped(score.title) or 'Untitled'}", f"M:{bars[0][2]}", "L:1/16"]
    lines += [f"Q:1/4={round(bpm)}", f"K:{MAJOR_KEYS[sharps + 7]}"]
    number = 0
    for i in np.unique(notes["track"]).tolist():
        track = score.tracks[i]
        name = (track.name or program_name(track.program, track.is_drum)).replace('"', "'")
        for voice in _voices(notes[notes["track"] == i]):
            number += 1
            lines.append(f'V:{number} name="{name}"' + (" clef=perc" if track.is_drum else ""))
            lines.append("%%MIDI channel 10" if track.is_drum else f"%%MIDI program {track.program}")
            lines += _body(voice, bars, sharps)
    return "\n".join(lines) + "\n"


def _escaped(title: str) -> str:
    """A title on one line, in which neither a comment nor another letter begins."""
    title = " ".join(title.split()).replace("\\", "\\\\").replace("%", "\\%")
    return re.sub(r"&(?=#?\w+;)", r"\\&", title)


def _bars(score: Score) -> list[tuple[int, int, str]]:
    """First step, step after the last, and metre of each bar, up to the end of the notes."""
    onsets = score.bar_onsets_ticks()
    ends = np.append(onsets[1:], score.bar_line_ticks(len(onsets)))
    at = np.searchsorted(score.metres["onset_ticks"], onsets, side="right") - 1
    names = [
        f"{score.metres['numerator'][i]}/{score.metres['denominator'][i]}" if i >= 0 else "4/4" for i in at.tolist()
    ]
    first, last = to_steps(onsets, STEPS_PER_QUARTER).tolist(), to_steps(ends, STEPS_PER_QUARTER).tolist()
    return [bar for bar in zip(first, last, names, strict=True) if bar[1] > bar[0]]


def _voices(notes: np.ndarray) -> list[list[Chord]]:
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


def _body(voice: list[Chord], bars: list[tuple[int, int, str]], sharps: int) -> list[str]:
    """The lines of a voice."""
    lines, line, at, metre = [], "", 0, bars[0][2]
    for number, (first, last, name) in enumerate(bars):
        if name != metre or number % BARS_PER_LINE == 0:
            lines += [line] if line else []
            line, metre = (f"[M:{name}] " if name != metre else ""), name
        pieces: list[Piece] = []
        now = first
        while at < len(voice) and voice[at][0] < last:
            onset, length, pitches = voice[at]
            begin, end = max(onset, first), min(onset + length, last)
            pieces += [(now, begin, (), False)] if begin > now else []
            pieces.append((begin, end, pitches, onset + length > last))
            now = end
            if onset + length > last:
                break
            at += 1
        pieces += [(now, last, (), False)] if last > now else []
        line += _bar(pieces, first, last, _Accidentals(sharps)) + " | "
    return [*lines, line.rstrip(" |") + " |]"]


def _bar(pieces: list[Piece], first: int, last: int, accidentals: _Accidentals) -> str:
    """The pieces that fill a bar: beats of triplets as tuplets, everything else in plain lengths."""
    words = []
    for begin, end, is_triplet in _spans({piece[1] for piece in pieces}, first, last):
        symbols = []
        for piece_begin, piece_end, pitches, tied in pieces:
            steps = min(piece_end, end) - max(piece_begin, begin)
            if steps <= 0:
                continue
            lengths = _split(Fraction(steps, STEPS_PER_UNIT) * (Fraction(3, 2) if is_triplet else 1))
            for i, length in enumerate(lengths):
                goes_on = bool(pitches) and (tied or piece_end > end or i < len(lengths) - 1)
                head = accidentals.chord(pitches) if pitches else "z"
                symbols.append(head + ("" if length == 1 else str(length)) + ("-" if goes_on else ""))
        tuplet = "(3" if len(symbols) == 3 else f"(3:2:{len(symbols)}"
        words += [tuplet + "".join(symbols)] if is_triplet else symbols
    return " ".join(words)


def _spans(borders: set[int], first: int, last: int) -> Iterator[tuple[int, int, bool]]:
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


def _split(units: Fraction) -> list[Fraction]:
    """A length as those of notes that are tied, the longest first: 5 sixteenths are a quarter note and a sixteenth."""
    lengths = []
    while units:
        length = next(length for length in LENGTHS if length <= units)
        lengths.append(length)
        units -= length
    return lengths


class _Accidentals:
    """Spells the pitches of one bar: with a sign if the key does not imply it, or after another sign on that letter."""

    def __init__(self, sharps: int):
        self._flat = sharps < 0
        self._key = dict.fromkeys(FLATS[:-sharps] if self._flat else SHARPS[:sharps], -1 if self._flat else 1)
        self._signed: set[str] = set()

    def chord(self, pitches: tuple[int, ...]) -> str:
        """[CEG], or a single note."""
        notes = [self._note(pitch) for pitch in pitches]
        return notes[0] if len(notes) == 1 else f"[{''.join(notes)}]"

    def _note(self, pitch: int) -> str:
        alteration = next(a for a in self._order() if (pitch - a) % 12 in WHITE_KEYS and self._fits(pitch, a))
        white = pitch - alteration
        letter, octave = WHITE_KEYS[white % 12], white // 12 - 5  # 0: from middle C
        sign = SIGNS[alteration] if alteration != self._key.get(letter, 0) or letter in self._signed else ""
        if sign:
            self._signed.add(letter)
        name = letter if octave <= 0 else letter.lower()
        return sign + name + "," * -octave + "'" * (octave - 1)

    def _order(self) -> tuple[int, ...]:
        return (0, -1, 1) if self._flat else (0, 1, -1)

    def _fits(self, pitch: int, alteration: int) -> bool:
        """The key's own spelling first: in E flat major the black key is E flat; E natural is E, and not F flat."""
        in_key = [a for a in (-1, 0, 1) if self._key.get(WHITE_KEYS.get((pitch - a) % 12, ""), 0) == a]
        in_key = [a for a in in_key if (pitch - a) % 12 in WHITE_KEYS]
        return not in_key or alteration == in_key[0]
