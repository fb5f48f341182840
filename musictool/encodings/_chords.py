"""Chords as tokens: their bytes, their transposition, their vocabulary.

The bytes of a chord are its pitches, low to high, and behind them one byte of LENGTH + steps; a rest is that byte
alone. Where tokens carry no time, the steps are 0. How a chord looks as text is its encoding's business: note_chord.py,
chord_roll.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np

from musictool.encoding import FIRST_TOKEN, one_hot
from musictool.encodings._nearest import Nearest
from musictool.music.score import PITCHES, fold_octaves
from musictool.ragged import Ragged
from musictool.vocabulary import LearnedVocabulary, TokenFormat

LENGTH = PITCHES
LONGEST_STEPS = 32  # of one token
_KEYS = np.arange(PITCHES)
_LENGTHS = bytes(range(LENGTH, 256))
_VOICES = 8  # features: chords of more are one kind


class ChordFormat(TokenFormat):
    """Tokens that are chords.

    Attributes:
        pitches: those that a chord may have.
    """

    pitches: range

    def transpose(self, token_bytes: Sequence[bytes], semitones: int) -> list[bytes]:
        """Canonical bytes `semitones` higher, folded at the ends of `pitches`."""
        if not token_bytes:
            return []
        # all chords end to end, and where each begins and ends
        text = b"".join(token_bytes)
        ends = np.cumsum(np.fromiter(map(len, token_bytes), np.int64, len(token_bytes)))
        starts = np.append(0, ends[:-1])
        # which chords have a pitch that leaves `pitches`: the lowest and the highest tell
        flat = np.frombuffer(text, np.uint8).astype(np.int64)
        lowest, highest = flat[starts], flat[np.maximum(ends - 2, starts)]
        leaves = (lowest < self.pitches.start - semitones) | (highest >= self.pitches.stop - semitones)
        # every pitch moved by one table; only chords with a folded pitch have to be put in order again
        higher = text.translate(fold_octaves(_KEYS + semitones, self.pitches).astype(np.uint8).tobytes() + _LENGTHS)
        transposed = [higher[start:end] for start, end in pairwise([0, *ends.tolist()])]
        for index in np.flatnonzero(leaves & (lowest < LENGTH)).tolist():
            transposed[index] = bytes(sorted(set(transposed[index][:-1]))) + transposed[index][-1:]
        return transposed


class ChordVocabulary(LearnedVocabulary):
    """Chords, each a set of pitches and a number of steps; a chord without a pitch is a rest.

    Attributes:
        steps: int64 (V,), the length of each token; 0 for reserved ones, and where tokens carry no time.
    """

    def __init__(self, token_bytes: Sequence[bytes], counts: Sequence[int], token_format: TokenFormat):
        super().__init__(token_bytes, counts, token_format)
        self._roll, self.steps = from_bytes(self._token_bytes)
        self._sizes = self._roll.sum(axis=1)
        self._pitches = Ragged(np.nonzero(self._roll)[1], self._sizes)

    def nearest(self, token_bytes: Sequence[bytes]) -> np.ndarray:
        """int64: the token of the most similar chord (see _nearest.py); -1 for a rest."""
        return self._nearest.find(*from_bytes(token_bytes))

    @cached_property
    def _nearest(self) -> Nearest:
        return Nearest(self._roll, self.steps)

    @cached_property
    def features(self) -> np.ndarray:
        """uint8 (V, 182 or 149), 0 or 1: the pitches (128), the pitch classes (12), where tokens carry their time the
        steps, 0..32 (33), and how many voices, 0..8 (9); nothing for the reserved tokens."""
        classes = self._roll @ (np.arange(PITCHES)[:, None] % 12 == np.arange(12))  # (V, 12)
        steps = one_hot(self.steps, LONGEST_STEPS + 1 if self.steps.any() else 0)  # (V, 33 or 0)
        voices = one_hot(np.minimum(self._sizes, _VOICES), _VOICES + 1)  # (V, 9)
        features = np.concatenate([self._roll, classes, steps, voices], axis=1).astype(np.uint8)
        features[:FIRST_TOKEN] = 0
        return features

    @property
    def onset_pitches(self) -> np.ndarray:
        """bool (V, P): the pitches of each chord."""
        return self._roll.copy()

    def notes(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """int64 (N,) each: the row that each note of tokens (T,) is in, and its pitch; row by row, low to high."""
        return self._pitches.of(rows)


def rest_bytes(steps: int = 0) -> bytes:
    """A rest."""
    return bytes((LENGTH + steps,))


def to_bytes(places: np.ndarray, pitches: np.ndarray, of: np.ndarray, steps: np.ndarray | int) -> list[bytes]:
    """The chord at each place: its different pitches, low to high, and its steps.

    Args:
        places: int64 (N,), 0 or more, where each note stands; in any order.
        pitches: uint8 or int (N,).
        of: int64 (W,), every place of a note and of a rest, ascending.
        steps: int64 (W,), or one number, of each.
    """
    # one number for each byte: its place, then the byte; sorted, every chord is in one run and ends with its length
    flat = np.concatenate([places * 256 + pitches, of * 256 + (LENGTH + steps)])
    flat.sort()
    flat = flat[np.append(flat[1:] != flat[:-1], True)] & 255
    text = flat.astype(np.uint8).tobytes()
    ends = np.flatnonzero(flat >= LENGTH) + 1
    return [text[start:end] for start, end in pairwise([0, *ends.tolist()])]


def from_bytes(token_bytes: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """bool (N, 128) pitches and int64 (N,) steps of chords; of empty bytes, none."""
    flat = np.frombuffer(b"".join(token_bytes), np.uint8)
    owner = np.repeat(np.arange(len(token_bytes)), np.fromiter(map(len, token_bytes), np.int64, len(token_bytes)))
    is_pitch = flat < LENGTH
    pitches = np.zeros((len(token_bytes), PITCHES), bool)
    pitches[owner[is_pitch], flat[is_pitch]] = True
    steps = np.zeros(len(token_bytes), np.int64)
    steps[owner[~is_pitch]] = flat[~is_pitch].astype(np.int64) - LENGTH
    return pitches, steps
