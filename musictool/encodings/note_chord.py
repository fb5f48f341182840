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

What is lost: how long a note sounds beyond the next onset (every note of a symbol ends where the next one begins),
velocities, which track plays what, programs, drums, tempo and metre, silence before the first note, all timing finer
than a sixteenth (triplets become uneven), times over 32 sixteenths, and, without rhythm, all time.

Source: Sigurður Skúli, "How to Generate Music using a LSTM Neural Network in Keras" (2017), whose symbols these are
with rhythm=false, pitch_classes=true, rests=drop. Honest limit: a chord is one symbol, so music of many independent
voices has more symbols than any model can learn; the rarest become their nearest neighbour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from musictool.encodings._base import FIRST_SYMBOL, Encoding, Spec
from musictool.encodings._chord_keys import LONGEST_STEPS, Spelling, pack
from musictool.encodings._chord_vocabulary import ChordVocabulary
from musictool.encodings._vocabulary import Vocabulary
from musictool.grid import to_steps, to_ticks
from musictool.options import option
from musictool.score import DEFAULT_VELOCITY, Score

STEPS_PER_QUARTER = 4
SHORTEST_REST_STEPS = 4  # rests=cap: a shorter silence is articulation
LONGEST_REST_STEPS = 16  # rests=cap
PLAIN_STEPS = 2  # rhythm=false: of every symbol
_COUNTED = 2_000_000  # different symbols of a corpus, beyond which those met once are forgotten


@dataclass(frozen=True)
class Options:
    """What can be set."""

    rhythm: bool = option(True, "whether symbols carry their time; false: each lasts half a quarter note")
    pitch_classes: bool = option(False, "whether chords lose their octaves, as music21's normal order")
    rests: Literal["keep", "cap", "drop"] = option("cap", "what becomes of silence")
    max_vocabulary: int = option(4096, "symbols at most, the 3 reserved ones included", least=4, most=65536)


