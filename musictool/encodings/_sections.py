"""What the token encodings with a fixed vocabulary share: how tokens are numbered, and how rows are put in order.

The tokens of one kind (all note-ons, all durations) are a section. The sections stand one behind another, the first
from FIRST_TOKEN on; a token is the first of its section plus its value, 0, 1, 2, ...
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from musictool.encoding import FIRST_TOKEN, one_hot
from musictool.music.score import PITCHES, fold_octaves


class Sections:
    """The tokens of a fixed vocabulary.

    Args:
        sizes: the number of tokens of each kind, in their order; 0 for a kind that the options leave out.

    Attributes:
        sizes: as given.
        first: the first token of each kind.
        size: V, the number of tokens, with the reserved ones.
    """

    def __init__(self, **sizes: int):
        ends = FIRST_TOKEN + np.cumsum(list(sizes.values()))
        self.sizes = sizes
        self.first = {kind: int(end) - sizes[kind] for kind, end in zip(sizes, ends, strict=True)}
        self.size = int(ends[-1])

    def of_kind(self, kind: str, rows: np.ndarray) -> np.ndarray:
        """bool, the shape of `rows`: which of them are tokens of this kind."""
        return (rows >= self.first[kind]) & (rows < self.first[kind] + self.sizes[kind])

    def values(self, kind: str) -> np.ndarray:
        """int64 (V,): the value of each token of this kind, -1 for all others."""
        tokens = np.arange(self.size)
        return np.where(self.of_kind(kind, tokens), tokens - self.first[kind], -1)

    def onset_pitches(self, kind: str, pitches: range) -> np.ndarray:
        """bool (V, P): the pitch of each token of a kind whose values are these pitches."""
        value = self.values(kind)
        pitch = np.where(value < 0, -1, value + pitches.start)
        return one_hot(pitch, PITCHES).astype(bool)

    def kinds(self) -> np.ndarray:
        """uint8 (V, kinds): 1 for the kind of each token."""
        tokens = np.arange(self.size)
        return np.stack([self.of_kind(kind, tokens) for kind in self.sizes], axis=1).astype(np.uint8)

    def transposition(self, kinds: Iterable[str], semitones: int, pitches: range) -> np.ndarray:
        """int32 (V,): each token `semitones` higher, where the values of `kinds` are these pitches.

        A pitch that leaves them comes back by octaves; all other tokens stay.
        """
        table = np.arange(self.size, dtype=np.int32)
        target = fold_octaves(np.arange(pitches.start, pitches.stop) + semitones, pitches) - pitches.start
        for kind in kinds:
            table[self.first[kind] : self.first[kind] + self.sizes[kind]] = self.first[kind] + target
        return table


def interleaved(*parts: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """int32 (T,): the tokens of all (places, tokens), sorted by place; at one place in the order of the parts."""
    places = np.concatenate([place for place, _ in parts])
    tokens = np.concatenate([tokens for _, tokens in parts])
    return tokens[np.argsort(places, kind="stable")].astype(np.int32)
