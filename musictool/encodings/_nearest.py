"""Which known chord stands in for one that the vocabulary lacks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from musictool.music.score import PITCHES
from musictool.ragged import one_by_one

_COMPARED = 1 << 20  # pairs of chords at once: arrays of 2 MB
_NO_PITCH = 2 * PITCHES
_SHARED, _SIZE, _DISTANCE, _PLACE = 1 << 4, 1 << 8, 1 << 13, 1 << 20  # each more than what stands behind it in a score


class Nearest:
    """Finds, for a chord and its length, the most similar of the known ones.

    Most shared pitches; among equals most shared pitch classes; then fewest pitches that the chord does not have; then
    the nearest mean pitch; then the nearest length; then the first. These make one number, the score of a pair.

    A chord is not compared with all known ones, but with those that have its rarest pitch, then with those that have
    its next rarest, and so on. A chord that has none of the first r can share size - r pitches at most; so where more
    than that are shared already, the search is over.

    Args:
        pitches: bool (V, 128), the known chords; an empty row (a rest, a reserved token) is near to nothing.
        lengths: int (V,), 0..63 steps.
    """

    def __init__(self, pitches: np.ndarray, lengths: np.ndarray):
        self._at = np.flatnonzero(pitches.any(axis=1))
        known = pitches[self._at]
        self._rarest_first = np.argsort(known.sum(axis=0), kind="stable")
        self._having = [np.flatnonzero(column) for column in known.T]
        # What a pitch has in common with each known chord, (2 * 128 + 1, known): rows 0..127, its pitch; rows 128..255,
        # its pitch and its class; the last row, nothing.
        classes = np.pad(known, ((0, 0), (0, -PITCHES % 12))).reshape(len(known), -(-PITCHES // 12), 12).any(axis=1)
        self._common = np.zeros((2 * PITCHES + 1, len(known)), np.uint16)
        self._common[:PITCHES] = self._common[PITCHES:_NO_PITCH] = known.T * np.uint16(_SHARED)
        self._common[PITCHES:_NO_PITCH] += classes.T[np.arange(PITCHES) % 12]
        self._sizes = known.sum(axis=1)
        self._means = _mean_pitch(known)
        self._lengths = np.asarray(lengths, np.int64)[self._at]

    def find(self, pitches: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """int64 (Q,): the index of the known chord nearest to each; -1 where there is none.

        Args:
            pitches: bool (Q, 128); an empty row finds nothing.
            lengths: int (Q,), 0..63 steps.
        """
        indices = np.full(len(pitches), -1, np.int64)
        if len(self._at):
            chords = np.flatnonzero(pitches.any(axis=1))
            chords = chords[np.argsort(pitches[chords].sum(axis=1), kind="stable")]  # few pitches first
            best = self._best(pitches[chords], np.asarray(lengths, np.int64)[chords])
            indices[chords] = self._at[_PLACE - 1 - best % _PLACE]
        return indices

    def _best(self, pitches: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """int64 (Q,): the best score among all known chords."""
        sizes, codes, means = pitches.sum(axis=1), _codes(pitches), _mean_pitch(pitches)
        best = np.full(len(pitches), -1, np.int64)

        def compare(chords: np.ndarray, columns: np.ndarray) -> None:
            # of the table of what pitches have in common with known chords, the part that these chords need
            rows, row_of = np.unique(codes[chords], return_inverse=True)
            common, row_of = self._common[rows[:, None], columns], row_of.reshape(len(chords), -1)
            # the overlap of two chords is the sum over the pitches of the one; a chunk of chords at a time
            chunk = max(1, _COMPARED // len(columns))
            for start in range(0, len(chords), chunk):
                part, row = chords[start : start + chunk], row_of[start : start + chunk]
                overlap = common[row[:, 0]]  # (Q, W)
                for nth in range(1, int(sizes[part[-1]])):
                    overlap += common[row[:, nth]]
                best[part] = np.maximum(best[part], self._score(overlap, columns, means[part], lengths[part]))

        for chords, pitch in self._rounds(pitches, best):
            compare(chords, self._having[pitch])
        unmatched = np.flatnonzero(_shared(best) < 1)  # no known chord has a pitch of theirs
        if len(unmatched):
            compare(unmatched, np.arange(len(self._at)))
        return best

    def _rounds(self, pitches: np.ndarray, best: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
        """(chords, pitch): which of the chords to compare next with all known ones that have the pitch.

        `best` is read again for each of the rarest, next rarest, ... pitches.
        """
        # the pitches of each chord, its rarest first; all chords end to end
        pivots = self._rarest_first[np.nonzero(pitches[:, self._rarest_first])[1]]
        sizes = pitches.sum(axis=1)
        first = np.cumsum(sizes) - sizes
        for done in range(int(sizes.max(initial=0))):
            # a chord without its `done` rarest pitches shares sizes - done at most
            left = np.flatnonzero((sizes > done) & (_shared(best) <= sizes - done))
            pivot = pivots[first[left] + done]
            for pitch in np.unique(pivot).tolist():
                if len(self._having[pitch]):
                    yield left[pivot == pitch], pitch

    def _score(self, overlap: np.ndarray, columns: np.ndarray, means: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """int64 (Q,): the best score of chords, given what they share with the known chords `columns`.

        Args:
            overlap: uint16 (Q, W), shared pitches * _SHARED + shared classes.
            columns: int64 (W,).
            means, lengths: int64 (Q,).
        """
        # only the known chords that share most can be the nearest
        row, column = np.nonzero(overlap == overlap.max(axis=1, keepdims=True))
        known = columns[column]
        # overlap, extra pitches, distance and place as the digits of one number; the best of each chord
        distance = np.abs(means[row] - self._means[known]) * 64 + np.abs(lengths[row] - self._lengths[known])
        score = overlap[row, column].astype(np.int64) * _SIZE + (_SIZE - 1 - self._sizes[known])
        score = (score * _DISTANCE + (_DISTANCE - 1 - distance)) * _PLACE + (_PLACE - 1 - known)
        return np.maximum.reduceat(score, np.searchsorted(row, np.arange(len(overlap))))


def _shared(score: np.ndarray) -> np.ndarray:
    """int64: how many pitches are shared; less than 0 where nothing was compared yet."""
    return score // (_SHARED * _SIZE * _DISTANCE * _PLACE)


def _codes(pitches: np.ndarray) -> np.ndarray:
    """int64 (Q, most pitches): the rows of `Nearest._common` of each chord; a class counts once, with its lowest."""
    owner, pitch = np.nonzero(pitches)
    sizes = pitches.sum(axis=1)
    _, nth = one_by_one(sizes)
    _, lowest = np.unique(owner * 12 + pitch % 12, return_index=True)
    pitch[lowest] += PITCHES
    codes = np.full((len(pitches), int(sizes.max(initial=1))), _NO_PITCH)
    codes[owner, nth] = pitch
    return codes


def _mean_pitch(pitches: np.ndarray) -> np.ndarray:
    """int64 (N,), rounded."""
    owner, pitch = np.nonzero(pitches)
    return np.round(np.bincount(owner, pitch, len(pitches)) / pitches.sum(axis=1)).astype(np.int64)
