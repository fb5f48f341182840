"""Symbols <-> ids: what a token encoding learned from its training pieces.

The most frequent symbol has the first id, FIRST_SYMBOL, the next one FIRST_SYMBOL + 1, and so on; what a vocabulary has
grown by since stands behind, in an order of its own. The ids below mean padding, unknown and start in every vocabulary
(see _base.py). A vocabulary keeps text only; how a symbol's text is read
is its encoding's business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import numpy as np

from musictool.encoding import FIRST_TOKEN, UNKNOWN
from musictool.errors import BadModel

Key = TypeVar("Key", str, bytes)

RESERVED = ("<padding>", "<unknown>", "<start>")


class Vocabulary:
    """The symbols of an encoding and how often each was met.

    Args:
        symbols: all different, in the order of their ids.
        counts: how often each stands in the training pieces, transposed copies included.

    Attributes:
        counts: int64 (len(symbols),).
        size: V, the number of ids: the reserved ones and the symbols.
    """

    def __init__(self, symbols: Iterable[str], counts: Iterable[int]):
        self.symbols = tuple(symbols)
        self.counts = np.array(list(counts), np.int64)
        self.size = FIRST_TOKEN + len(self.symbols)
        self._ids = {symbol: i for i, symbol in enumerate(self.symbols, FIRST_TOKEN)}
        if len(self._ids) != len(self.symbols) or len(self.counts) != len(self.symbols):
            raise ValueError("symbols must differ, and each has one count")

    def __len__(self) -> int:
        """The number of symbols, without the reserved ones."""
        return len(self.symbols)

    def id_of(self, symbol: str) -> int:
        """The id of a symbol; UNKNOWN for one that is not here."""
        return self._ids.get(symbol, UNKNOWN)

    def symbol_of(self, index: int) -> str:
        """The symbol of an id in 0..size-1; "<padding>", "<unknown>" and "<start>" for the reserved ids."""
        if not 0 <= index < self.size:
            raise IndexError(f"{index} is no id of a vocabulary of {self.size}")
        return RESERVED[index] if index < FIRST_TOKEN else self.symbols[index - FIRST_TOKEN]

    @property
    def fingerprint(self) -> str:
        """sha256 (hex) of the symbols in their order: two vocabularies of one fingerprint give the same ids."""
        return hashlib.sha256("\n".join(self.symbols).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {"symbols": list(self.symbols), "counts": self.counts.tolist()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Vocabulary:
        """The inverse of to_json. Raises BadModel for what is no vocabulary."""
        try:
            symbols = [_text(symbol) for symbol in values["symbols"]]
            return cls(symbols, [int(count) for count in values["counts"]])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise BadModel(f"the vocabulary is damaged ({error!r}); prepare or train again") from None


def _text(symbol: Any) -> str:
    if not isinstance(symbol, str):
        raise TypeError(f"{symbol!r} is not text")
    return symbol


def most_frequent(counts: Mapping[Key, int], limit: int) -> list[tuple[Key, int]]:
    """Up to `limit` of the keys with their counts, most frequent first; the smaller key first among equals."""
    items: Iterable[tuple[Key, int]] = counts.items()
    if len(counts) > limit:  # sort only what can be among them
        every = np.fromiter(counts.values(), np.int64, len(counts))
        least = np.partition(every, len(every) - limit)[len(every) - limit] if limit > 0 else every.max() + 1
        items = (item for item in items if item[1] >= least)
    return sorted(items, key=lambda item: (-item[1], item[0]))[: max(limit, 0)]
