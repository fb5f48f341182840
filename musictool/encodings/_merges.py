"""Byte pair encoding of tokens: what often stands together becomes one token of its own.

A *base* token is one that an encoding writes by itself; a *merged* one stands for a run of them. Merging again and
again shortens a piece to half its rows, at the price of a larger vocabulary.

An encoding says which base tokens are never merged. If these are the ones with a pitch, a merged token says when, how
long, how loud and on what, but never which pitch; then a transposed piece has as many rows as the piece, and
transposing stays a table of tokens. The price: chords and motifs, which byte pair encoding finds too, never become one
token.

Source: Fradet, Gutowski, Chhel and Briot, "Byte Pair Encoding for Symbolic Music" (2023), which merges over pitches.
The library `tokenizers` counts and merges; what it learned is kept as pairs of tokens and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from musictool.encoding import FIRST_TOKEN
from musictool.ragged import Ragged

_FIRST_LETTER = 0x4E00  # the library merges text: each base token is a letter that Unicode neither joins nor splits
_RAREST = 2  # times that a pair must be met


class Merges:
    """The tokens of a vocabulary: FIRST_TOKEN.. the base tokens, behind them the merged ones.

    Args:
        alone: bool (n,), which of the base tokens are never merged.
        opens: bool (n,), which begin a new run: they merge with what follows, never with what stands before.
        pairs: what two tokens were merged, in the order in which it was learned.

    Attributes:
        pairs: as given.
        size: V, the number of tokens: reserved, base and merged.

    Raises:
        ValueError: a pair names a token that there is not yet.
    """

    def __init__(self, alone: np.ndarray, opens: np.ndarray, pairs: Sequence[tuple[int, int]] = ()):
        self.pairs = tuple(pairs)
        self._alone, self._opens = alone, opens
        texts = [*[""] * FIRST_TOKEN, *map(chr, range(_FIRST_LETTER, _FIRST_LETTER + len(alone)))]
        ids = {text: index for index, text in enumerate(texts) if text}
        for left, right in self.pairs:
            if not (FIRST_TOKEN <= left < len(texts) and FIRST_TOKEN <= right < len(texts)):
                raise ValueError(f"{left} and {right} cannot be merged: there are {len(texts)} tokens so far")
            whole = texts[left] + texts[right]
            if ids.setdefault(whole, len(texts)) == len(texts):  # one run can be learned in two ways
                texts.append(whole)
        self._library = self._merging(texts, ids) if self.pairs else None
        self.size = len(texts)
        self._base = Ragged(_numbers("".join(texts)), np.array(list(map(len, texts))))  # of each token, by number

    def learned(self, pieces: Iterable[np.ndarray], size: int) -> Merges:
        """The same base tokens with the merges that shorten `pieces`, int (T,) base tokens by number, most.

        The order of the pieces does not matter.

        Args:
            size: of the vocabulary at most; less where nothing more stands together twice.
        """
        from tokenizers import Tokenizer, models, trainers

        library = Tokenizer(models.BPE())
        library.pre_tokenizer = self._runs()
        letters = list(map(chr, range(_FIRST_LETTER, _FIRST_LETTER + len(self._alone))))
        trainer = trainers.BpeTrainer(
            vocab_size=size - FIRST_TOKEN, min_frequency=_RAREST, initial_alphabet=letters, show_progress=False
        )
        library.train_from_iterator(map(_text, pieces), trainer)
        ids = {letter: index for index, letter in enumerate(letters, FIRST_TOKEN)}
        pairs = []
        for left, right in json.loads(library.to_str())["model"]["merges"]:
            pairs.append((ids[left], ids[right]))
            ids.setdefault(left + right, FIRST_TOKEN + len(ids))
        return Merges(self._alone, self._opens, pairs)

    def merge(self, numbers: np.ndarray) -> np.ndarray:
        """int32: the tokens of base tokens by number, int (T,), merged."""
        if self._library is None:
            return (numbers + FIRST_TOKEN).astype(np.int32)
        return np.array(self._library.encode(_text(numbers)).ids, np.int32)

    def base_of(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """int64 (B,) each: the base tokens, by number, of tokens (T,), and which row each is of; no reserved ones."""
        owners, numbers = self._base.of(rows)
        return numbers, owners

    def _merging(self, texts: list[str], ids: dict[str, int]) -> Any:
        from tokenizers import Tokenizer, models

        library = Tokenizer(models.BPE(vocab=ids, merges=[(texts[left], texts[right]) for left, right in self.pairs]))
        library.pre_tokenizer = self._runs()
        return library

    def _runs(self) -> Any:
        """What cuts the text into runs, inside which there is merging."""
        from tokenizers import Regex, pre_tokenizers

        alone, opening = (_text(np.flatnonzero(which)) for which in (self._alone, self._opens))
        within = f"[^{alone}{opening}]"
        pattern = f"[{alone}]|[{opening}]?{within}+|[{opening}]" if opening else f"[{alone}]|{within}+"
        return pre_tokenizers.Split(Regex(pattern), "isolated")


def _text(numbers: np.ndarray) -> str:
    return (np.asarray(numbers) + _FIRST_LETTER).astype("<u4").tobytes().decode("utf-32-le")


def _numbers(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le"), "<u4").astype(np.int64) - _FIRST_LETTER
