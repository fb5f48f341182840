"""Which known chord stands in for one that the vocabulary lacks."""

from __future__ import annotations

import numpy as np

from musictool.score import PITCHES

_COMPARED = 1 << 20  # pairs of chords at once: arrays of 4 MB
_CLASSES = (np.arange(PITCHES)[:, None] % 12 == np.arange(12)).astype(np.float32)  # (128, 12)


class Nearest:
    """Finds, for a chord and its length, the most similar of the known ones.

    Most shared pitches; among equals most shared pitch classes; then fewest pitches that the chord does not have; then
    the nearest mean pitch; then the nearest length; then the first.

    Args:
        pitches: bool (V, 128), the known chords; an empty row (a rest, a reserved symbol) is near to nothing.
        lengths: int (V,), 0..63 steps.
    """

    def __init__(self, pitches: np.ndarray, lengths: np.ndarray):
        self._at = np.flatnonzero(pitches.any(axis=1))
        known = pitches[self._at].astype(np.float32)
        self._used = np.flatnonzero(pitches.any(axis=0))  # no other pitch can be shared
        # One product of matrices gives shared * 2^11 + shared classes * 2^7 + shared - size, exact in float32.
        self._features = np.concatenate([known[:, self._used] * 2049, _has_class(known) * 128], axis=1).T.copy()
        self._sizes = known.sum(axis=1)
        self._means = _mean_pitch(known)
        self._lengths = np.asarray(lengths)[self._at]

    def find(self, pitches: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """int64 (Q,): the index of the known chord nearest to each; -1 where there is none.

        Args:
            pitches: bool (Q, 128); an empty row finds nothing.
            lengths: int (Q,), 0..63 steps.
        """
        found = np.full(len(pitches), -1, np.int64)
        asked = np.flatnonzero(pitches.any(axis=1)) if len(self._at) else np.zeros(0, np.int64)
        chunk = max(1, _COMPARED // max(1, len(self._at)))
        for start in range(0, len(asked), chunk):
            some = asked[start : start + chunk]
            found[some] = self._at[self._best(pitches[some].astype(np.float32), lengths[some])]
        return found

    def _best(self, pitches: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """int64 (Q,): positions among the known chords."""
        asked = np.concatenate([pitches[:, self._used], _has_class(pitches)], axis=1)
        likeness = asked @ self._features - self._sizes  # (Q, V)
        equal = np.flatnonzero(likeness == likeness.max(axis=1, keepdims=True))
        row, column = np.divmod(equal, likeness.shape[1])
        apart = np.abs(_mean_pitch(pitches)[row] - self._means[column])
        apart = apart * 64 + np.abs(lengths[row] - self._lengths[column])
        order = np.lexsort((column, apart, row))
        return column[order[np.searchsorted(row[order], np.arange(len(pitches)))]]


def _has_class(pitches: np.ndarray) -> np.ndarray:
    """float32 (N, 12), 0 or 1."""
    return (pitches @ _CLASSES > 0).astype(np.float32)


def _mean_pitch(pitches: np.ndarray) -> np.ndarray:
    """int64 (N,), rounded."""
    total = pitches @ np.arange(PITCHES, dtype=np.float32)
    return np.round(total / pitches.sum(axis=1)).astype(np.int64)
