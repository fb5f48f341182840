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

from musictool.dataset.dataset import Encoded, Split
from musictool.encoding import START
from musictool.metrics._roll_baselines import roll_baselines
from musictool.metrics.ngrams import NGrams


def baselines(encoded: Encoded) -> dict[str, float]:
    """Nats a row on the validation pieces: {"unigram": ..., "bigram": ..., "repeat": ...} for symbols.

    Returns:
        an empty dict if there is no validation piece.
    """
    if encoded.spec.kind != "tokens":
        return roll_baselines(encoded)
    rows = list(_rows(encoded, "validation", (0,)))
    if not rows:
        return {}
    before, after = (np.concatenate(side) for side in zip(*((each[:-1], each[1:]) for each in rows), strict=True))
    counts = NGrams.counted(np.concatenate(list(_rows(encoded, "train", encoded.transpositions))), encoded.spec.size, 1)
    unigram = counts.shortest[after]
    again = _share_repeated(counts)
    return {
        "unigram": _nats(unigram),
        "bigram": _nats(counts.probability(before[None], after)),
        "repeat": _nats(again * (before == after) + (1 - again) * unigram),
    }


def _share_repeated(counts: NGrams) -> float:
    """How many symbols are the one before again: of all in training, and one more of two more."""
    (pairs,) = counts.levels
    before, after = np.divmod(pairs.keys, pairs.size)
    return float((pairs.times[before == after].sum() + 1) / (pairs.times.sum() + 2))


def _rows(encoded: Encoded, split: Split, transpositions: tuple[int, ...]) -> Iterator[np.ndarray]:
    """int64 (T + 1,): each piece at each transposition, after START."""
    for index in encoded.pieces(split):
        rows = np.asarray(encoded.piece(index))
        for semitones in transpositions:
            yield np.append(START, encoded.encoding.transpose(rows, semitones).astype(np.int64))


def _nats(probability: np.ndarray) -> float:
    return float(-np.log(probability).mean())
