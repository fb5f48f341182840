"""What a model of frames or segments has to beat: three ways of guessing the next row that learn next to nothing.

A row is D numbers, 0 or 1, and each of them is a key of its own here:

- keys: how often each key sounds in the training pieces, whatever came before;
- keys-markov: the same where the key sounded in the row before, and where it did not;
- repeat: the row before comes again, with the probability that it does in training; else each key as in `keys`.

Every count begins at 1, so that no row has the probability 0. Pieces go through memory one at a time.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from musictool.dataset.dataset import Encoded, Split


def roll_baselines(encoded: Encoded) -> dict[str, float]:
    """Nats a row on the validation pieces: {"keys": ..., "keys-markov": ..., "repeat": ...}; empty without any."""
    counts = _Counts(encoded)
    rows, sums = 0, np.zeros(3)
    for before, after in _pairs(encoded, "validation", (0,)):
        rows += len(after)
        sums += counts.nats(before, after)
    if not rows:
        return {}
    return dict(zip(("keys", "keys-markov", "repeat"), (sums / rows).tolist(), strict=True))


class _Counts:
    """What sounds, and goes on to sound, in the training pieces at every transposition."""

    def __init__(self, encoded: Encoded):
        self.rows, self.repeats = 0, 0
        self.sounding, self.sounded, self.held = np.zeros((3, encoded.spec.size), np.int64)
        for before, after in _pairs(encoded, "train", encoded.transpositions):
            self.rows += len(after)
            self.repeats += int((before == after).all(axis=1).sum())
            self.sounding += after.sum(axis=0, dtype=np.int64)
            self.sounded += before.sum(axis=0, dtype=np.int64)
            self.held += (before & after).sum(axis=0, dtype=np.int64)

    def nats(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """float64 (3,): the sum over the rows of a piece, for each way of guessing."""
        keys = _cost(after, _share(self.sounding, self.rows)).sum(axis=1)  # (T,)
        begun = _share(self.sounding - self.held, self.rows - self.sounded)
        markov = np.where(before, _cost(after, _share(self.held, self.sounded)), _cost(after, begun))
        again = _share(np.array(self.repeats), self.rows)
        same = np.where((before == after).all(axis=1), np.log(again), -np.inf)
        repeat = -np.logaddexp(same, np.log1p(-again) - keys)
        return np.array([keys.sum(), markov.sum(), repeat.sum()])


def _share(times: np.ndarray, of: np.ndarray | int) -> np.ndarray:
    return np.asarray((times + 1.0) / (of + 2.0))


def _cost(after: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """float64 (T, D): the nats of each number."""
    return -np.where(after, np.log(probability), np.log1p(-probability))


def _pairs(encoded: Encoded, split: Split, transpositions: tuple[int, ...]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(before, after) of each piece at each transposition: 0/1 (T, D), a row and the one behind it."""
    for index in encoded.pieces(split):
        piece = encoded.piece(index)
        for semitones in transpositions:
            after = encoded.encoding.transpose(piece, semitones).reshape(len(piece), -1)
            yield np.concatenate([np.zeros_like(after[:1]), after[:-1]]), after
