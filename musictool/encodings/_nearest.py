"""Which known chord stands in for one that the vocabulary lacks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from musictool.encodings._ragged import one_by_one
from musictool.music.score import PITCHES

_COMPARED = 1 << 20  # pairs of chords at once: arrays of 2 MB
_NO_VOICE = 2 * PITCHES
_SHARED, _SIZE, _APART, _PLACE = 1 << 4, 1 << 8, 1 << 13, 1 << 20  # more than what stands behind it in a merit


class Nearest:
    """Finds, for a chord and its length, the most similar of the known ones.

    Most shared pitches; among equals most shared pitch classes; then fewest pitches that the chord does not have; then
    the nearest mean pitch; then the nearest length; then the first. These make one number, the merit of a pair.

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
        self._rarest_first = np.argsort(known.sum(axis=0), kind="stable")
        self._having = [np.flatnonzero(column) for column in known.T]
        # What a voice has in common with each known chord: its pitch; its pitch and its class; nothing.
        classes = np.pad(known, ((0, 0), (0, -PITCHES % 12))).reshape(len(known), -(-PITCHES // 12), 12).any(axis=1)
        self._common = np.zeros((2 * PITCHES + 1, len(known)), np.uint16)
        self._common[:PITCHES] = self._common[PITCHES:_NO_VOICE] = known.T * np.uint16(_SHARED)
        self._common[PITCHES:_NO_VOICE] += classes.T[np.arange(PITCHES) % 12]
        self._sizes = known.sum(axis=1)
        self._means = _mean_pitch(known)
        self._lengths = np.asarray(lengths, np.int64)[self._at]

    def find(self, pitches: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """int64 (Q,): the index of the known chord nearest to each; -1 where there is none.

        Args:
            pitches: bool (Q, 128); an empty row finds nothing.
            lengths: int (Q,), 0..63 steps.
        """
        found = np.full(len(pitches), -1, np.int64)
        if len(self._at):
            asked = np.flatnonzero(pitches.any(axis=1))
            asked = asked[np.argsort(pitches[asked].sum(axis=1), kind="stable")]  # few voices first
            best = self._best(pitches[asked], np.asarray(lengths, np.int64)[asked])
            found[asked] = self._at[_PLACE - 1 - best % _PLACE]
        return found

    def _best(self, pitches: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """int64 (Q,): the best merit among all known chords."""
        sizes, voices, means = pitches.sum(axis=1), _voices(pitches), _mean_pitch(pitches)
        best = np.full(len(pitches), -1, np.int64)

        def compare(some: np.ndarray, columns: np.ndarray) -> None:
            rows, own = np.unique(voices[some], return_inverse=True)
            common, own = self._common[rows[:, None], columns], own.reshape(len(some), -1)
            chunk = max(1, _COMPARED // len(columns))
            for start in range(0, len(some), chunk):
                part, voice = some[start : start + chunk], own[start : start + chunk]
                likeness = common[voice[:, 0]]  # (Q, W)
                for nth in range(1, int(sizes[part[-1]])):
                    likeness += common[voice[:, nth]]
                best[part] = np.maximum(best[part], self._merit(likeness, columns, means[part], lengths[part]))

        for some, pitch in self._rounds(pitches, best):
            compare(some, self._having[pitch])
        strangers = np.flatnonzero(_shared(best) < 1)  # no pitch of theirs is known
        if len(strangers):
            compare(strangers, np.arange(len(self._at)))
        return best

    def _rounds(self, pitches: np.ndarray, best: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
        """(chords, pitch): which of the asked chords to compare next with all known ones that have the pitch.

        `best` is read anew for each of the rarest, next rarest, ... pitches.
        """
        pivots = self._rarest_first[np.nonzero(pitches[:, self._rarest_first])[1]]  # chord by chord
        sizes = pitches.sum(axis=1)
        first = np.cumsum(sizes) - sizes
        for done in range(int(sizes.max(initial=0))):
            left = np.flatnonzero((sizes > done) & (_shared(best) <= sizes - done))
            pivot = pivots[first[left] + done]
            for pitch in np.unique(pivot).tolist():
                if len(self._having[pitch]):
                    yield left[pivot == pitch], pitch

    def _merit(self, likeness: np.ndarray, columns: np.ndarray, means: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """int64 (Q,): the best merit of chords, given what they share with the known chords `columns`.

        Args:
            likeness: uint16 (Q, W), shared pitches * _SHARED + shared classes.
            columns: int64 (W,).
            means, lengths: int64 (Q,).
        """
        row, column = np.nonzero(likeness == likeness.max(axis=1, keepdims=True))
        known = columns[column]
        apart = np.abs(means[row] - self._means[known]) * 64 + np.abs(lengths[row] - self._lengths[known])
        merit = likeness[row, column].astype(np.int64) * _SIZE + (_SIZE - 1 - self._sizes[known])
        merit = (merit * _APART + (_APART - 1 - apart)) * _PLACE + (_PLACE - 1 - known)
        return np.maximum.reduceat(merit, np.searchsorted(row, np.arange(len(likeness))))


def _shared(merit: np.ndarray) -> np.ndarray:
    """int64: how many pitches are shared; less than 0 where nothing was compared yet."""
    return merit // (_SHARED * _SIZE * _APART * _PLACE)


def _voices(pitches: np.ndarray) -> np.ndarray:
    """int64 (Q, most voices): the rows of `Nearest._common` of each chord; a class counts once, with its lowest."""
    owner, pitch = np.nonzero(pitches)
    sizes = pitches.sum(axis=1)
    _, nth = one_by_one(sizes)
    _, lowest = np.unique(owner * 12 + pitch % 12, return_index=True)
    pitch[lowest] += PITCHES
    voices = np.full((len(pitches), int(sizes.max(initial=1))), _NO_VOICE)
    voices[owner, nth] = pitch
    return voices


def _mean_pitch(pitches: np.ndarray) -> np.ndarray:
    """int64 (N,), rounded."""
    owner, pitch = np.nonzero(pitches)
    return np.round(np.bincount(owner, pitch, len(pitches)) / pitches.sum(axis=1)).astype(np.int64)
