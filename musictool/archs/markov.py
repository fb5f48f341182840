"""N-grams with back-off: what followed the last few symbols in training, counted. Every other arch must beat it.

Source: I. Witten and T. Bell, "The Zero-Frequency Problem" (1991), interpolated as in language models; there is no
network and no gradient, so it is trained in seconds.
Counting longer contexts than two symbols made it worse on chorales and on piano performances.
Limit: after a run of symbols that training never met it falls back to shorter ones, and it knows no likeness between
symbols; what it writes is patched from the corpus, and can be whole bars of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from musictool.arch import Arch, CountingStage, Stage
from musictool.dataset.dataset import Encoded
from musictool.dataset.windows import Batch
from musictool.encoding import FIRST_TOKEN, START, Kind
from musictool.metrics.ngrams import NGrams
from musictool.options import option
from musictool.sampling.drawing import draw, penalised
from musictool.sampling.loops import LoopGuard
from musictool.sampling.options import REPETITION_WINDOW
from musictool.sampling.sampler import DRAWS, FREE, Guidance, Sampler

CHUNK = 64  # symbols written between two looks for loops
AT_ONCE = 1 << 21  # probabilities of a distribution held in memory (16 MB)


class Tables(keras.Model):
    """N-grams in the place of a network: saved and loaded like one.

    Args:
        size: V.
        order: symbols in the longest context.
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
        logs = np.log(np.maximum(self.ngrams.distribution(contexts), 1e-30))
        return ops.convert_to_tensor(logs.reshape(*rows.shape, self.size), "float32")

    def count_params(self) -> int:
        """Numbers counted."""
        return self.ngrams.entries

    def save_own_variables(self, store: Any) -> None:
        for name, array in self.ngrams.arrays().items():
            store[name] = array

    def load_own_variables(self, store: Any) -> None:
        self.ngrams = NGrams.of_arrays(store, self.size, self.order)


class Markov(Arch):
    """The last `order` symbols -> how often each symbol followed them."""

    name = "markov"
    kind: ClassVar[Kind] = "tokens"
    DEFAULT_ENCODING: ClassVar[str] = "note-chord"
    BFLOAT16_ON_CPU: ClassVar[bool] = False

    @dataclass(frozen=True)
    class Options:
        order: int = option(2, "symbols in the longest context", least=1, most=16)
        most_rows: int = option(
            10_000_000, "symbols counted, at every transposition; of more, only some pieces", least=1
        )

    SIZES: ClassVar = {"small": {}, "medium": {"order": 3}, "large": {"order": 5, "most_rows": 40_000_000}}

    @cached_property
    def network(self) -> Tables:
        """The tables."""
        return Tables(self.spec.size, self.options.order, name="network")

    @cached_property
    def stages(self) -> list[Stage]:
        return [CountingStage("network", self.network, self._loss_and_metrics, fit_counts=self._count)]

    def _count(self, encoded: Encoded) -> None:
        rows = np.concatenate(list(_training_rows(encoded, self.options.most_rows)))
        self.network.ngrams = NGrams.counted(rows, self.spec.size, self.options.order)

    def _loss_and_metrics(self, batch: Batch, training: bool) -> tuple[Any, ...]:
        ngrams = self.network.ngrams
        x, y = np.asarray(batch.x), np.asarray(batch.y)
        contexts = ngrams.contexts(x)
        nats = -np.log(np.maximum(ngrams.probability(contexts, y), 1e-30))  # padding has the probability 0
        return nats.astype(np.float32), (self._likeliest(contexts) == y).astype(np.float32)

    def _likeliest(self, contexts: np.ndarray) -> np.ndarray:
        """int64 (B, L): the likeliest symbol after each of the contexts (order, B, L)."""
        flat = contexts.reshape(len(contexts), -1)
        parts = np.array_split(flat, -(-flat.shape[1] * self.spec.size // AT_ONCE), axis=1)
        found = [self.network.ngrams.distribution(part).argmax(axis=-1) for part in parts]
        return np.concatenate(found).reshape(contexts.shape[1:])

    def surprisal(self, rows: np.ndarray, guidance: Guidance = FREE) -> np.ndarray:
        ngrams, heard = self.network.ngrams, np.append(self.spec.start, rows)[None]
        probability: np.ndarray = ngrams.probability(ngrams.contexts(heard[:, :-1]), heard[:, 1:])[0]
        return -np.log(np.maximum(probability, 1e-30))

    def continuation(
        self, primer: np.ndarray, sampler: Sampler, seed: int, guidance: Guidance = FREE
    ) -> Iterator[np.ndarray]:
        rng, pieces = np.random.default_rng(seed), len(primer)
        ngrams, guard = self.network.ngrams, LoopGuard(pieces)
        onset_mask, logit_bias = (
            guidance.onset_mask_of(self.spec.size),
            guidance.logit_bias(self.spec.size, FIRST_TOKEN),
        )
        heat, loop = np.ones(pieces, np.float32), np.full((CHUNK, pieces), -1)
        contexts = ngrams.contexts(primer)[:, :, -1]
        heard = primer[:, -REPETITION_WINDOW:]
        while True:
            uniform = rng.random((CHUNK, pieces, DRAWS), dtype=np.float32)
            for i in range(CHUNK):
                logits = np.log(np.maximum(ngrams.distribution(contexts), 1e-30)).astype(np.float32)
                if sampler.repetition_penalty != 1:
                    logits = penalised(sampler, logits, _recent(heard, onset_mask))
                token = draw(sampler, logits + logit_bias, uniform[i], heat)
                heat = np.where(token == loop[i], heat, np.float32(1))
                contexts = ngrams.next_contexts(contexts, token)
                heard = np.append(heard, token[:, None], axis=1)[:, -max(REPETITION_WINDOW, CHUNK) :]
            written = heard[:, -CHUNK:].astype(self.spec.dtype)
            yield written
            if sampler.loop_guard:
                heat, loop = guard.after(written)


def _training_rows(encoded: Encoded, most_rows: int) -> Iterator[np.ndarray]:
    """int32 (T + 1,): the training pieces at each transposition, each after START; of too many, some at random."""
    pieces = np.random.default_rng(0).permutation(encoded.pieces("train"))
    lengths = np.diff(encoded.offsets)[pieces] * len(encoded.transpositions)
    for index in pieces[: max(1, np.searchsorted(np.cumsum(lengths), most_rows, "right"))]:
        rows = np.asarray(encoded.piece(index))
        for semitones in encoded.transpositions:
            yield np.append(np.int32(START), encoded.encoding.transpose(rows, semitones))


def _recent(heard: np.ndarray, onset_mask: np.ndarray) -> np.ndarray:
    """bool (B, V): the symbols that begin notes among the last REMEMBERED of int (B, T)."""
    recent = np.zeros((len(heard), len(onset_mask)), bool)
    np.put_along_axis(recent, heard[:, -REPETITION_WINDOW:], True, axis=1)
    return recent & onset_mask
