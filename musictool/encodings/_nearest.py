"""Which known chord stands in for one that the vocabulary lacks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from musictool.score import PITCHES

_COMPARED = 1 << 20  # pairs of chords at once: arrays of 4 MB
_CLASSES = (np.arange(PITCHES)[:, None] % 12 == np.arange(12)).astype(np.float32)  # (128, 12)
_SHARED = 1 << 11  # of a likeness: how much one shared pitch weighs
_APART = 1 << 13  # more than two chords can be apart
_PLACES = 1 << 20  # more than there are known chords


class Nearest:
    """Finds, for a chord and its length, the most similar of the known ones.

    Most shared pitches; among equals most shared pitch classes; then fewest pitches that the chord does not have; then
    the nearest mean pitch; then the nearest length; then the first.

    A chord is not compared with all known ones, but with those that have its rarest pitch, then with those that have
    its next rarest, and so on. A chord that has none of the first r can share size - r pitches at most; so where more
    than that are shared already, the search is over.

    Args:
        pitches: bool (V, 128), the known chords; an empty row (a rest, a reserved symbol) is near to nothing.
        lengths: int (V,), 0..63 steps.
    """

    def __init__(self, pitches: np.ndarray, lengths: np.ndarray):
        self._at = np.flatnonzero(pitches.any(axis=1))
        known = pitches[self._at]
        self._used = np.flatnonzero(known.any(axis=0))  # no other pitch can be shared
        self._rarest_first = np.argsort(known.sum(axis=0), kind="stable")
        self._having = [np.flatnonzero(column) for column in known.T]
        self._known = known.astype(np.float32)
        self._sizes = self._known.sum(axis=1)
        self._means = _mean_pitch(self._known)
        self._lengths = np.asarray(lengths, np.int64)[self._at]

    @cached_property
    def _features(self) -> np.ndarray:
        """float32 (V, F), for one product of matrices: shared * 2049 + shared classes * 128, exact in float32."""
        return np.concatenate([self._known[:, self._used] * (_SHARED + 1), _has_class(self._known) * 128], axis=1)

    def find(self, pitches: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """int64 (Q,): the index of the known chord nearest to each; -1 where there is none.

        Args:
            pitches: bool (Q, 128); an empty row finds nothing.
            lengths: int (Q,), 0..63 steps.
        """
        found = np.full(len(pitches), -1, np.int64)
        if len(self._at):
            asked = np.flatnonzero(pitches.any(axis=1))
            found[asked] = self._at[_PLACES - 1 - self._best(pitches[asked], np.asarray(lengths)[asked]) % _PLACES]
        return found

    def _best(self, pitches: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """int64 (Q,): the best merit (see `_compare`) among all known chords."""
        asked = np.concatenate([pitches[:, self._used], _has_class(pitches)], axis=1, dtype=np.float32)
        means = _mean_pitch(pitches)
        best = np.full(len(pitches), np.iinfo(np.int64).min)

        def compare(some: np.ndarray, columns: np.ndarray) -> None:
            chunk = max(1, _COMPARED // max(1, len(columns)))
            features, rest = self._features[columns].T, (self._sizes[columns], columns)
            for part in (some[start : start + chunk] for start in range(0, len(some), chunk)):
                merit = self._compare(asked[part] @ features, means[part], lengths[part], *rest)
                best[part] = np.maximum(best[part], merit)

        for some, pitch in self._rounds(pitches, best):
            compare(some, self._having[pitch])
        compare(np.flatnonzero(_shared(best) < 1), np.arange(len(self._at)))
        return best

    def _rounds(self, pitches: np.ndarray, best: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
        """(chords, pitch): which of the asked chords to compare next with all known ones that have the pitch."""
        pivots = self._rarest_first[np.nonzero(pitches[:, self._rarest_first])[1]]  # chord by chord
        sizes = pitches.sum(axis=1)
        first = np.cumsum(sizes) - sizes
        for done in range(int(sizes.max(initial=0))):
            left = np.flatnonzero((sizes > done) & (_shared(best) <= sizes - done))
            pivot = pivots[first[left] + done]
            for pitch in np.unique(pivot).tolist():
                if len(self._having[pitch]):
                    yield left[pivot == pitch], pitch

    def _compare(
        self, likeness: np.ndarray, means: np.ndarray, lengths: np.ndarray, sizes: np.ndarray, columns: np.ndarray
    ) -> np.ndarray:
        """int64 (Q,): the best merit of float32 (Q, W) products with the known chords `columns`.

        A merit is one number, the greater the nearer: likeness, then distance, then place.
        """
        likeness -= sizes
        row, column = np.nonzero(likeness == likeness.max(axis=1, keepdims=True))
        column_at = columns[column]
        apart = np.abs(means[row] - self._means[column_at]) * 64 + np.abs(lengths[row] - self._lengths[column_at])
        merit = likeness[row, column].astype(np.int64) * _APART + (_APART - 1 - apart)
        merit = merit * _PLACES + (_PLACES - 1 - column_at)
        return np.maximum.reduceat(merit, np.searchsorted(row, np.arange(len(likeness))))


def _shared(merit: np.ndarray) -> np.ndarray:
    """int64: how many pitches are shared."""
    return merit // (_SHARED * _APART * _PLACES)


def _has_class(pitches: np.ndarray) -> np.ndarray:
    """float32 (N, 12), 0 or 1."""
    return (pitches @ _CLASSES > 0).astype(np.float32)


def _mean_pitch(pitches: np.ndarray) -> np.ndarray:
    """int64 (N,), rounded."""
    total = pitches @ np.arange(PITCHES, dtype=np.float32)
    return np.round(total / pitches.sum(axis=1)).astype(np.int64)
