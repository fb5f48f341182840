"""Encodings whose vocabulary is what a corpus has.

Such an encoding writes a piece as words first, whatever any vocabulary knows, and looks the words up afterwards. So a
corpus is gone through once, in any number of processes: its words are counted, a vocabulary is made of the counts, and
what was written as words becomes ids by a table.

A word is bytes: what one row says, in a form that its encoding can take apart again.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from musictool.encodings._base import Encoding
from musictool.score import Score


class LearnedEncoding(Encoding):
    """An encoding of the kind tokens with a vocabulary that `fit` makes: a row is the id of a word."""

    kind = "tokens"

    @abstractmethod
    def words(self, score: Score) -> list[bytes]:
        """The words of a piece, one a row. They hang on the piece and the options alone."""

    @abstractmethod
    def learn(self, counts: Mapping[bytes, int], transpositions: Iterable[int] = (0,)) -> None:
        """Make the vocabulary.

        Args:
            counts: how often each word stands in the training pieces, not transposed.
            transpositions: the semitones at which each piece will also be met.
        """

    @abstractmethod
    def find(self, words: Sequence[bytes]) -> np.ndarray:
        """int32 (len(words),): the id of each word; where the vocabulary lacks it, -id of the nearest one (-UNKNOWN
        where nothing is near)."""

    @abstractmethod
    def transposition(self, semitones: int) -> np.ndarray:
        """int32 (V,): the id of each id's word `semitones` higher, or of the nearest; reserved ids stay."""

    def fit(self, scores: Iterable[Score], transpositions: Iterable[int] = (0,)) -> None:
        """Keep the words that are most frequent in `scores` and in their copies at each of `transpositions`."""
        counts: Counter[bytes] = Counter()
        for score in scores:
            counts.update(self.words(score))
        self.learn(counts, transpositions)

    def encode(self, score: Score) -> np.ndarray:
        """int32 (T,): the ids of the piece's words; the nearest where the vocabulary lacks one."""
        return np.abs(self.find(self.words(score)))

    def transpose(self, rows: np.ndarray, semitones: int) -> np.ndarray:
        """Each word moved by `semitones`, pitches off the end of 0..127 by octaves; the nearest known one."""
        return self.transposition(semitones)[rows]
