"""Baselines: simple ways of predicting the next row, counted in the training pieces, which a model should beat.

For tokens:

- unigram: how often each token occurs in the training pieces, whatever came before;
- bigram: the same after each token, smoothed towards the unigram by Witten and Bell's rule (1991): a token seen n times
  with t different followers gives the unigram the weight t / (n + t);
- repeat: the token before comes again, with the probability that it does in training; else the unigram.

For rolls (frames and segments), whose rows are D numbers, 0 or 1, each of which counts as a key of its own:

- keys: how often each key sounds in the training pieces, whatever came before;
- keys-markov: the same where the key sounded in the row before, and where it did not;
- repeat: the row before comes again, with the probability that it does in training; else each key as in `keys`.

All are counted at every transposition that the model is trained on, are scored on the same validation targets as the
model, and never give anything the probability 0: tokens, keys and repetitions are counted once more than seen.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from musictool.dataset.dataset import Encoded, Split
from musictool.encoding import START
from musictool.metrics.ngrams import NGrams


def baselines(encoded: Encoded) -> dict[str, float]:
    """Nats per row on the validation pieces, by the name of the baseline; empty if there is no validation piece."""
    return _token_baselines(encoded) if encoded.spec.kind == "tokens" else _roll_baselines(encoded)


class RollCounts:
    """How often each of D keys sounds, and sounds on, in pairs of rows that follow each other.

    Args:
        size: D.
    """

    def __init__(self, size: int):
        self.rows, self.repeats = 0, 0
        self.sounding, self.sounded_before, self.held = np.zeros((3, size), np.int64)

    def add(self, before: np.ndarray, after: np.ndarray) -> None:
        """Count 0/1 (T, D): `after` are the rows that follow those of `before`."""
        self.rows += len(after)
        self.repeats += int((before == after).all(axis=1).sum())
        self.sounding += after.sum(axis=0, dtype=np.int64)
        self.sounded_before += before.sum(axis=0, dtype=np.int64)
        self.held += (before & after).sum(axis=0, dtype=np.int64)

    @property
    def probability(self) -> np.ndarray:
        """float64 (D,) in (0, 1): that each key sounds."""
        return _smoothed(self.sounding, self.rows)

    @property
    def probability_after(self) -> tuple[np.ndarray, np.ndarray]:
        """Two float64 (D,) in (0, 1): that each key sounds after a row in which it was silent, and after one in which
        it sounded."""
        onsets, silent_before = self.sounding - self.held, self.rows - self.sounded_before
        return _smoothed(onsets, silent_before), _smoothed(self.held, self.sounded_before)

    @property
    def log_odds_after(self) -> np.ndarray:
        """float64 (2, D): log(p / (1 - p)) of `probability_after`."""
        probability = np.stack(self.probability_after)
        return np.asarray(np.log(probability) - np.log1p(-probability))

    def keys(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """float64 (T,): nats of the rows `after`, 0/1 (T, D), by the baseline `keys`."""
        return bernoulli_nats(self.probability, after)

    def keys_markov(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """The same by the baseline `keys-markov`."""
        after_silence, after_sound = self.probability_after
        return bernoulli_nats(np.where(before, after_sound, after_silence), after)

    def repeat(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """The same by the baseline `repeat`."""
        again = _smoothed(np.array(self.repeats), self.rows)
        # p(row) = again * [row is the one before] + (1 - again) * p_keys(row), added up as logarithms
        same = np.where((before == after).all(axis=1), np.log(again), -np.inf)  # (T,)
        return -np.logaddexp(same, np.log1p(-again) - self.keys(before, after))


def bernoulli_nats(probability: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """float64 (T,): -log p of 0/1 rows (T, D), whose numbers are 1 with probabilities (T, D) or (D,) in (0, 1)."""
    return np.asarray(-np.where(rows, np.log(probability), np.log1p(-probability)).sum(axis=1))


def _token_baselines(encoded: Encoded) -> dict[str, float]:
    validation = list(_pieces_after_start(encoded, "validation", (0,)))
    if not validation:
        return {}
    before = np.concatenate([tokens[:-1] for tokens in validation])
    after = np.concatenate([tokens[1:] for tokens in validation])
    training = np.concatenate(list(_pieces_after_start(encoded, "train", encoded.transpositions)))
    counts = NGrams.counted(training, encoded.spec.size, order=1)
    unigram = counts.shortest[after]
    again = _probability_of_repeat(counts)
    return {
        "unigram": _mean_nats(unigram),
        "bigram": _mean_nats(counts.probability(before[None], after)),
        "repeat": _mean_nats(again * (before == after) + (1 - again) * unigram),
    }


def _probability_of_repeat(counts: NGrams) -> float:
    """That a token is the one before again."""
    (pairs,) = counts.levels
    before, after = np.divmod(pairs.keys, pairs.size)
    return float((pairs.times[before == after].sum() + 1) / (pairs.times.sum() + 2))


def _pieces_after_start(encoded: Encoded, split: Split, transpositions: tuple[int, ...]) -> Iterator[np.ndarray]:
    """int64 (T + 1,): each piece at each transposition, after START."""
    for index in encoded.pieces(split):
        rows = np.asarray(encoded.piece(index))
        for semitones in transpositions:
            yield np.append(START, encoded.encoding.transpose(rows, semitones).astype(np.int64))


def _mean_nats(probability: np.ndarray) -> float:
    return float(-np.log(probability).mean())


def _roll_baselines(encoded: Encoded) -> dict[str, float]:
    counts = RollCounts(encoded.spec.size)
    for before, after in _row_pairs(encoded, "train", encoded.transpositions):
        counts.add(before, after)
    rows, sums = 0, np.zeros(3)
    for before, after in _row_pairs(encoded, "validation", (0,)):
        rows += len(after)
        sums += [nats(before, after).sum() for nats in (counts.keys, counts.keys_markov, counts.repeat)]
    return dict(zip(("keys", "keys-markov", "repeat"), (sums / rows).tolist(), strict=True)) if rows else {}


def _row_pairs(
    encoded: Encoded, split: Split, transpositions: tuple[int, ...]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(before, after) of each piece at each transposition, 0/1 (T, D); silence is before the first row."""
    for index in encoded.pieces(split):
        piece = encoded.piece(index)
        for semitones in transpositions:
            after = encoded.encoding.transpose(piece, semitones).reshape(len(piece), -1)  # (T, D)
            yield np.concatenate([np.zeros_like(after[:1]), after[:-1]]), after


def _smoothed(times: np.ndarray, trials: np.ndarray | int) -> np.ndarray:
    """The share of trials that succeeded, as if there had been one more success and one more failure."""
    return np.asarray((times + 1.0) / (trials + 2.0))
