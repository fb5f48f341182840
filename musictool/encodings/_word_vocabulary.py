"""A vocabulary of words: counting, finding, standing in for what is missing, transposing.

Finding is one dictionary look-up. A word that the vocabulary lacks becomes the nearest known one; which that is says
the kind of words (a subclass); it is searched once for each missing word and remembered.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from musictool.encoding import FIRST_TOKEN, UNKNOWN
from musictool.encodings._spelling import Spelling
from musictool.encodings._vocabulary import Vocabulary, most_frequent
from musictool.errors import BadModel

_REMEMBERED = 500_000  # missing words: some 60 MB
_RARE = 32  # a word this many times beyond the vocabulary's end is not transposed: it could not reach it

Self = TypeVar("Self", bound="WordVocabulary")


class WordVocabulary(ABC):
    """The words that an encoding knows.

    Args:
        words: canonical and all different, most frequent first; where the vocabulary has grown, part by part.
        counts: of each.
        spelling: how they are written.

    Attributes:
        symbols: the words as text.
    """

    def __init__(self, words: Sequence[bytes], counts: Sequence[int], spelling: Spelling):
        self.spelling = spelling
        self.symbols = Vocabulary(map(spelling.symbol, words), counts)
        self._words = (*[b""] * FIRST_TOKEN, *words)
        self._ids = self._known()
        self._transpositions: dict[int, np.ndarray] = {}

    @property
    @abstractmethod
    def features(self) -> np.ndarray:
        """uint8 (V, F), 0 or 1: what each word is made of; nothing for the reserved ids."""

    @property
    @abstractmethod
    def onset_pitches(self) -> np.ndarray:
        """bool (V, P): the pitches that each word begins; none for the reserved ids."""

    @abstractmethod
    def nearest(self, words: Sequence[bytes]) -> np.ndarray:
        """int64 (len(words),): the id of the known word nearest to each canonical one that is not known, or -1."""

    @classmethod
    def of(
        cls: type[Self],
        counts: Mapping[bytes, int],
        transpositions: Iterable[int],
        max_vocabulary: int,
        spelling: Spelling,
    ) -> Self:
        """The most frequent words of music in which each word of `counts` also stands at each transposition."""
        limit = max_vocabulary - FIRST_TOKEN - len(spelling.always)
        merged: Counter[bytes] = Counter()
        for word, count in counts.items():
            merged[spelling.canonical(word)] += count
        own = dict.fromkeys(spelling.always, 0) | dict(most_frequent(merged, _RARE * limit))
        total = dict(own)
        times = own.values()
        for semitones in set(transpositions) - {0}:
            for word, count in zip(spelling.transpose(list(own), semitones), times, strict=True):
                total[word] = total.get(word, 0) + count
        always = {word: total.pop(word) for word in spelling.always}
        chosen = most_frequent(dict(most_frequent(total, limit)) | always, max_vocabulary)
        return cls([word for word, _ in chosen], [count for _, count in chosen], spelling)

    def grown(self: Self, counts: Mapping[bytes, int], transpositions: Iterable[int], max_vocabulary: int) -> Self:
        """These words with their ids, and behind them those that `of` finds in other music and that are not here."""
        other = type(self).of(counts, transpositions, max_vocabulary, self.spelling)
        found = dict(zip(other._words[FIRST_TOKEN:], other.symbols.counts.tolist(), strict=True))
        own = dict(zip(self._words[FIRST_TOKEN:], self.symbols.counts.tolist(), strict=True))
        total = {word: own.get(word, 0) + found.get(word, 0) for word in [*own, *found]}
        return type(self)(list(total), list(total.values()), self.spelling)

    @classmethod
    def from_json(cls: type[Self], values: Mapping[str, Any], spelling: Spelling) -> Self:
        """From what `symbols.to_json()` gave. Raises BadModel for other symbols than `spelling` makes."""
        symbols = Vocabulary.from_json(values)
        words = [spelling.word(symbol) for symbol in symbols.symbols]
        missing = set(spelling.always) - set(words)
        if missing:
            raise BadModel(f"the vocabulary does not fit: {spelling.name} needs '{spelling.symbol(min(missing))}'")
        return cls(words, symbols.counts.tolist(), spelling)

    def find(self, words: Sequence[bytes]) -> np.ndarray:
        """int32 (len(words),): the id of each word; negative, -id, of the nearest one where the word is not known."""
        if len(self._ids) > self.symbols.size + _REMEMBERED:
            self._ids = self._known()
        found = list(map(self._ids.get, words))
        if None in found:
            self._remember({word for word, index in zip(words, found, strict=True) if index is None})
            found = list(map(self._ids.get, words))
        return np.array(found, np.int32)

    def transposition(self, semitones: int) -> np.ndarray:
        """int32 (V,): the id of each id's word `semitones` higher, or of the nearest; reserved ids stay."""
        if semitones not in self._transpositions:
            moved = self.spelling.transpose(self._words[FIRST_TOKEN:], semitones)
            table = np.concatenate([np.arange(FIRST_TOKEN, dtype=np.int32), np.abs(self.find(moved))])
            self._transpositions[semitones] = table
        return self._transpositions[semitones]

    def _known(self) -> dict[bytes, int]:
        return {word: index for index, word in enumerate(self._words) if index >= FIRST_TOKEN}

    def _remember(self, words: set[bytes]) -> None:
        """Note the ids of words: of a known one written otherwise, else of the nearest."""
        canonical = {word: self.spelling.canonical(word) for word in words}
        missing = sorted({word for word in canonical.values() if word not in self._ids})
        nearest = self.nearest(missing)
        self._ids.update(zip(missing, (-np.where(nearest < 0, UNKNOWN, nearest)).tolist(), strict=True))
        self._ids.update({word: self._ids[like] for word, like in canonical.items()})
