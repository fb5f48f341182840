"""A vocabulary whose words are chords and rests (see _chord_words.py)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from musictool.encoding import FIRST_TOKEN
from musictool.encodings._chord_words import LONGEST_STEPS, unpack
from musictool.encodings._nearest import Nearest
from musictool.encodings._ragged import Ragged
from musictool.encodings._sections import one_hot
from musictool.encodings._spelling import Spelling
from musictool.encodings._word_vocabulary import WordVocabulary
from musictool.music.score import PITCHES

_VOICES = 8  # chords of more are one kind


class ChordVocabulary(WordVocabulary):
    """Chords, each a set of pitches and a number of steps; a chord without a pitch is a rest.

    Attributes:
        steps: int64 (V,), the length of each word; 0 for reserved ids, and where words carry no time.
    """

    def __init__(self, words: Sequence[bytes], counts: Sequence[int], spelling: Spelling):
        super().__init__(words, counts, spelling)
        self._roll, self.steps = unpack(self._words)
        self._sizes = self._roll.sum(axis=1)
        self._pitches = Ragged(np.nonzero(self._roll)[1], self._sizes)

    def nearest(self, words: Sequence[bytes]) -> np.ndarray:
        """int64: the id of the most similar chord (see _nearest.py); -1 for a rest."""
        return self._nearest.find(*unpack(words))

    @cached_property
    def _nearest(self) -> Nearest:
        return Nearest(self._roll, self.steps)

    @cached_property
    def features(self) -> np.ndarray:
        """uint8 (V, 182 or 149), 0 or 1: the pitches (128), the pitch classes (12), where words carry their time the
        steps, 0..32 (33), and how many voices, 0..8 (9); nothing for the reserved ids."""
        classes = self._roll @ (np.arange(PITCHES)[:, None] % 12 == np.arange(12))
        steps = one_hot(self.steps, LONGEST_STEPS + 1 if self.steps.any() else 0)
        voices = one_hot(np.minimum(self._sizes, _VOICES), _VOICES + 1)
        features = np.concatenate([self._roll, classes, steps, voices], axis=1).astype(np.uint8)
        features[:FIRST_TOKEN] = 0
        return features

    @property
    def onset_pitches(self) -> np.ndarray:
        """bool (V, P): the pitches of each chord."""
        return self._roll.copy()

    def notes(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """int64 (N,) each: the row that each note of ids (T,) stands in, and its pitch; row by row, low to high."""
        return self._pitches.of(rows)
