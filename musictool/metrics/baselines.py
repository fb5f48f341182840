"""What a model has to beat: three ways of guessing the next symbol that learn next to nothing.

- unigram: how often each symbol stands in the training pieces, whatever came before;
- bigram: the same after each symbol, smoothed towards the unigram by Witten and Bell's rule (1991): a symbol seen n
  times with t different followers gives the unigram the weight t / (n + t);
- repeat: the symbol before comes again, with the probability that it does in training; else the unigram.

All learn from the training pieces at every transposition that the model learns from, are scored on the same validation
targets as the model, and never give any symbol the probability 0 (the unigram counts every symbol once more than seen).
For frames and segments, whose rows are 0/1, see _roll_baselines.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from musictool.dataset import Encoded
from musictool.encodings._base import PADDING, START
from musictool.metrics._roll_baselines import roll_baselines


def baselines(encoded: Encoded) -> dict[str, float]:
    """Nats a row on the validation pieces: {"unigram": ..., "bigram": ..., "repeat": ...} for symbols.

    Returns:
        an empty dict if there is no validation piece.
    """
    if encoded.spec.kind != "tokens":
        return roll_baselines(encoded)
    pairs = list(_pairs(encoded, "validation", (0,)))
    if not pairs:
        return {}
    before, after = (np.concatenate(side) for side in zip(*pairs, strict=True))
    counts = _Counts(encoded)
    unigram = counts.unigram(after)
    return {
        "unigram": _nats(unigram),
        "bigram": _nats(counts.bigram(before, after, unigram)),
        "repeat": _nats(counts.repeat(before, after, unigram)),
    }


class _Counts:
    """Symbols and pairs of symbols in the training pieces, at every transposition."""

    def __init__(self, encoded: Encoded):
        size = encoded.spec.size
        keys = [before * np.int64(size) + after for before, after in _pairs(encoded, "train", encoded.transpositions)]
        self.size = size
        self.pairs, self.times = np.unique(np.concatenate(keys), return_counts=True)
        self.first, self.second = self.pairs // size, self.pairs % size
        self.symbols = np.bincount(self.second, self.times, minlength=size)

    def unigram(self, after: np.ndarray) -> np.ndarray:
        """Probability (N,) of each symbol."""
        counts = self.symbols + 1.0
        counts[[PADDING, START]] = 0  # never a target
        return counts[after] / counts.sum()

    def bigram(self, before: np.ndarray, after: np.ndarray, unigram: np.ndarray) -> np.ndarray:
        """Probability (N,) of each symbol after the one before it."""
        seen = np.bincount(self.first, self.times, minlength=self.size)[before]
        types = np.bincount(self.first, minlength=self.size)[before]
        key = before * np.int64(self.size) + after
        at = np.minimum(np.searchsorted(self.pairs, key), len(self.pairs) - 1)
        times = np.where(self.pairs[at] == key, self.times[at], 0)
        return np.where(seen > 0, (times + types * unigram) / np.maximum(seen + types, 1), unigram)

    def repeat(self, before: np.ndarray, after: np.ndarray, unigram: np.ndarray) -> np.ndarray:
        """Probability (N,) of each symbol if the one before it is likely to come again."""
        again = self.times[self.first == self.second].sum()
        share = (again + 1) / (self.times.sum() + 2)
        return share * (before == after) + (1 - share) * unigram


def _pairs(encoded: Encoded, split: str, transpositions: tuple[int, ...]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for index in encoded.pieces(split):  # type: ignore[arg-type]
        rows = np.asarray(encoded.piece(index))
        for semitones in transpositions:
            after = encoded.encoding.transpose(rows, semitones).astype(np.int64)
            yield np.concatenate([[START], after[:-1]]), after


def _nats(probability: np.ndarray) -> float:
    return float(-np.log(probability).mean())
