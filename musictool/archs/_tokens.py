"""What all token archs share: symbols in, a distribution over the next symbol out, at every position.

An arch of this kind is a `body`: a layer that turns embedded symbols (B, T, D) into features (B, T, W), each position
knowing itself and what stands before it, and nothing behind. Embedding, prediction, loss and drawing are written here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from musictool.arch import Arch, Stage
from musictool.archs._hearing import hear
from musictool.backend.compile import compiled
from musictool.dataset.windows import Batch
from musictool.encoding import FIRST_TOKEN, Kind, Spec
from musictool.layers.symbols import Symbols
from musictool.sampling.loops import LoopGuard
from musictool.sampling.sampler import DRAWS, FREE, REPETITION_WINDOW, Guidance, Sampler

CHUNK = 64  # symbols written by one run of the compiled loop


class NextToken(keras.Model):
    """Symbols -> body -> how well each symbol would follow.

    Args:
        spec: of the symbols.
        width: D, numbers that stand for a symbol.
        body: see TokensArch.body.
        conditions: C, how many numbers beside each symbol say what is asked for; they are added to its vector.
    """

    def __init__(self, spec: Spec, width: int, body: Any, conditions: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.symbols = Symbols(spec.size, width, spec.features, name="symbols")
        self.body = body
        self.project = keras.layers.Dense(width, name="project")
        self.conditions = conditions
        self.hint = keras.layers.Dense(width, use_bias=False, name="hint") if conditions else None

    def build(self, shape: Any) -> None:
        self.symbols.build()
        self.body.build((*shape, self.symbols.width))
        self.project.build(self.body.compute_output_shape((*shape, self.symbols.width)))
        if self.hint:
            self.hint.build((*shape, self.conditions))

    def call(self, tokens: Any, conditions: Any = None, training: bool = False) -> Any:
        """int32 (B, T), float32 (B, T, C) -> logits float32 (B, T, V)."""
        vectors = self.symbols.vectors()
        x = self.symbols.embed(tokens, vectors)
        if self.hint and conditions is not None:
            x = x + ops.cast(self.hint(conditions), x.dtype)
        features = self.body(x, training=training)  # (B, T, W)
        return self.symbols.logits(self.project(features), vectors)  # (B, T, V)

    def step(self, token: Any, state: Any, vectors: Any, conditions: Any) -> tuple[Any, Any]:
        """One position: int32 (B,), the state before it, float32 (1, C) -> features (B, W) and the state after it."""
        x = self.symbols.embed(token, vectors)
        if self.hint:
            x = x + ops.cast(self.hint(conditions), x.dtype)
        features, state = self.body.step(x, state)
        return features, state

    def predict_next(self, features: Any, vectors: Any) -> Any:
        """Features (B, W) -> logits (B, V)."""
        return self.symbols.logits(self.project(features), vectors)


class TokensArch(Arch):
    """An arch that predicts the next symbol. A subclass gives its Options (with `embedding`) and its `body`."""

    kind: ClassVar[Kind] = "tokens"
    supports_conditions: ClassVar[bool] = True
    DEFAULT_ENCODING: ClassVar[str] = "note-chord"

    @abstractmethod
    def body(self) -> Any:
        """The layer between embedding and prediction.

        It has `call` (B, T, D) -> (B, T, W) for training; and for writing, with the same result,
        `initial_state(batch_size)` and `step`: (B, D) and the state before it -> (B, W) and the state after it. A state
        is any nest of tensors, of a shape that does not change.
        """

    @cached_property
    def network(self) -> NextToken:
        """The one network, built."""
        network = NextToken(self.spec, self.options.embedding, self.body(), self.conditions, name="network")
        network.build((None, None))
        return network

    @cached_property
    def stages(self) -> list[Stage]:
        return [Stage("network", self.network, self._loss_and_metrics)]

    def _loss_and_metrics(self, batch: Batch, training: bool) -> tuple[Any, ...]:
        logits = self.network(batch.x, batch.conditions, training=training)
        own = ops.take_along_axis(logits, ops.cast(batch.y, "int32")[..., None], axis=-1)[..., 0]
        hits = own >= ops.max(logits, axis=-1)  # argmax takes as long as the loss
        return _nats(batch.y, logits), ops.cast(hits, "float32")

    def continuation(
        self, primer: np.ndarray, sampler: Sampler, seed: int, guidance: Guidance = FREE
    ) -> Iterator[np.ndarray]:
        rng = np.random.default_rng(seed)
        conditions = self._asked(guidance)
        write = self._writer(sampler)
        guard = LoopGuard(len(primer))
        heat, loop = np.ones(len(primer), np.float32), np.full((CHUNK, len(primer)), -1, np.int32)
        onset_mask = guidance.onset_mask_of(self.spec.size)
        state = self.network.body.initial_state(len(primer))
        if primer.shape[1] > 1:
            state, _ = self._hear(ops.transpose(primer), state, conditions)
        token = ops.convert_to_tensor(primer[:, -1], "int32")
        at = token, state, self._recent(primer, onset_mask, sampler)
        bounds = (
            guidance.logit_bias(self.spec.size, FIRST_TOKEN),
            conditions,
            REPETITION_WINDOW * onset_mask.astype(np.int32),
        )
        while True:
            uniform = rng.random((CHUNK, len(primer), DRAWS), dtype=np.float32)
            at, written = write(at, uniform, bounds, (heat, loop))
            rows = np.asarray(ops.transpose(written), np.int32)  # (B, CHUNK)
            yield rows
            if sampler.loop_guard:
                heat, loop = guard.after(rows)

    def surprisal(self, rows: np.ndarray, guidance: Guidance = FREE) -> np.ndarray:
        symbols = np.concatenate([self.spec.start[None], rows])[:, None]  # (T + 1, 1)
        _, nats = self._hear(symbols, self.network.body.initial_state(1), self._asked(guidance))
        return ops.convert_to_numpy(nats)[:, 0].astype(np.float64)

    def _asked(self, guidance: Guidance) -> np.ndarray:
        """float32 (1, C)."""
        nothing = np.zeros(self.conditions, np.float32)
        return (nothing if guidance.conditions is None else guidance.conditions)[None]

    @cached_property
    def _hear(self) -> Any:
        """Compiled: int32 (T + 1, B), state, conditions -> the state before the last symbol; nats (T, B) of all but the
        first."""

        def hear_all(tokens: Any, state: Any, conditions: Any) -> tuple[Any, Any]:
            network = self.network
            vectors = network.symbols.vectors()
            return hear(
                tokens,
                state,
                lambda token, state: network.step(token, state, vectors, conditions),
                lambda features, _, token: _nats(token, network.predict_next(features, vectors)),
            )

        return compiled(hear_all)

    def _recent(self, primer: np.ndarray, onset_mask: np.ndarray, sampler: Sampler) -> np.ndarray:
        """int32 (B, V): for how many rows to come each symbol of the primer is remembered; (B, 1) if it never is."""
        if sampler.repetition_penalty == 1:
            return np.zeros((len(primer), 1), np.int32)
        recent = np.zeros((len(primer), self.spec.size), np.int32)
        for left, tokens in enumerate(
            primer[:, -REPETITION_WINDOW:].T, 1 + max(0, REPETITION_WINDOW - primer.shape[1])
        ):
            recent[np.arange(len(primer)), tokens] = left
        return recent * onset_mask

    def _writer(self, sampler: Sampler) -> Any:
        """Compiled: at, uniform (CHUNK, B, DRAWS), bounds, guard -> at, as it then is, and what was written (CHUNK, B).

        `at` is the last symbol (B,), the state, and recent (B, V): for how many rows each symbol is still remembered.
        `bounds` are never (V,), conditions (1, C), and memory (V,): for how many rows a symbol is, once it is drawn.
        `guard` is heat (B,), and loop (CHUNK, B): the heat lasts until a piece says something else.
        """
        if sampler not in self._writers:
            penalises = sampler.repetition_penalty != 1

            def write(at: Any, uniform: Any, bounds: Any, guard: Any) -> Any:
                logit_bias, conditions, memory = bounds
                vectors = self.network.symbols.vectors()
                symbols, (heat, loop) = ops.arange(self.spec.size, dtype="int32"), guard

                def follow(i: Any, carry: Any) -> Any:
                    token, state, recent, heat, written = carry
                    features, state = self.network.step(token, state, vectors, conditions)
                    logits = self.network.predict_next(features, vectors)
                    if penalises:
                        logits = sampler.penalised(logits, recent > 0)
                    token = sampler.draw(logits + logit_bias, uniform[i], heat)
                    if penalises:
                        recent = ops.where(token[:, None] == symbols, memory, recent - 1)
                    heat = ops.where(token == loop[i], heat, 1.0)
                    return token, state, recent, heat, ops.slice_update(written, (i, 0), token[None])

                nothing = ops.zeros_like(uniform[:, :, 0], dtype="int32")
                *at, _, written = ops.fori_loop(0, CHUNK, follow, (*at, heat, nothing))
                return tuple(at), written

            self._writers[sampler] = compiled(write)
        return self._writers[sampler]

    @cached_property
    def _writers(self) -> dict[Sampler, Any]:
        return {}


def _nats(y: Any, logits: Any) -> Any:
    return ops.sparse_categorical_crossentropy(y, logits, from_logits=True)
