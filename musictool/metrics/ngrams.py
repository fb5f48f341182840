"""How often which symbols followed which: tables for prediction by counting.

A gram is a run of symbols that was met in training. Grams of n + 1 symbols are a sorted array of numbers, `context *
size + symbol`, where `context` is the place of the first n symbols in the array before (for n = 1, the symbol itself).
So every gram has one number and no two share one, what followed a context lies side by side, and the contexts of a
whole window are found level by level without a loop over symbols.

The prediction is that of Witten and Bell (1991), interpolated: where a context was met n times with t different
followers, the next shorter context has the weight t / (n + t). The shortest is how often each symbol stands in
training, once more than seen, so that nothing has the probability 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from musictool.encoding import PADDING, START
from musictool.encodings._ragged import one_by_one

NOWHERE = -1  # the place of a context that was not met


@dataclass(frozen=True)
class Level:
    """All grams of one length.

    Attributes:
        keys: int64 (G,), ascending: context * size + symbol.
        times: int32 (G,), how often each was met.
        contexts: C, how many grams there are of one symbol less.
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
        """int64 (C,): how often each context was met with something behind it."""
        return np.diff(np.concatenate([[0], np.cumsum(self.times, dtype=np.int64)])[self.first])

    def find(self, contexts: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """int64 (...,): the places of these contexts (...,) followed by these symbols (...,); NOWHERE if not met."""
        if not len(self.keys):
            return np.full(contexts.shape, NOWHERE)
        wanted = contexts * self.size + symbols
        at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where(self.keys[at] == wanted, at, NOWHERE)

    def weights(self, contexts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(...,) each: the sum of times and followers of these contexts, 1 if not met; the weight of a shorter one."""
        if not self.contexts:
            return np.ones(contexts.shape, np.int64), np.ones(contexts.shape)
        at = np.maximum(contexts, 0)
        followers = np.where(contexts >= 0, self.first[at + 1] - self.first[at], 0)
        total = self.seen[at] + followers
        return np.where(followers > 0, total, 1), np.where(followers > 0, followers / np.maximum(total, 1), 1.0)


class NGrams:
    """The tables for contexts of up to `order` symbols.

    Args:
        symbols: int64 (V,), how often each symbol was met.
        levels: of the grams of 2, 3, ..., order + 1 symbols.
    """

    def __init__(self, symbols: np.ndarray, levels: list[Level]):
        self.symbols = symbols
        self.levels = levels
        counts = symbols + 1.0
        counts[[PADDING, START]] = 0  # never a target
        self.shortest = counts / counts.sum()  # float64 (V,)

    @classmethod
    def counted(cls, rows: np.ndarray, size: int, order: int) -> NGrams:
        """Count int (R,), the symbols of pieces end to end, each after its own START; no gram goes across two."""
        symbols = np.bincount(rows[rows != START], minlength=size).astype(np.int64)
        after = np.append(rows[1:], START)  # (R,)
        place, levels, contexts = rows.astype(np.int64), [], size
        for _ in range(order):
            follows = np.flatnonzero((place != NOWHERE) & (after != START))
            keys, own, times = np.unique(
                place[follows] * size + after[follows], return_inverse=True, return_counts=True
            )
            levels.append(Level(keys, times.astype(np.int32), contexts, size))
            place = np.full(len(rows), NOWHERE, np.int64)
            place[follows + 1] = own
            contexts = len(keys)
        return cls(symbols, levels)

    @property
    def entries(self) -> int:
        """Numbers counted: grams of every length."""
        return len(self.symbols) + sum(len(level.keys) for level in self.levels)

    def heard(self, contexts: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """int64 (order, ...): the contexts of 1, 2, ... symbols that end with these symbols (...,).

        Args:
            contexts: int64 (order, ...), those that stood before.
        """
        longer = zip(self.levels, contexts[:-1], strict=False)
        return np.stack([symbols, *(level.find(before, symbols) for level, before in longer)])

    def contexts(self, rows: np.ndarray) -> np.ndarray:
        """int64 (order, B, T): the contexts that end with each symbol of windows, int (B, T)."""
        found = [rows.astype(np.int64)]
        for level in self.levels[:-1]:
            before = np.pad(found[-1][:, :-1], ((0, 0), (1, 0)), constant_values=NOWHERE)
            found.append(level.find(before, found[0]))
        return np.stack(found)

    def probability(self, contexts: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """float64 (...,): of these symbols (...,) after these contexts (order, ...)."""
        result: np.ndarray = self.shortest[symbols]
        for level, own in zip(self.levels, contexts, strict=True):
            at = level.find(own, symbols)
            times = level.times[np.maximum(at, 0)] if len(level.times) else 0
            total, shorter = level.weights(own)
            result = result * shorter + np.where(at >= 0, times, 0) / total
        return result

    def distribution(self, contexts: np.ndarray) -> np.ndarray:
        """float64 (B, V): the probability of every symbol after these contexts (order, B)."""
        result = np.repeat(self.shortest[None], contexts.shape[1], axis=0)
        for level, own in zip(self.levels, contexts, strict=True):
            total, shorter = level.weights(own)
            result *= shorter[:, None]
            known = np.flatnonzero(own >= 0)
            first = level.first[own[known]]
            of, nth = one_by_one(level.first[own[known] + 1] - first)
            at = first[of] + nth  # all followers of all contexts
            result[known[of], level.keys[at] % level.size] += level.times[at] / total[known[of]]
        return result

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it, by names that are written into files."""
        grams = {f"keys_{n}": level.keys for n, level in enumerate(self.levels, 1)}
        times = {f"times_{n}": level.times for n, level in enumerate(self.levels, 1)}
        return {"symbols": self.symbols, **grams, **times}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray], size: int, order: int) -> NGrams:
        """The inverse of arrays().

        Raises:
            KeyError, ValueError: for what no counting of `order` on `size` symbols gives; it may come from a stranger.
        """
        symbols = _whole(arrays["symbols"], 0, "symbols")
        if len(symbols) != size:
            raise ValueError(f"counts of {len(symbols)} symbols, not of {size}")
        levels, contexts = [], size
        for n in range(1, order + 1):
            keys, times = _whole(arrays[f"keys_{n}"], 0, "keys"), _whole(arrays[f"times_{n}"], 1, "times")
            if len(keys) != len(times) or (np.diff(keys) <= 0).any() or (len(keys) and keys[-1] >= contexts * size):
                raise ValueError(f"the grams of {n + 1} symbols are not those of {contexts} contexts")
            levels.append(Level(keys, times.astype(np.int32), contexts, size))
            contexts = len(keys)
        return cls(symbols, levels)


def _whole(array: np.ndarray, least: int, what: str) -> np.ndarray:
    """int64 (N,). Raises ValueError for an array that is something else, or has numbers below `least`."""
    if array.ndim != 1 or array.dtype.kind not in "iu" or (array < least).any():
        raise ValueError(f"{what} are not whole numbers of at least {least}")
    return array.astype(np.int64)
