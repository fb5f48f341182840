"""What all frame archs share: 0/1 frames in, a distribution over the next frame out, at every position.

An arch of this kind is a `body`, as in _tokens.py, and a `head`: the last layer, which says how likely the next frame
is and draws one (musictool/layers/sigmoid_head.py and its subclasses). Embedding, judging and writing stand here.
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
from musictool.encoding import Kind
from musictool.layers.sigmoid_head import SigmoidHead
from musictool.sampling.sampler import FREE, Guidance, Sampler

CHUNK = 64  # frames written by one run of the compiled loop


class NextFrame(keras.Model):
    """Frames -> the sum of the vectors of the keys that sound -> body -> head.

    Args:
        size: D, keys in a frame.
        width: E, numbers that stand for a key.
        body: see FramesArch.body.
        head: see FramesArch.head.
        beside: C, numbers beside each frame that are heard with it.
    """

    def __init__(self, size: int, width: int, body: Any, head: SigmoidHead, side_inputs: int = 0, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = size
        self.side_inputs = side_inputs
        few = keras.initializers.RandomNormal(0, 0.5)  # a few keys sound at a time, and together are of the order of 1
        self.keys = keras.layers.Dense(width, kernel_initializer=few, name="keys")
        self.body = body
        self.head = head

    def build(self, shape: Any) -> None:
        self.keys.build((*shape, self.size + self.side_inputs))
        heard = (*shape, self.keys.units)
        self.body.build(heard)
        self.head.build(self.body.compute_output_shape(heard))

    def call(self, frames: Any, following: Any = None, side_inputs: Any = None, training: bool = False) -> Any:
        """The head's logits of what follows each frame.

        Args:
            frames: 0/1 (B, T, D).
            following: 0/1 (B, T, D), of which a part is told what the parts before it play; None for silence.
            beside: float32 (B, T, C); None where there is nothing beside.

        Returns:
            float32 (B, T, ...), of the form that the head has.
        """
        frames = ops.cast(frames, "float32")
        following = ops.zeros_like(frames) if following is None else ops.cast(following, "float32")
        heard = frames if side_inputs is None else ops.concatenate([frames, side_inputs], axis=-1)
        features = self.body(self.keys(heard), training=training)  # (B, T, W)
        return self.head.logits(features, self.head.context(frames), following)

    def initial_state(self, batch_size: int) -> Any:
        """The state before anything was heard: the body's and the head's."""
        return self.body.initial_state(batch_size), self.head.initial_context(batch_size)

    def step(self, frame: Any, state: Any) -> tuple[Any, Any]:
        """One position: float32 (B, D), the state before it -> what the head is told, which is features (B, W) and what
        it hears of the past itself; and the state after it."""
        of_body, of_head = state
        features, of_body = self.body.step(self.keys(frame), of_body)
        before, of_head = self.head.update_context(frame, of_head)
        return (features, before), (of_body, of_head)


class FramesArch(Arch):
    """An arch that predicts the next frame. A subclass gives its Options (with `embedding`), its `body` and `head`."""

    kind: ClassVar[Kind] = "frames"
    DEFAULT_ENCODING: ClassVar[str] = "piano-roll"

    @abstractmethod
    def body(self) -> Any:
        """The layer between embedding and head, which keeps what TokensArch.body promises."""

    @abstractmethod
    def head(self) -> SigmoidHead:
        """The last layer."""

    @cached_property
    def network(self) -> NextFrame:
        """The one network, built."""
        network = NextFrame(self.spec.size, self.options.embedding, self.body(), self.head(), name="network")
        network.build((None, None))
        return network

    @cached_property
    def stages(self) -> list[Stage]:
        return [Stage("network", self.network, self._loss_and_metrics)]

    def _loss_and_metrics(self, batch: Batch, training: bool) -> tuple[Any, ...]:
        logits = self.network(batch.x, batch.y, training=training)
        return self.network.head.loss_and_metrics(logits, ops.cast(batch.y, "float32"))

    def continuation(
        self, primer: np.ndarray, sampler: Sampler, seed: int, guidance: Guidance = FREE
    ) -> Iterator[np.ndarray]:
        rng = np.random.default_rng(seed)
        write = self._writer(sampler)
        state = self.network.initial_state(len(primer))
        heard = np.moveaxis(primer, 1, 0).astype(np.float32)  # (T, B, D)
        if len(heard) > 1:
            state, _ = self._hear(heard, state)
        frame = ops.convert_to_tensor(heard[-1])
        logit_bias = guidance.logit_bias(self.spec.size)
        while True:
            uniform = rng.random((CHUNK, len(primer), self.network.head.draws), dtype=np.float32)
            frame, state, written = write(frame, state, uniform, logit_bias)
            yield np.moveaxis(ops.convert_to_numpy(written), 0, 1).astype(self.spec.dtype)  # (B, CHUNK, D)

    def surprisal(self, rows: np.ndarray, guidance: Guidance = FREE) -> np.ndarray:
        frames = np.concatenate([self.spec.start[None], rows])[:, None].astype(np.float32)  # (T + 1, 1, D)
        _, nats = self._hear(frames, self.network.initial_state(1))
        return ops.convert_to_numpy(nats)[:, 0].astype(np.float64)

    @cached_property
    def _hear(self) -> Any:
        """Compiled: float32 (T + 1, B, D), state -> the state before the last frame; nats (T, B) of all but the
        first."""

        def hear_all(frames: Any, state: Any) -> tuple[Any, Any]:
            head = self.network.head

            def nats(heard: Any, last: Any, frame: Any) -> Any:
                features, before = heard
                return head.loss_and_metrics(head.logits(features, before, frame), frame)[0]

            return hear(frames, state, self.network.step, nats)

        return compiled(hear_all)

    def _writer(self, sampler: Sampler) -> Any:
        """Compiled: last frame (B, D), state, uniform (CHUNK, B, U), never (D,) -> the first two after it, and what was
        written, float32 (CHUNK, B, D)."""
        if sampler not in self._writers:

            def write(frame: Any, state: Any, uniform: Any, logit_bias: Any) -> Any:
                def follow(i: Any, carry: Any) -> Any:
                    frame, state, written = carry
                    (features, before), state = self.network.step(frame, state)
                    frame = self.network.head.draw(features, before, uniform[i], sampler, logit_bias)
                    return frame, state, ops.slice_update(written, (i, 0, 0), frame[None])

                written = ops.repeat(ops.zeros_like(frame)[None], CHUNK, axis=0)
                return ops.fori_loop(0, CHUNK, follow, (frame, state, written))

            self._writers[sampler] = compiled(write)
        return self._writers[sampler]

    @cached_property
    def _writers(self) -> dict[Sampler, Any]:
        return {}
