"""N-grams: tables of how often each token followed each context in training, and predictions from them.

A gram is a run of tokens that occurs in training. Grams of n + 1 tokens are a sorted array of keys, `context * size +
token`, where `context` is the index of the first n tokens in the array before (for n = 1, the token itself). So every
gram has one key and no two share one, the followers of a context lie side by side, and the contexts of a whole window
are found level by level without a loop over tokens.

The prediction is that of Witten and Bell (1991), interpolated: where a context occurs n times with t different
followers, the next shorter context has the weight t / (n + t). The shortest is how often each token occurs in
training, counted once more than seen, so that no token has the probability 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from musictool.encoding import PADDING, START
from musictool.ragged import one_by_one

UNSEEN = -1  # the index of a context that does not occur in training


@dataclass(frozen=True)
class Level:
    """All grams of one length.

    Attributes:
        keys: int64 (G,), ascending: context * size + token.
        times: int32 (G,), how often each occurs.
        contexts: C, how many grams there are of one token less.
        size: V.
    """

    keys: np.ndarray
    times: np.ndarray
    contexts: int
    size: int

    @cached_property
    def first(self) -> np.ndarray:
        """int64 (C + 1,): where the followers of each context begin; the last is G."""
        return np.searchsorted(self.keys, np.arange(self.contexts + 1) * np.int64(self.size))

    @cached_property
    def seen(self) -> np.ndarray:
        """int64 (C,): how often each context occurs with a token after it."""
        return np.diff(np.concatenate([[0], np.cumsum(self.times, dtype=np.int64)])[self.first])

    def find(self, contexts: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """int64 (...,): the indices of the grams of contexts (...,) and the tokens (...,) after them, or UNSEEN."""
        if not len(self.keys):
            return np.full(contexts.shape, UNSEEN)
        keys = contexts * self.size + tokens
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, at, UNSEEN)

    def weights(self, contexts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """n + t and t / (n + t) of contexts (...,), the divisor and the weight of the shorter one; 1, 1 if UNSEEN."""
        if not self.contexts:
            return np.ones(contexts.shape, np.int64), np.ones(contexts.shape)
        at = np.maximum(contexts, 0)
        followers = np.where(contexts >= 0, self.first[at + 1] - self.first[at], 0)
        total = self.seen[at] + followers
        return np.where(followers > 0, total, 1), np.where(followers > 0, followers / np.maximum(total, 1), 1.0)


class NGrams:
    """The tables for contexts of up to `order` tokens.

    Args:
        tokens: int64 (V,), how often each token occurs.
        levels: of the grams of 2, 3, ..., order + 1 tokens.
    """

    def __init__(self, tokens: np.ndarray, levels: list[Level]):
        self.tokens = tokens
        self.levels = levels
        counts = tokens + 1.0
        counts[[PADDING, START]] = 0  # never a target
        self.shortest = counts / counts.sum()  # float64 (V,)

    @classmethod
    def counted(cls, rows: np.ndarray, size: int, order: int) -> NGrams:
        """Count int (R,), the tokens of pieces end to end, each after its own START; no gram spans two pieces."""
        tokens = np.bincount(rows[rows != START], minlength=size).astype(np.int64)
        after = np.append(rows[1:], START)  # (R,)
        context, levels, contexts = rows.astype(np.int64), [], size  # (R,): the index of the context that ends here
        for _ in range(order):
            # a gram is a context and the token after it
            has_gram = np.flatnonzero((context != UNSEEN) & (after != START))
            grams = context[has_gram] * size + after[has_gram]
            keys, index, times = np.unique(grams, return_inverse=True, return_counts=True)
            levels.append(Level(keys, times.astype(np.int32), contexts, size))
            # which is the context, one token longer, of what comes after that token
            context = np.full(len(rows), UNSEEN, np.int64)
            context[has_gram + 1] = index
            contexts = len(keys)
        return cls(tokens, levels)

    @property
    def entries(self) -> int:
        """Numbers counted: grams of every length."""
        return len(self.tokens) + sum(len(level.keys) for level in self.levels)

    def next_contexts(self, contexts: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """int64 (order, ...): the contexts of 1, 2, ... tokens that end with these tokens (...,).

        Args:
            contexts: int64 (order, ...), those that end one token before.
        """
        longer = zip(self.levels, contexts[:-1], strict=False)
        return np.stack([tokens, *(level.find(context, tokens) for level, context in longer)])

    def contexts(self, rows: np.ndarray) -> np.ndarray:
        """int64 (order, B, T): the contexts that end with each token of windows, int (B, T)."""
        contexts = [rows.astype(np.int64)]
        for level in self.levels[:-1]:
            before = np.pad(contexts[-1][:, :-1], ((0, 0), (1, 0)), constant_values=UNSEEN)
            contexts.append(level.find(before, contexts[0]))
        return np.stack(contexts)

    def probability(self, contexts: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """float64 (...,): of these tokens (...,) after these contexts (order, ...)."""
        result: np.ndarray = self.shortest[tokens]
        for level, context in zip(self.levels, contexts, strict=True):
            # from the shortest context to the longest: p = times / (n + t) + p of the shorter * t / (n + t)
            at = level.find(context, tokens)
            times = level.times[np.maximum(at, 0)] if len(level.times) else 0
            total, shorter = level.weights(context)
            result = result * shorter + np.where(at >= 0, times, 0) / total
        return result

    def distribution(self, contexts: np.ndarray) -> np.ndarray:
        """float64 (B, V): the probability of every token after these contexts (order, B)."""
        result = np.repeat(self.shortest[None], contexts.shape[1], axis=0)
        for level, context in zip(self.levels, contexts, strict=True):
            total, shorter = level.weights(context)
            result *= shorter[:, None]
            # add times / (n + t) of each follower of each context that occurs
            seen = np.flatnonzero(context >= 0)
            first = level.first[context[seen]]
            of, nth = one_by_one(level.first[context[seen] + 1] - first)
            at = first[of] + nth  # indices of the grams of these followers
            result[seen[of], level.keys[at] % level.size] += level.times[at] / total[seen[of]]
        return result

    def arrays(self) -> dict[str, np.ndarray]:
        """The tables by the names that are written into files."""
        grams = {f"keys_{n}": level.keys for n, level in enumerate(self.levels, 1)}
        times = {f"times_{n}": level.times for n, level in enumerate(self.levels, 1)}
        return {"tokens": self.tokens, **grams, **times}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray], size: int, order: int) -> NGrams:
        """The inverse of arrays().

        Raises:
            KeyError, ValueError: for arrays that no counting gives; a file may come from a stranger.
        """
        tokens = _whole(arrays["tokens"], 0, "tokens")
        if len(tokens) != size:
            raise ValueError(f"counts of {len(tokens)} tokens, not of {size}")
        levels, contexts = [], size
        for n in range(1, order + 1):
            keys, times = _whole(arrays[f"keys_{n}"], 0, "keys"), _whole(arrays[f"times_{n}"], 1, "times")
            if len(keys) != len(times) or (np.diff(keys) <= 0).any() or (len(keys) and keys[-1] >= contexts * size):
                raise ValueError(f"the grams of {n + 1} tokens are not those of {contexts} contexts")
            levels.append(Level(keys, times.astype(np.int32), contexts, size))
            contexts = len(keys)
        return cls(tokens, levels)


def _whole(array: np.ndarray, least: int, name: str) -> np.ndarray:
    """int64 (N,). Raises ValueError for any other array, and for numbers below `least`."""
    if array.ndim != 1 or array.dtype.kind not in "iu" or (array < least).any():
        raise ValueError(f"{name} are not whole numbers of at least {least}")
    return array.astype(np.int64)
