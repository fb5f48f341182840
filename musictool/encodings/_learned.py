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
from typing import Any, Generic, TypeVar

import numpy as np

from musictool.encoding import Encoding, Spec
from musictool.encodings._spelling import Spelling
from musictool.encodings._vocabulary import Vocabulary
from musictool.encodings._word_vocabulary import WordVocabulary
from musictool.music.score import Score

W = TypeVar("W", bound=WordVocabulary)


class LearnedEncoding(Encoding, Generic[W]):
    """An encoding of the kind tokens with a vocabulary that `fit` makes: a row is the id of a word.

    A subclass writes `words`, `decode` and `positions`, and says how its words are spelled.

    Class attributes:
        vocabulary_type: what its words make up.
    """

    kind = "tokens"
    vocabulary_type: type[W]

    def __init__(self, settings: Any = None):
        super().__init__(settings)
        self._spelling = self.spelling()
        self._known: W | None = None

    @abstractmethod
    def spelling(self) -> Spelling:
        """How the words look that these options make."""

    @abstractmethod
    def words(self, score: Score) -> list[bytes]:
        """The words of a piece, one a row. They hang on the piece and the options alone."""

    @property
    def known(self) -> W:
        """The words that the vocabulary has. Raises ValueError before there is one."""
        if self._known is None:
            raise ValueError(f"{self.name} has no vocabulary yet: call fit or load_vocabulary first")
        return self._known

    @property
    def symbols(self) -> Vocabulary:
        """The words as text. Raises ValueError before there is a vocabulary."""
        return self.known.symbols

    @property
    def spec(self) -> Spec:
        return Spec("tokens", (), self.symbols.size, self.known.features)

    def fit(self, scores: Iterable[Score], transpositions: Iterable[int] = (0,)) -> None:
        """Keep the words that are most frequent in `scores` and in their copies at each of `transpositions`."""
        counts: Counter[bytes] = Counter()
        for score in scores:
            counts.update(self.words(score))
        self.learn(counts, transpositions)

    def learn(self, counts: Mapping[bytes, int], transpositions: Iterable[int] = (0,)) -> None:
        """Make the vocabulary.

        Args:
            counts: how often each word stands in the training pieces, not transposed.
            transpositions: the semitones at which each piece will also be met.
        """
        self._known = self.vocabulary_type.of(counts, transpositions, self.options.max_vocabulary, self._spelling)

    def grow(self, counts: Mapping[bytes, int], transpositions: Iterable[int] = (0,)) -> None:
        """Give the words of other music, counted as for `learn`, ids behind those that there are."""
        self._known = self.known.grown(counts, transpositions, self.options.max_vocabulary)

    def vocabulary(self) -> dict[str, Any] | None:
        """JSON-able, for vocabulary.json; None before there is a vocabulary."""
        return None if self._known is None else self.symbols.to_json()

    def load_vocabulary(self, values: dict[str, Any]) -> None:
        """The inverse of vocabulary(). Raises BadModel for symbols that these options do not make."""
        self._known = self.vocabulary_type.from_json(values, self._spelling)

    def find(self, words: Sequence[bytes]) -> np.ndarray:
        """int32 (len(words),): the id of each word; where the vocabulary lacks it, -id of the nearest one (-UNKNOWN
        where nothing is near)."""
        return self.known.find(words)

    def transposition(self, semitones: int) -> np.ndarray:
        """int32 (V,): the id of each id's word `semitones` higher, or of the nearest; reserved ids stay."""
        return self.known.transposition(semitones)

    def onset_pitches(self) -> np.ndarray:
        """bool (V, P): the pitches that each word begins."""
        return self.known.onset_pitches

    def encode(self, score: Score) -> np.ndarray:
        """int32 (T,): the ids of the piece's words; the nearest where the vocabulary lacks one."""
        return np.abs(self.find(self.words(score)))

    def transpose(self, rows: np.ndarray, semitones: int) -> np.ndarray:
        """Each word moved by `semitones`, pitches that leave the encoding's own by octaves; the nearest known one."""
        return self.transposition(semitones)[rows]
