"""What all token archs share: tokens in, logits of the next token out, at every position.

An arch of this kind is a `body`: a layer that turns embedded tokens (B, T, D) into features (B, T, W), where each
position sees itself and those before it. Embedding, prediction, loss and drawing are here; how pieces are scored and
written row after row is in _autoregressive.py.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from musictool.archs._autoregressive import CHUNK, AutoregressiveArch
from musictool.dataset.windows import Batch
from musictool.encoding import FIRST_TOKEN, Kind, Spec
from musictool.engine import nn, ops
from musictool.layers.tied_embedding import TiedEmbedding
from musictool.sampling.guidance import FREE, Guidance, RowConditions
from musictool.sampling.loops import LoopGuard
from musictool.sampling.rules import DRAWS, DrawState, draw
from musictool.sampling.sampler import Sampler


class NextToken(nn.Model):
    """Embedding -> body -> projection -> similarity to each token's embedding, which is its logit.

    Args:
        spec: of the tokens.
        width: D, embedding size.
        body: see TokensArch.body.
        conditions: C, numbers beside each token that say what is requested; they are projected and added to its
            embedding.
    """

    def __init__(self, spec: Spec, width: int, body: Any, conditions: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.embedding = TiedEmbedding(spec.size, width, spec.features)
        self.body = body
        self.project = nn.Dense(width, name="project")
        self.conditions = conditions
        self.condition_projection = nn.Dense(width, use_bias=False, name="condition_projection") if conditions else None

    def build(self, shape: Any) -> None:
        embedded = (*shape, self.embedding.width)
        self.embedding.build()
        self.body.build(embedded)
        self.project.build(self.body.compute_output_shape(embedded))
        if self.condition_projection:
            self.condition_projection.build((*shape, self.conditions))

    # === Whole windows, for training ===

    def call(self, tokens: Any, conditions: Any = None, training: bool = False) -> Any:
        """int32 (B, T), float32 (B, T, C) -> logits float32 (B, T, V)."""
        matrix = self.embedding.matrix()  # (V, D)
        x = self.embedding.embed(tokens, matrix)  # (B, T, D)
        if self.condition_projection and conditions is not None:
            x = x + ops.cast(self.condition_projection(conditions), x.dtype)
        features = self.body(x, training=training)  # (B, T, W)
        return self.embedding.logits(self.project(features), matrix)  # (B, T, V)

    # === One row, for scoring and generation ===

    def initial_state(self, batch_size: int) -> Any:
        """The state before the first token."""
        return self.body.initial_state(batch_size)

    def constants(self) -> Any:
        """The embeddings of all tokens, (V, D)."""
        return self.embedding.matrix()

    def step(self, token: Any, conditions: Any, state: Any, matrix: Any) -> tuple[Any, Any]:
        """int32 (B,), float32 (1, C), the state before it -> features (B, W), the state after it."""
        x = self.embedding.embed(token, matrix)  # (B, D)
        if self.condition_projection:
            x = x + ops.cast(self.condition_projection(conditions), x.dtype)
        features, state = self.body.step(x, state)  # (B, W)
        return features, state

    def logits(self, features: Any, matrix: Any) -> Any:
        """Features (B, W) -> logits float32 (B, V) of the next token."""
        return self.embedding.logits(self.project(features), matrix)

    def nll(self, features: Any, token: Any, matrix: Any) -> Any:
        """Features (B, W), the next token int32 (B,) -> nats float32 (B,)."""
        return cross_entropy(token, self.logits(features, matrix))


class TokensArch(AutoregressiveArch):
    """An arch that predicts the next token. A subclass gives its Options (with `embedding`) and its `body`."""

    kind: ClassVar[Kind] = "tokens"
    supports_conditions: ClassVar[bool] = True
    DEFAULT_ENCODING: ClassVar[str] = "note-chord"
    ROW_DTYPE: ClassVar[str] = "int32"
    draws = DRAWS

    @abstractmethod
    def body(self) -> Any:
        """The layer between embedding and prediction.

        It has `call` (B, T, D) -> (B, T, W) for training; and with the same result `initial_state(batch_size)` and
        `step`: (B, D) and the state before it -> (B, W) and the state after it. A state is any nest of tensors, of
        shapes that do not change.
        """

    @cached_property
    def network(self) -> NextToken:
        """The one network, built."""
        network = NextToken(self.spec, self.options.embedding, self.body(), self.conditions, name="network")
        network.build((None, None))
        return network

    def loss_and_metrics(self, batch: Batch, training: bool) -> tuple[Any, ...]:
        """Nats and hits of each target, float32 (B, L)."""
        logits = self.network(batch.x, batch.side_inputs, training=training)  # (B, L, V)
        target_logits = ops.take_along_axis(logits, ops.cast(batch.y, "int32")[..., None], axis=-1)[..., 0]
        hits = target_logits >= ops.max(logits, axis=-1)  # argmax takes as long as the loss
        return cross_entropy(batch.y, logits), ops.cast(hits, "float32")

    def continuation(
        self, primer: np.ndarray, sampler: Sampler, seed: int, guidance: Guidance = FREE
    ) -> Iterator[np.ndarray]:
        rng, guard = np.random.default_rng(seed), LoopGuard(len(primer))
        position = self.prefill(primer, guidance)
        draw_state = DrawState.after(primer, sampler, guidance, self.spec.size, FIRST_TOKEN, CHUNK)
        conditions = self.side_inputs(guidance, 0, CHUNK, 1)
        written = primer[:, 1:]
        while True:
            uniform = rng.random((CHUNK, len(primer), self.draws), dtype=np.float32)
            if guidance.row_conditions is None:
                rows, position, draw_state = self.next_rows(position, draw_state, sampler, uniform, conditions)
            else:
                rows, position, draw_state = self._one_by_one(
                    position, draw_state, sampler, uniform, guidance.row_conditions, written
                )
                written = np.concatenate([written, rows], axis=1)
            yield rows  # (B, CHUNK)
            if sampler.loop_guard:
                temperature_factor, loop = guard.after(rows)
                draw_state = draw_state._replace(temperature_factor=temperature_factor, loop=loop)

    def _one_by_one(
        self,
        position: tuple[Any, Any],
        draw_state: DrawState,
        sampler: Sampler,
        uniform: np.ndarray,
        conditions: RowConditions,
        written: np.ndarray,
    ) -> tuple[np.ndarray, tuple[Any, Any], DrawState]:
        """The same as `next_rows`, each row under the conditions that the rows before it, (B, T), have come to."""
        # a chunk of one row at a time, each with its token of the loop that the piece is in
        loop = draw_state.loop
        for i in range(len(uniform)):
            start = written.shape[1]
            row, position, draw_state = self.next_rows(
                position,
                draw_state._replace(loop=loop[i : i + 1]),
                sampler,
                uniform[i : i + 1],
                conditions.of_rows(start, start + 1, written),
            )
            written = np.concatenate([written, row], axis=1)
        return written[:, -len(uniform) :], position, draw_state._replace(loop=loop)

    def side_inputs(self, guidance: Guidance, start: int, stop: int, pieces: int) -> np.ndarray:
        """float32 (stop - start, pieces or 1, C): the conditions, zeros where nothing is requested."""
        return self.requested(guidance, start, stop)

    def draw(
        self, features: Any, uniform: Any, sampler: Sampler, draw_state: DrawState, i: Any, constants: Any
    ) -> tuple[Any, DrawState]:
        token = draw(sampler, self.network.logits(features, constants), uniform, draw_state)  # (B,)
        return token, draw_state.drawn(token, i)


def cross_entropy(tokens: Any, logits: Any) -> Any:
    """int (...), float (..., V) -> nats float (...)."""
    return ops.sparse_categorical_crossentropy(tokens, logits, from_logits=True)
