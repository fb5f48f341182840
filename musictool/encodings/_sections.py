"""What the token encodings with a fixed vocabulary share: how ids are dealt out, and how rows are put in order.

The symbols of one kind (all note-ons, all durations) are a section. The sections stand one behind another, the first
from FIRST_SYMBOL on; the id of a symbol is the first id of its section plus its value, 0, 1, 2, ...
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from musictool.encoding import FIRST_TOKEN
from musictool.music.score import PITCHES, fold_octaves


class Sections:
    """The ids of a fixed vocabulary.

    Args:
        sizes: the number of symbols of each kind, in the order of their ids; 0 for a kind that the options leave out.

    Attributes:
        sizes: as given.
        first: the first id of each kind.
        size: V, the number of ids, with the reserved ones.
    """

    def __init__(self, **sizes: int):
        ends = FIRST_TOKEN + np.cumsum(list(sizes.values()))
        self.sizes = sizes
        self.first = {kind: int(end) - sizes[kind] for kind, end in zip(sizes, ends, strict=True)}
        self.size = int(ends[-1])

    def of_kind(self, kind: str, rows: np.ndarray) -> np.ndarray:
        """bool, the shape of `rows`: which of them are symbols of this kind."""
        return (rows >= self.first[kind]) & (rows < self.first[kind] + self.sizes[kind])

    def values(self, kind: str) -> np.ndarray:
        """int64 (V,): the value of each symbol of this kind, -1 for all other ids."""
        ids = np.arange(self.size)
        return np.where(self.of_kind(kind, ids), ids - self.first[kind], -1)

    def onset_pitches(self, kind: str, pitches: range) -> np.ndarray:
        """bool (V, P): the pitch of each symbol of a kind whose values are these pitches."""
        value = self.values(kind)
        pitch = np.where(value < 0, -1, value + pitches.start)
        return one_hot(pitch, PITCHES).astype(bool)

    def kinds(self) -> np.ndarray:
        """uint8 (V, kinds): 1 for the kind of each symbol."""
        ids = np.arange(self.size)
        return np.stack([self.of_kind(kind, ids) for kind in self.sizes], axis=1).astype(np.uint8)

    def transposition(self, kinds: Iterable[str], semitones: int, pitches: range) -> np.ndarray:
        """int32 (V,): the id of each id's symbol `semitones` higher, where the values of `kinds` are these pitches.

        A pitch that leaves them comes back by octaves; all other symbols stay.
        """
        table = np.arange(self.size, dtype=np.int32)
        target = fold_octaves(np.arange(pitches.start, pitches.stop) + semitones, pitches) - pitches.start
        for kind in kinds:
            table[self.first[kind] : self.first[kind] + self.sizes[kind]] = self.first[kind] + target
        return table


def one_hot(values: np.ndarray, size: int) -> np.ndarray:
    """uint8 (V, size): row v has its 1 at values[v]; a row whose value is none of 0..size-1 has none."""
    return (values[:, None] == np.arange(size)).astype(np.uint8)


def split(times: np.ndarray, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """Times (N,) of any length as times of at most `longest`, the last of each what remains; nothing for 0.

    Returns:
        int64 (M,) each: the index of the time that is split, and the part.
    """
    counts = -(-times // longest)
    parts = np.full(int(counts.sum()), longest, np.int64)
    long = np.flatnonzero(counts)
    parts[np.cumsum(counts)[long] - 1] = times[long] - (counts[long] - 1) * longest
    return np.repeat(np.arange(len(times)), counts), parts


def interleaved(*parts: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """int32 (T,): the ids of all (places, ids), sorted by place; at one place in the order of the parts."""
    places = np.concatenate([place for place, _ in parts])
    ids = np.concatenate([ids for _, ids in parts])
    return ids[np.argsort(places, kind="stable")].astype(np.int32)
