"""Chords as music21's `chordify` writes them: what sounds, struck or held over, and the time to the next change.

The music is cut wherever a note begins or ends. Each such slice is written by its parts, one token each:

    a metre      where it changes and a bar begins: 4/4 3/4 2/4 6/8 ... (16 of them); before any it is 4/4
    a position   how many steps after the beginning of its bar the slice begins
    a duration   1, 2, ... steps; up to 8 quarter notes (a longer slice is several)
    its pitches  21 (A0) .. 108 (C8), low to high, each struck or held over from the slice before; none in silence

So a half note C4 under the quarter notes E4 and F4 is

    position 0, duration 4, struck C4, struck E4;  position 4, duration 4, held C4, struck F4

The vocabulary is open: a network predicts a chord by its parts, each given those before, so there is no chord that it
lacks, and the likelihood of a chord is exact, the product over its parts. With positions=false there are neither metres
nor positions. What rows that no piece makes come to is said in musictool/encodings/_slices.py.

What is lost: velocities, which track plays what (two notes of one pitch at once are one), programs, drums, tempo,
metres other than those 16, all timing finer than a step (a sixteenth: triplets become uneven; 12 steps per quarter note
keep them). Pitches off the piano's keyboard move by octaves. Limit: music of many voices that move one by one makes
many slices, each of which names all that sounds; for a pianist's performance or a band others are shorter.

With vocabulary=closed, rhythm=false or pitch_classes=true it is the vocabulary of the tutorials: one token per onset,
the pitches that start there, low to high, in music21's spelling ("-" is a flat), and the time until the next token in
sixteenths.

    C4:4             middle C, a quarter note
    C4.E-4.G4:8      C minor, a half note
    rest:8           silence of a half note
    C4.E4.G4         with rhythm=false: no time; every token half a quarter note long
    0.4.7:4          with pitch_classes=true: a chord in music21's normal order, played in the octave from middle C;
                     a single note, or one note in several octaves (the lowest stands for all), keeps its name

A token lasts at most 32 sixteenths (two whole notes). Silence is the time from the end of all sounding notes to the
next onset; the option `rests` says what becomes of it:

    keep    it stands as a rest; one longer than 32 sixteenths as several
    cap     silence shorter than a quarter note belongs to the token before it, as articulation; a longer one is one
            rest of at most a whole note. (With rhythm=false: shorter than half a quarter note.)
    drop    the token before it lasts until the next onset

Every rest that the options can make is in every vocabulary; a chord that the vocabulary lacks becomes the nearest one.
Lost besides: how long a note sounds beyond the next onset (every note of a token ends where the next one begins), rare
chords, metre, silence before the first note, times over 32 sixteenths, and, without rhythm, all time. Dense music has
more chords than any vocabulary holds, and what is left of it sounds broken.

Sources: struck and held pitches, a chord predicted from one voice to the next: Liang, "BachBot" (2016), there a chord
per sixteenth; here one per change, with its duration. Closed: Sigurður Skúli, "How to Generate Music using a LSTM
Neural Network in Keras" (2017), whose tokens those are with rhythm=false, pitch_classes=true, rests=drop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

import numpy as np

from musictool.encoding import FIRST_TOKEN
from musictool.encodings._chords import LENGTH, LONGEST_STEPS, ChordFormat, ChordVocabulary, rest_bytes, to_bytes
from musictool.encodings._slices import Slices
from musictool.music.grid import in_steps, split_long, to_ticks
from musictool.music.pitches import MIDDLE_C, MUSIC21_NAMES
from musictool.music.score import DEFAULT_VELOCITY, PITCHES, Score
from musictool.options import option
from musictool.vocabulary import LearnedEncoding

LONGEST_QUARTERS = 8  # of a slice
STEPS_PER_QUARTER = 4  # of a closed vocabulary
_CAPPED_STEPS = range(4, 17)  # rests=cap: of a rest; a shorter silence is articulation
_PLAIN_STEPS = 2  # rhythm=false: of every token
_PITCH_OF = {name: pitch for pitch, name in enumerate(MUSIC21_NAMES)}


@dataclass(frozen=True)
class Options:
    """What can be set."""

    vocabulary: Literal["open", "closed"] = option(
        "open", "open: a chord is written by its parts; closed: as one token, which loses held notes and rare chords"
    )
    steps_per_quarter: int = option(
        4, "open: steps of the grid in a quarter note; 4: sixteenths; 12: triplets too", least=1, most=48
    )
    positions: bool = option(True, "open: whether there are tokens for the metre and the position in the bar")
    rhythm: bool = option(True, "false: a closed vocabulary without time, each token lasts half a quarter note")
    pitch_classes: bool = option(
        False, "true: a closed vocabulary whose chords lose their octaves, as music21's normal order"
    )
    rests: Literal["keep", "cap", "drop"] = option("cap", "closed: what becomes of silence")
    max_vocabulary: int = option(
        4096, "closed: vocabulary size at most, reserved tokens and all rests included", least=64, most=65536
    )

    @property
    def is_closed(self) -> bool:
        """Whether a chord is one token."""
        return self.vocabulary == "closed" or not self.rhythm or self.pitch_classes


class NoteChord(Slices):
    """Slices of what sounds: int32 (T,), a position, a duration and each pitch; with closed options ClosedNoteChord."""

    name = "note-chord"
    Options = Options
    UNNAMED: ClassVar = {"vocabulary": "closed"}

    def __new__(cls, settings: Any = None) -> Any:
        if settings is not None and settings.is_closed:
            return ClosedNoteChord(settings)
        return super().__new__(cls)

    def __init__(self, settings: Any = None):
        settings = settings or Options()
        super().__init__(settings, LONGEST_QUARTERS * settings.steps_per_quarter, settings.positions)


class TimedChordFormat(ChordFormat):
    """The tokens of a closed vocabulary.

    Args:
        rhythm: whether they carry their time.
        pitch_classes: whether chords lose their octaves.
        rests: how many steps a rest can have.
    """

    name = "note-chord"
    pitches = range(PITCHES)

    def __init__(self, rhythm: bool = True, pitch_classes: bool = False, rests: range = range(0)):
        self.rhythm = rhythm
        self.pitch_classes = pitch_classes
        self.always = tuple(rest_bytes(steps) for steps in rests)

    def canonical(self, token_bytes: bytes) -> bytes:
        """With pitch_classes, a chord in the octave of middle C, and a chord of one pitch class as its lowest note."""
        if not self.pitch_classes or len(token_bytes) < 3:
            return token_bytes
        chord = {MIDDLE_C + pitch % 12 for pitch in token_bytes[:-1]}
        return (bytes(sorted(chord)) if len(chord) > 1 else token_bytes[:1]) + token_bytes[-1:]

    def transpose(self, token_bytes: Sequence[bytes], semitones: int) -> list[bytes]:
        transposed = super().transpose(token_bytes, semitones)
        return list(map(self.canonical, transposed)) if self.pitch_classes else transposed

    def to_text(self, token_bytes: bytes) -> str:
        name = pitches_name(token_bytes[:-1], self.pitch_classes) or "rest"
        return f"{name}:{token_bytes[-1] - LENGTH}" if self.rhythm else name

    def parse(self, text: str) -> bytes:
        name, _, steps = text.partition(":")
        length = int(steps) if self.rhythm else 0
        pitches = b"" if name == "rest" else chord_pitches(name)
        lawful = 0 < length <= LONGEST_STEPS if self.rhythm else not length
        if not lawful or pitches != bytes(sorted(set(pitches))):
            raise ValueError
        return pitches + rest_bytes(length)


class ClosedNoteChord(LearnedEncoding[ChordVocabulary]):
    """Notes and chords as tokens: int32 (T,), one per onset; the vocabulary comes from `fit`."""

    name = "note-chord"
    Options = Options
    vocabulary_type = ChordVocabulary

    def token_format(self) -> TimedChordFormat:
        return TimedChordFormat(self.options.rhythm, self.options.pitch_classes, self._rest_steps)

    @property
    def _rest_steps(self) -> range:
        """How long a rest can be; without rhythm just 0."""
        if self.options.rests == "drop":
            return range(0)
        if not self.options.rhythm:
            return range(1)
        return range(1, LONGEST_STEPS + 1) if self.options.rests == "keep" else _CAPPED_STEPS

    def token_bytes(self, score: Score) -> list[bytes]:
        """The chords and rests of all notes that are no drums."""
        notes = score.notes[~score.is_drum]
        if not len(notes):
            return []
        # each onset, and where all notes that have begun by then have ended
        places, steps = in_steps(notes, STEPS_PER_QUARTER)
        last = np.append(np.flatnonzero(places[1:] != places[:-1]), len(places) - 1)  # the last note of each onset
        ends = np.maximum.accumulate(places + steps)[last]
        onsets = places[last]
        # a chord lasts until the next onset, or up to the rest behind it
        following = np.append(onsets[1:], ends[-1])
        behind, rests = self._rests(following - ends)
        following[behind] = ends[behind]
        lengths = np.minimum(following - onsets, LONGEST_STEPS)
        # rests stand on the steps behind the end of the chord, in the order of their silence
        nth = np.arange(len(behind)) - np.searchsorted(behind, behind)
        of, lengths = np.append(onsets, ends[behind] + nth), np.append(lengths, rests)
        return to_bytes(places, notes["pitch"], of, lengths if self.options.rhythm else 0)

    def _rests(self, silence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """int64 (R,) each: the onset behind which each rest stands, and its steps.

        Args:
            silence: int64 (onsets,), steps without any sound before the next onset.
        """
        if self.options.rests == "drop":
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        articulation = _CAPPED_STEPS.start if self.options.rhythm else _PLAIN_STEPS
        behind = np.flatnonzero(silence >= (articulation if self.options.rests == "cap" else 1))
        if self.options.rests == "keep" and self.options.rhythm:
            silent, steps = split_long(silence[behind], LONGEST_STEPS)
            return behind[silent], steps
        return behind, np.minimum(silence[behind], _CAPPED_STEPS[-1])

    def decode(self, rows: np.ndarray) -> Score:
        """One piano track at velocity 80; each token's pitches last until the next token."""
        rows = np.asarray(rows, np.int64).reshape(-1)
        steps = self._steps(rows)
        owner, pitches = self.learned.notes(rows)
        return Score.from_columns(
            to_ticks((np.cumsum(steps) - steps)[owner], STEPS_PER_QUARTER),
            to_ticks(steps[owner], STEPS_PER_QUARTER),
            pitches,
            np.full(len(owner), DEFAULT_VELOCITY),
            np.zeros(len(owner)),
        )

    def positions(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,), ticks: where each token begins."""
        steps = self._steps(np.asarray(rows, np.int64))
        return to_ticks(np.cumsum(steps) - steps, STEPS_PER_QUARTER)

    def reached(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,), ticks: where each token ends."""
        return to_ticks(np.cumsum(self._steps(np.asarray(rows, np.int64))), STEPS_PER_QUARTER)

    def _steps(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,): how long each token lasts; reserved ones do not."""
        return self.learned.steps[rows] if self.options.rhythm else np.where(rows < FIRST_TOKEN, 0, _PLAIN_STEPS)


def pitches_name(pitches: bytes, pitch_classes: bool = False) -> str:
    """ "C4.E4.G4" of MIDI numbers, low to high; with `pitch_classes` the normal order "0.4.7" if there are several."""
    if pitch_classes and len(pitches) > 1:
        return ".".join(map(str, normal_order(frozenset(pitch % 12 for pitch in pitches))))
    return ".".join(MUSIC21_NAMES[pitch] for pitch in pitches)


def chord_pitches(name: str) -> bytes:
    """The MIDI numbers that a pitches_name means; pitch classes lie in the octave from middle C.

    Raises:
        ValueError: for text that is no such name.
    """
    parts = name.split(".")
    try:
        if parts[0].isdigit():
            return bytes(sorted(MIDDLE_C + int(part) % 12 for part in parts))
        return bytes(_PITCH_OF[part] for part in parts)
    except KeyError:
        raise ValueError(f"'{name}' is no chord") from None


@cache
def normal_order(classes: frozenset[int]) -> tuple[int, ...]:
    """The pitch classes in music21's normal order: {5, 9, 0} -> (5, 9, 0), F major."""
    from music21.chord import Chord

    return tuple(Chord(sorted(classes)).normalOrder)