class NoteChord(Encoding):
    """Notes and chords as words: int32 (T,), one symbol an onset; the vocabulary comes from `fit`."""

    name = "note-chord"
    kind = "tokens"
    Options = Options

    def __init__(self, settings: Any = None):
        super().__init__(settings)
        self._spelling = Spelling(self.options.rhythm, self.options.pitch_classes)
        self._chords: ChordVocabulary | None = None
        self._forget()

    @property
    def spec(self) -> Spec:
        return Spec("tokens", (), self.words.size, self._fitted.features)

    @property
    def words(self) -> Vocabulary:
        """The symbols as text. Raises ValueError before `fit` or `load_vocabulary`."""
        return self._fitted.words

    @property
    def _fitted(self) -> ChordVocabulary:
        if self._chords is None:
            raise ValueError("note-chord has no vocabulary yet: call fit or load_vocabulary first")
        return self._chords

    def fit(self, scores: Iterable[Score], transpositions: Iterable[int] = (0,)) -> None:
        """Keep the symbols that are most frequent in `scores` and in their copies at each of `transpositions`."""
        self._forget()
        counts: Counter[bytes] = Counter()
        for score in scores:
            keys, silence = self._events(score)
            counts.update(keys)
            rests, last = self._split(silence)
            counts.update(map(self._spelling.rest, last[rests > 0].tolist()))
            counts[self._spelling.rest(self._longest_rest)] += int((rests - 1).clip(0).sum())
            if len(counts) > _COUNTED:
                counts = Counter({key: count for key, count in counts.items() if count > 1})
        self._use(ChordVocabulary.of(+counts, transpositions, self.options.max_vocabulary, self._spelling))

    def vocabulary(self) -> dict[str, Any]:
        return self.words.to_json()

    def load_vocabulary(self, values: dict[str, Any]) -> None:
        """The inverse of vocabulary(). Raises BadModel for symbols that these options do not make."""
        self._use(ChordVocabulary.from_json(values, self._spelling))

    def report(self) -> dict[str, Any]:
        """Of all symbols encoded since the vocabulary was made: the share that it knows, and the share of rests."""
        met = max(1, self._met)
        return {"coverage": self._met_known / met, "rests": self._met_rests / met}

    def encode(self, score: Score) -> np.ndarray:
        """int32 (T,): the symbols of all notes that are no drums; the nearest where the vocabulary lacks one."""
        return self.encode_with_coverage(score)[0]

    def encode_with_coverage(self, score: Score) -> tuple[np.ndarray, np.ndarray]:
        """The rows, and bool (T,), which of them are what the music has and not only the nearest to it."""
        chords = self._fitted
        keys, silence = self._events(score)
        signed = chords.find(keys)
        rests, last = self._split(silence)
        at = np.arange(len(keys)) + np.cumsum(rests) - rests  # where the chords stand among the rests
        lengths = np.full(len(keys) + int(rests.sum()), self._longest_rest)
        lengths[at[rests > 0] + rests[rests > 0]] = last[rests > 0]
        rows, known = self._rest_ids[lengths], self._rest_known[lengths]
        rows[at], known[at] = np.abs(signed), signed > 0
        self._met += len(rows)
        self._met_known += int(known.sum())
        self._met_rests += len(rows) - len(keys)
        return rows, known

    def decode(self, rows: np.ndarray) -> Score:
        """One piano track at velocity 80; each symbol's pitches last until the next symbol."""
        chords, rows = self._fitted, np.asarray(rows, np.int64).reshape(-1)
        steps, sizes = chords.steps[rows], chords.sizes[rows]
        if not self.options.rhythm:
            steps = np.where(rows < FIRST_SYMBOL, 0, PLAIN_STEPS)
        onsets = np.repeat(np.cumsum(steps) - steps, sizes)
        nth = np.arange(len(onsets)) - np.repeat(np.cumsum(sizes) - sizes, sizes)  # which note of its chord
        return Score.from_columns(
            to_ticks(onsets, STEPS_PER_QUARTER),
            to_ticks(np.repeat(steps, sizes), STEPS_PER_QUARTER),
            chords.pitches[np.repeat(chords.first[rows], sizes) + nth],
            np.full(len(onsets), DEFAULT_VELOCITY),
            np.zeros(len(onsets)),
        )

    def transpose(self, rows: np.ndarray, semitones: int) -> np.ndarray:
        """Each symbol moved by `semitones`, pitches off the end of 0..127 by octaves; the nearest known one."""
        return self._fitted.transposition(semitones)[rows]

    def _events(self, score: Score) -> tuple[list[bytes], np.ndarray]:
        """The key of each onset, and int64, the steps of silence after it that become rests."""
        notes = score.notes[~score.is_drum]
        if not len(notes):
            return [], np.zeros(0, np.int64)
        onset_ticks = notes["onset_ticks"].astype(np.int64)
        onsets = to_steps(onset_ticks, STEPS_PER_QUARTER)
        ends = np.maximum(to_steps(onset_ticks + notes["duration_ticks"], STEPS_PER_QUARTER), onsets + 1)
        last = np.append(np.flatnonzero(np.diff(onsets)), len(onsets) - 1)  # the last note of each onset
        sounding = np.maximum.accumulate(ends)[last]
        following = np.append(onsets[last][1:], sounding[-1])
        lengths = np.minimum(sounding, following) - onsets[last]
        lengths, silence = self._articulate(lengths, (following - sounding).clip(0))
        return pack(onsets, notes["pitch"], lengths if self.options.rhythm else lengths * 0), silence

    def _articulate(self, lengths: np.ndarray, silence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give silence that is no rest to the chord before it. Steps of each chord, and of silence behind it."""
        shortest = 1
        if self.options.rests == "cap":
            shortest = SHORTEST_REST_STEPS if self.options.rhythm else PLAIN_STEPS
        no_rest = (silence < shortest) | (self._longest_rest == 0)
        lengths = np.where(no_rest, lengths + silence, lengths).clip(1, LONGEST_STEPS)
        silence = np.where(no_rest, 0, silence)
        one_each = self.options.rests == "cap" or not self.options.rhythm
        return lengths, np.minimum(silence, self._longest_rest) if one_each else silence

    def _split(self, silence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How many rests each silence is, all but the last of the longest kind; and the steps of the last."""
        longest = max(1, self._longest_rest)
        rests = -(-silence // longest)
        return rests, silence - (rests - 1).clip(0) * longest

    def _forget(self) -> None:
        """As before the first fit: all rests allowed, nothing met."""
        longest = {"keep": LONGEST_STEPS, "cap": LONGEST_REST_STEPS, "drop": 0}[self.options.rests]
        self._longest_rest = longest if self.options.rhythm else min(longest, 1)
        self._met = self._met_known = self._met_rests = 0

    def _use(self, chords: ChordVocabulary) -> None:
        """Take a vocabulary, and the rests that it has: without any, silence belongs to the chord before it."""
        self._forget()
        self._chords = chords
        known = chords.steps[chords.rests] if self.options.rhythm else np.ones(len(chords.rests), np.int64)
        if self.options.rests == "keep" or not len(known):
            self._longest_rest = int(known.max(initial=0))
        steps = np.arange(self._longest_rest + 1)
        nearest = np.abs(steps[:, None] - known).argmin(axis=1) if len(known) else steps
        self._rest_ids = (chords.rests[nearest] if len(known) else steps).astype(np.int32)
        self._rest_known = np.isin(steps, known)
