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

from musictool.archs._base import Arch
from musictool.compiling import compiled
from musictool.encodings._base import FIRST_SYMBOL, Kind, Spec
from musictool.layers.symbols import Symbols
from musictool.sampling import DRAWS, NEVER, Sampler
from musictool.stage import Stage

CHUNK = 64  # symbols written by one run of the compiled loop


class NextToken(keras.Model):
    """Symbols -> body -> how well each symbol would follow: int32 (B, T) -> logits float32 (B, T, V)."""

    def __init__(self, spec: Spec, width: int, body: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.symbols = Symbols(spec.size, width, spec.features, name="symbols")
        self.body = body
        self.project = keras.layers.Dense(width, name="project")

    def build(self, shape: Any) -> None:
        self.symbols.build()
        self.body.build((*shape, self.symbols.width))
        self.project.build(self.body.compute_output_shape((*shape, self.symbols.width)))

    def call(self, tokens: Any, training: bool = False) -> Any:
        vectors = self.symbols.vectors()
        features = self.body(self.symbols.embed(tokens, vectors), training=training)  # (B, T, W)
        return self.symbols.logits(self.project(features), vectors)  # (B, T, V)

    def listen(self, token: Any, state: Any, vectors: Any) -> tuple[Any, Any]:
        """One position: int32 (B,) and the state before it -> features (B, W) and the state after it."""
        features, state = self.body.step(self.symbols.embed(token, vectors), state)
        return features, state

    def predict_next(self, features: Any, vectors: Any) -> Any:
        """Features (B, W) -> logits (B, V)."""
        return self.symbols.logits(self.project(features), vectors)


class TokensArch(Arch):
    """An arch that predicts the next symbol. A subclass gives its Options (with `embedding`) and its `body`."""

    kind: ClassVar[Kind] = "tokens"

    @abstractmethod
    def body(self) -> Any:
        """The layer between embedding and prediction, with `call`, `initial_state` and `step`."""

    @cached_property
    def network(self) -> NextToken:
        """The one network, built."""
        network = NextToken(self.spec, self.options.embedding, self.body(), name="network")
        network.build((None, None))
        return network

    def stages(self) -> list[Stage]:
        return [Stage("network", self.network, _nats, _hits)]

    def continuation(self, primer: np.ndarray, sampler: Sampler, seed: int) -> Iterator[np.ndarray]:
        rng = np.random.default_rng(seed)
        write = self._writer(sampler)
        state = self.network.body.initial_state(len(primer))
        if primer.shape[1] > 1:
            state = self._listen(ops.transpose(primer[:, :-1]), state)
        token = ops.convert_to_tensor(primer[:, -1], "int32")
        while True:
            uniform = rng.random((CHUNK, len(primer), DRAWS), dtype=np.float32)
            token, state, written = write(token, state, uniform)
            yield np.asarray(ops.transpose(written), np.int32)  # (B, CHUNK)

    @cached_property
    def _listen(self) -> Any:
        """Compiled: int32 (T, B) and a state -> the state after these symbols."""

        def listen(tokens: Any, state: Any) -> Any:
            vectors = self.network.symbols.vectors()

            def follow(i: Any, state: Any) -> Any:
                return self.network.listen(tokens[i], state, vectors)[1]

            return ops.fori_loop(0, ops.shape(tokens)[0], follow, state)

        return compiled(listen)

    def _writer(self, sampler: Sampler) -> Any:
        """Compiled: last symbol (B,), state, uniform (CHUNK, B, DRAWS) -> both of these after it, what was written."""
        if sampler not in self._writers:
            never_reserved = np.where(np.arange(self.spec.size) < FIRST_SYMBOL, NEVER, 0.0).astype(np.float32)

            def write(token: Any, state: Any, uniform: Any) -> Any:
                vectors = self.network.symbols.vectors()

                def follow(i: Any, carry: Any) -> Any:
                    token, state, written = carry
                    features, state = self.network.listen(token, state, vectors)
                    logits = self.network.predict_next(features, vectors) + never_reserved
                    token = sampler.draw(logits, uniform[i])
                    return token, state, ops.slice_update(written, (i, 0), token[None])

                return ops.fori_loop(0, CHUNK, follow, (token, state, ops.zeros_like(uniform[:, :, 0], dtype="int32")))

            self._writers[sampler] = compiled(write)
        return self._writers[sampler]

    @cached_property
    def _writers(self) -> dict[Sampler, Any]:
        return {}


def _nats(y: Any, logits: Any) -> Any:
    return ops.sparse_categorical_crossentropy(y, logits, from_logits=True)


def _hits(y: Any, logits: Any) -> Any:
    return ops.cast(ops.equal(ops.argmax(logits, axis=-1), ops.cast(y, "int64")), "float32")
