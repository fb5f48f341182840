"""N-grams with back-off: what followed the last few tokens in training, counted. Every other arch must beat it.

Source: I. Witten and T. Bell, "The Zero-Frequency Problem" (1991), interpolated as in language models; there is no
network and no gradient, so it is trained in seconds.
Counting longer contexts than two tokens made it worse on chorales and on piano performances.
Limit: after a run of tokens that training never met it falls back to shorter ones, and no two tokens are similar to it;
what it writes is patched from the corpus, and can be whole bars of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from musictool.arch import CountingStage, GoesOn, Stage
from musictool.archs._counted import AT_ONCE, TINY, CountedArch, training_pieces
from musictool.dataset.dataset import Encoded
from musictool.dataset.windows import Batch
from musictool.encoding import START
from musictool.engine import nn, ops
from musictool.metrics.ngrams import NGrams
from musictool.options import option
from musictool.sampling.guidance import FREE, Guidance


class Tables(nn.Model):
    """N-grams in the place of a network: saved and loaded like one.

    Args:
        size: V.
        order: tokens in the longest context.
    """

    def __init__(self, size: int, order: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = size
        self.order = order
        self.ngrams = NGrams.counted(np.zeros(0, np.int64), size, order)
        self.built = True

    def call(self, tokens: Any) -> Any:
        """int32 (B, T) -> log-probabilities float32 (B, T, V), all of them in memory."""
        rows = ops.convert_to_numpy(tokens)
        contexts = self.ngrams.contexts(rows).reshape(self.order, -1)
        logs = np.log(np.maximum(self.ngrams.distribution(contexts), TINY))
        return ops.convert_to_tensor(logs.reshape(*rows.shape, self.size), "float32")

    def count_params(self) -> int:
        """Numbers counted."""
        return self.ngrams.entries

    def save_own_variables(self, store: Any) -> None:
        for name, array in self.ngrams.arrays().items():
            store[name] = array

    def load_own_variables(self, store: Any) -> None:
        self.ngrams = NGrams.of_arrays(store, self.size, self.order)


class Markov(CountedArch):
    """The last `order` tokens -> how often each token followed them."""

    name = "markov"
    DEFAULT_ENCODING: ClassVar[str] = "note-chord"
    USES_PER_WEIGHT: ClassVar[float] = 0.0  # it looks a row up

    @dataclass(frozen=True)
    class Options:
        order: int = option(2, "tokens in the longest context", least=1, most=16)
        most_rows: int = option(
            10_000_000, "most tokens counted, in all transpositions; of a larger corpus some pieces", least=1
        )

    SIZES: ClassVar = {"small": {}, "medium": {"order": 3}, "large": {"order": 5, "most_rows": 40_000_000}}

    @cached_property
    def network(self) -> Tables:
        """The tables."""
        return Tables(self.spec.size, self.options.order, name="network")

    @cached_property
    def stages(self) -> list[Stage]:
        return [CountingStage("network", self.network, self._loss_and_metrics, fit_counts=self._count)]

    def _count(self, encoded: Encoded, goes_on: GoesOn) -> None:
        pieces = training_pieces(encoded, self.options.most_rows)
        rows = np.concatenate([np.append(np.int32(START), piece) for piece in pieces])
        self.network.ngrams = NGrams.counted(rows, self.spec.size, self.options.order)

    def _loss_and_metrics(self, batch: Batch, training: bool) -> tuple[Any, ...]:
        ngrams = self.network.ngrams
        x, y = np.asarray(batch.x), np.asarray(batch.y)
        contexts = ngrams.contexts(x)
        nats = -np.log(np.maximum(ngrams.probability(contexts, y), TINY))  # padding has the probability 0
        return nats.astype(np.float32), (self._likeliest(contexts) == y).astype(np.float32)

    def _likeliest(self, contexts: np.ndarray) -> np.ndarray:
        """int64 (B, L): the likeliest token after each of the contexts (order, B, L)."""
        flat = contexts.reshape(len(contexts), -1)  # (order, B * L)
        parts = np.array_split(flat, -(-flat.shape[1] * self.spec.size // AT_ONCE), axis=1)
        likeliest = [self.network.ngrams.distribution(part).argmax(axis=-1) for part in parts]
        return np.concatenate(likeliest).reshape(contexts.shape[1:])

    def surprisal(self, rows: np.ndarray, guidance: Guidance = FREE) -> np.ndarray:
        ngrams, piece = self.network.ngrams, np.append(self.spec.start, rows)[None]  # (1, T + 1)
        probability: np.ndarray = ngrams.probability(ngrams.contexts(piece[:, :-1]), piece[:, 1:])[0]
        return -np.log(np.maximum(probability, TINY))

    def state_after(self, primer: np.ndarray) -> np.ndarray:
        """int (order, B), the contexts."""
        return self.network.ngrams.contexts(primer)[:, :, -1]

    def probabilities(self, state: np.ndarray) -> np.ndarray:
        return self.network.ngrams.distribution(state)

    def next_state(self, state: np.ndarray, token: np.ndarray) -> np.ndarray:
        return self.network.ngrams.next_contexts(state, token)
