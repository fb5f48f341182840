"""Notes and chords as words: the vocabulary of the tutorials, with rhythm.

One symbol an onset step: the pitches that start there, low to high, in music21's spelling ("-" is a flat), and the time
until the next symbol in sixteenths.

    C4:4             middle C, a quarter note
    C4.E-4.G4:8      C minor, a half note
    rest:8           silence of a half note
    C4.E4.G4         with rhythm=false: no time; every symbol half a quarter note long
    0.4.7:4          with pitch_classes=true: a chord in music21's normal order, played in the octave from middle C;
                     a single note, or one note in several octaves (the lowest stands for all), keeps its name

A symbol lasts at most 32 sixteenths (two whole notes). Silence is the time from the end of all sounding notes to the
next onset; what becomes of it says `rests`:

    keep    it stands as a rest; one longer than 32 sixteenths as several
    cap     silence shorter than a quarter note belongs to the symbol before it, as articulation; a longer one is one
            rest of at most a whole note. (With rhythm=false: shorter than half a quarter note.)
    drop    the symbol before it lasts until the next onset

Every rest that the options can make is in every vocabulary; a chord that the vocabulary lacks becomes the nearest one.

What is lost: how long a note sounds beyond the next onset (every note of a symbol ends where the next one begins),
velocities, which track plays what, programs, drums, tempo and metre, silence before the first note, all timing finer
than a sixteenth (triplets become uneven), times over 32 sixteenths, and, without rhythm, all time.

Source: Sigurður Skúli, "How to Generate Music using a LSTM Neural Network in Keras" (2017), whose symbols these are
with rhythm=false, pitch_classes=true, rests=drop. Honest limit: a chord is one symbol, so music of many independent
voices has more symbols than any model can learn; the rarest become their nearest neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from musictool.encoding import FIRST_TOKEN
from musictool.encodings._chord_vocabulary import ChordVocabulary
from musictool.encodings._chord_words import LONGEST_STEPS, TimedSpelling, pack
from musictool.encodings._learned import LearnedEncoding
from musictool.encodings._sections import split
from musictool.music.grid import in_steps, to_ticks
from musictool.music.score import DEFAULT_VELOCITY, Score
from musictool.options import option

STEPS_PER_QUARTER = 4
_CAPPED_STEPS = range(4, 17)  # rests=cap: of a rest; a shorter silence is articulation
_PLAIN_STEPS = 2  # rhythm=false: of every symbol


@dataclass(frozen=True)
class Options:
    """What can be set."""

    rhythm: bool = option(True, "whether symbols carry their time; false: each lasts half a quarter note")
    pitch_classes: bool = option(False, "whether chords lose their octaves, as music21's normal order")
    rests: Literal["keep", "cap", "drop"] = option("cap", "what becomes of silence")
    max_vocabulary: int = option(4096, "symbols at most, reserved ones and all rests included", least=64, most=65536)


class NoteChord(LearnedEncoding[ChordVocabulary]):
    """Notes and chords as words: int32 (T,), one symbol an onset; the vocabulary comes from `fit`."""

    name = "note-chord"
    Options = Options
    vocabulary_type = ChordVocabulary

    def spelling(self) -> TimedSpelling:
        return TimedSpelling(self.options.rhythm, self.options.pitch_classes, self._rest_steps)

    @property
    def _rest_steps(self) -> range:
        """How long a rest can be; without rhythm just 0."""
        if self.options.rests == "drop":
            return range(0)
        if not self.options.rhythm:
            return range(1)
        return range(1, LONGEST_STEPS + 1) if self.options.rests == "keep" else _CAPPED_STEPS

    def words(self, score: Score) -> list[bytes]:
        """The symbols of all notes that are no drums."""
        notes = score.notes[~score.is_drum]
        if not len(notes):
            return []
        places, steps = in_steps(notes, STEPS_PER_QUARTER)
        last = np.append(np.flatnonzero(places[1:] != places[:-1]), len(places) - 1)  # the last note of each onset
        ends = np.maximum.accumulate(places + steps)[last]
        onsets = places[last]
        following = np.append(onsets[1:], ends[-1])
        behind, rests = self._rests(following - ends)
        following[behind] = ends[behind]
        lengths = np.minimum(following - onsets, LONGEST_STEPS)
        nth = np.arange(len(behind)) - np.searchsorted(behind, behind)  # which rest of its silence
        of, lengths = np.append(onsets, ends[behind] + nth), np.append(lengths, rests)
        return pack(places, notes["pitch"], of, lengths if self.options.rhythm else 0)

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
            silent, steps = split(silence[behind], LONGEST_STEPS)
            return behind[silent], steps
        return behind, np.minimum(silence[behind], _CAPPED_STEPS[-1])

    def decode(self, rows: np.ndarray) -> Score:
        """One piano track at velocity 80; each symbol's pitches last until the next symbol."""
        rows = np.asarray(rows, np.int64).reshape(-1)
        steps = self._steps(rows)
        owner, pitches = self.known.notes(rows)
        return Score.from_columns(
            to_ticks((np.cumsum(steps) - steps)[owner], STEPS_PER_QUARTER),
            to_ticks(steps[owner], STEPS_PER_QUARTER),
            pitches,
            np.full(len(owner), DEFAULT_VELOCITY),
            np.zeros(len(owner)),
        )

    def positions(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,), ticks: where each symbol begins."""
        steps = self._steps(np.asarray(rows, np.int64))
        return to_ticks(np.cumsum(steps) - steps, STEPS_PER_QUARTER)

    def _steps(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,): how long each symbol lasts; reserved ones do not."""
        return self.known.steps[rows] if self.options.rhythm else np.where(rows < FIRST_TOKEN, 0, _PLAIN_STEPS)
