"""A vocabulary of chords: counting, finding, standing in for what is missing, transposing.

A chord that the vocabulary lacks becomes the nearest known one (see _nearest.py); a rest never does, that is for the
encoding. Finding is one dictionary look-up; the nearest is searched once for each missing chord and remembered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from musictool.encodings._base import FIRST_SYMBOL, UNKNOWN
from musictool.encodings._chord_keys import LONGEST_STEPS, Spelling, unpack
from musictool.encodings._nearest import Nearest
from musictool.encodings._vocabulary import Vocabulary, most_frequent
from musictool.score import PITCHES

_REMEMBERED = 500_000  # missing chords: some 60 MB
_VOICES = 8  # chords of more are one kind
_RARE = 32  # a symbol this many times beyond the vocabulary's end is not transposed: it could not reach it


class ChordVocabulary:
    """The symbols of an encoding whose symbols are chords.

    Args:
        keys: canonical and all different, most frequent first (see _chord_keys.py).
        counts: of each.
        spelling: how keys are written as text.

    Attributes:
        words: the symbols as text.
        pitches: int64, the pitches of all ids, one id's behind another's.
        first, sizes: int64 (V,), where in `pitches` an id's begin, and how many it has; none for reserved ids.
        steps: int64 (V,), the length of each symbol; 0 for reserved ids.
    """

    def __init__(self, keys: Sequence[bytes], counts: Sequence[int], spelling: Spelling):
        self.spelling = spelling
        self.words = Vocabulary(map(spelling.symbol, keys), counts)
        self._keys = (*[b""] * FIRST_SYMBOL, *keys)
        self._ids = self._known()
        self._roll, self.steps = unpack(self._keys)
        self.sizes = self._roll.sum(axis=1)
        self.first = np.cumsum(self.sizes) - self.sizes
        self.pitches = np.nonzero(self._roll)[1]
        self._nearest = Nearest(self._roll, self.steps)
        self._transpositions: dict[int, np.ndarray] = {}

    @classmethod
    def of(
        cls, counts: Counter[bytes], transpositions: Iterable[int], max_vocabulary: int, spelling: Spelling
    ) -> ChordVocabulary:
        """The most frequent symbols of music in which each chord of `counts` also stands at each transposition."""
        limit = max_vocabulary - FIRST_SYMBOL
        merged: Counter[bytes] = Counter()
        for key, count in counts.items():
            merged[spelling.canonical(key)] += count
        merged = Counter(dict(most_frequent(merged, _RARE * limit)))
        total = merged.copy()
        for semitones in set(transpositions) - {0}:
            for key, count in zip(spelling.transpose(merged, semitones), merged.values(), strict=True):
                total[key] += count
        chosen = most_frequent(total, limit)
        return cls([key for key, _ in chosen], [count for _, count in chosen], spelling)

    @classmethod
    def from_json(cls, values: dict[str, Any], spelling: Spelling) -> ChordVocabulary:
        """From what `words.to_json()` gave. Raises BadModel for symbols that `spelling` does not make."""
        words = Vocabulary.from_json(values)
        return cls([spelling.key(symbol) for symbol in words.symbols], words.counts.tolist(), spelling)

    @property
    def rests(self) -> np.ndarray:
        """int64, the ids of the rests, most frequent first."""
        return FIRST_SYMBOL + np.flatnonzero(self.sizes[FIRST_SYMBOL:] == 0)

    @cached_property
    def features(self) -> np.ndarray:
        """uint8 (V, 182), 0 or 1: the pitches (128), the pitch classes (12), the steps 0..32 (33), and how many voices,
        0..8 (9), of each symbol; nothing for the reserved ids."""
        classes = self._roll @ (np.arange(PITCHES)[:, None] % 12 == np.arange(12))
        steps = self.steps[:, None] == np.arange(LONGEST_STEPS + 1)
        voices = np.minimum(self.sizes, _VOICES)[:, None] == np.arange(_VOICES + 1)
        features = np.concatenate([self._roll, classes, steps, voices], axis=1).astype(np.uint8)
        features[:FIRST_SYMBOL] = 0
        return features

    def find(self, keys: Sequence[bytes]) -> np.ndarray:
        """int32 (len(keys),): the id of each key; negative, -id, of the nearest one where the key is not known."""
        if len(self._ids) > self.words.size + _REMEMBERED:
            self._ids = self._known()
        found = list(map(self._ids.get, keys))
        if None in found:
            self._learn({key for key, index in zip(keys, found, strict=True) if index is None})
            found = list(map(self._ids.get, keys))
        return np.array(found, np.int32)

    def transposition(self, semitones: int) -> np.ndarray:
        """int32 (V,): the id of each id's symbol `semitones` higher, or of the nearest; reserved ids stay."""
        if semitones not in self._transpositions:
            moved = self.spelling.transpose(self._keys[FIRST_SYMBOL:], semitones)
            table = np.concatenate([np.arange(FIRST_SYMBOL, dtype=np.int32), np.abs(self.find(moved))])
            self._transpositions[semitones] = table
        return self._transpositions[semitones]

    def _known(self) -> dict[bytes, int]:
        return {key: index for index, key in enumerate(self._keys) if index >= FIRST_SYMBOL}

    def _learn(self, keys: set[bytes]) -> None:
        """Remember the ids of keys: of a known one spelled otherwise, else of the nearest."""
        canonical = {key: self.spelling.canonical(key) for key in keys}
        missing = sorted({key for key in canonical.values() if key not in self._ids})
        nearest = self._nearest.find(*unpack(missing))
        self._ids.update(zip(missing, (-np.where(nearest < 0, UNKNOWN, nearest)).tolist(), strict=True))
        self._ids.update({key: self._ids[like] for key, like in canonical.items()})
