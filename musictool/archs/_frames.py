"""What all frame archs share: 0/1 frames in, a distribution over the next frame out, at every position.

An arch of this kind is a `body`, as in _tokens.py, and a `head`: the last layer, which gives the probability of the
next frame and draws one (musictool/layers/sigmoid_head.py and its subclasses). How pieces are scored and written row
after row is in _autoregressive.py.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any, ClassVar

import numpy as np

from musictool.arch import StackOptions
from musictool.archs._autoregressive import CHUNK, AutoregressiveArch
from musictool.dataset.dataset import Encoded
from musictool.dataset.windows import Batch
from musictool.encoding import Kind
from musictool.engine import nn, ops
from musictool.layers.sigmoid_head import SigmoidHead
from musictool.music.bar_positions import SIZE
from musictool.options import option
from musictool.sampling.guidance import FREE, Guidance
from musictool.sampling.sampler import Sampler


class NextFrame(nn.Model):
    """Sum of the embeddings of the keys that sound -> body -> head.

    Args:
        size: D, keys in a frame.
        width: E, embedding size of a key.
        body: see FramesArch.body.
        head: see FramesArch.head.
        side_inputs: C, numbers beside each frame that are embedded with it.
        conditions: the first of them that say what is requested of the next frame; the head sees them too.
    """

    def __init__(
        self,
        size: int,
        width: int,
        body: Any,
        head: SigmoidHead,
        side_inputs: int = 0,
        conditions: int = 0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.size = size
        self.side_inputs = side_inputs
        self.conditions = conditions
        normal = nn.initializers.RandomNormal(0, 0.5)  # of a few keys at a time, the sum is of the order of 1
        self.keys = nn.Dense(width, kernel_initializer=normal, name="keys")
        self.body = body
        self.head = head

    def build(self, shape: Any) -> None:
        embedded = (*shape, self.keys.units)
        self.keys.build((*shape, self.size + self.side_inputs))
        self.body.build(embedded)
        *leading, features = self.body.compute_output_shape(embedded)
        self.head.build((*leading, features + self.conditions))

    # === Whole windows, for training ===

    def call(self, frames: Any, targets: Any = None, side_inputs: Any = None, training: bool = False) -> Any:
        """The head's logits of the frame after each frame.

        Args:
            frames: 0/1 (B, T, D).
            targets: 0/1 (B, T, D), the next frames, of which a part sees those before it; None for silence.
            side_inputs: float32 (B, T, C); not looked at where C is 0.

        Returns:
            float32 (B, T, ...), of the form that the head has.
        """
        frames = ops.cast(frames, "float32")
        targets = ops.zeros_like(frames) if targets is None else ops.cast(targets, "float32")
        inputs = frames if not self.side_inputs else ops.concatenate([frames, side_inputs], axis=-1)  # (B, T, D + C)
        features = self._with_conditions(self.body(self.keys(inputs), training=training), side_inputs)  # (B, T, W)
        return self.head.logits(features, self.head.context(frames), targets)

    def _with_conditions(self, features: Any, side_inputs: Any) -> Any:
        """What the head is given: the body's features, and the conditions behind them."""
        if not self.conditions:
            return features
        return ops.concatenate([features, ops.cast(side_inputs[..., : self.conditions], features.dtype)], axis=-1)

    # === One row, for scoring and generation ===

    def initial_state(self, batch_size: int) -> tuple[Any, Any]:
        """The state before the first frame: the body's and the head's."""
        return self.body.initial_state(batch_size), self.head.initial_context(batch_size)

    def constants(self) -> Any:
        """The head's."""
        return self.head.constants()

    def step(self, frame: Any, side_input: Any, state: tuple[Any, Any], constants: Any) -> tuple[Any, Any]:
        """float32 (B, D), float32 (B, C), the state before it -> features (B, W) with the head's own context, the state
        after it."""
        body_state, head_state = state
        inputs = ops.concatenate([frame, side_input], axis=-1) if self.side_inputs else frame  # (B, D + C)
        features, body_state = self.body.step(self.keys(inputs), body_state)
        features = self._with_conditions(features, side_input)  # (B, W)
        context, head_state = self.head.update_context(frame, head_state)
        return (features, context), (body_state, head_state)

    def nll(self, features: tuple[Any, Any], frame: Any, constants: Any) -> Any:
        """Features, the next frame float32 (B, D) -> nats float32 (B,)."""
        return self.head.loss_and_metrics(self.head.logits(*features, frame, constants), frame)[0]


@dataclass(frozen=True)
class FrameStackOptions(StackOptions):
    """The options of an arch of frames that stacks layers."""

    bar_positions: bool = option(True, "the network is given the metre and the position in the bar of each frame")


class FramesArch(AutoregressiveArch):
    """An arch that predicts the next frame. A subclass gives its Options (with `embedding`), its `body` and `head`."""

    kind: ClassVar[Kind] = "frames"
    supports_conditions: ClassVar[bool] = True
    UNNAMED: ClassVar[dict[str, Any]] = {"bar_positions": False}
    DEFAULT_ENCODING: ClassVar[str] = "piano-roll"
    ROW_DTYPE: ClassVar[str] = "float32"

    @abstractmethod
    def body(self) -> Any:
        """The layer between embedding and head; see TokensArch.body."""

    @abstractmethod
    def head(self) -> SigmoidHead:
        """The last layer."""

    @cached_property
    def network(self) -> NextFrame:
        """The one network, built."""
        settings = self.options
        network = NextFrame(
            self.spec.size,
            settings.embedding,
            self.body(),
            self.head(),
            self.side_input_size,
            self.conditions,
            name="network",
        )
        network.build((None, None))
        return network

    @property
    def reads_bar_positions(self) -> bool:
        return bool(self.options.bar_positions)

    @property
    def side_input_size(self) -> int:
        """C, numbers beside each frame: the conditions and the bar positions."""
        return self.conditions + (SIZE if self.reads_bar_positions else 0)

    @property
    def draws(self) -> int:
        return self.network.head.draws

    def loss_and_metrics(self, batch: Batch, training: bool) -> tuple[Any, ...]:
        """Nats and accuracy of each target, float32 (B, L)."""
        logits = self.network(batch.x, batch.y, batch.side_inputs, training=training)
        return self.network.head.loss_and_metrics(logits, ops.cast(batch.y, "float32"))

    def continuation(
        self, primer: np.ndarray, sampler: Sampler, seed: int, guidance: Guidance = FREE
    ) -> Iterator[np.ndarray]:
        rng, position = np.random.default_rng(seed), self.prefill(primer, guidance)
        logit_bias, (pieces, done) = guidance.logit_bias(self.spec.size), primer.shape[:2]
        for start in count(done - 1, CHUNK):  # the first row that the primer does not have, without the start row
            side_inputs = self.side_inputs(guidance, start, start + CHUNK, pieces)
            uniform = rng.random((CHUNK, pieces, self.draws), dtype=np.float32)
            rows, position, _ = self.next_rows(position, logit_bias, sampler, uniform, side_inputs)
            yield rows  # (B, CHUNK, D)

    def side_inputs(self, guidance: Guidance, start: int, stop: int, pieces: int) -> np.ndarray:
        """float32 (stop - start, pieces or 1, C): the conditions, zeros where nothing is requested, and the bar
        positions."""
        conditions = self.requested(guidance, start, stop)
        if not self.reads_bar_positions:
            return conditions
        every = (stop - start, pieces)
        positions = np.broadcast_to(guidance.bar_positions.of_rows(start, stop), (*every, SIZE))
        return np.concatenate([np.broadcast_to(conditions, (*every, self.conditions)), positions], axis=-1)

    def draw(
        self, features: Any, uniform: Any, sampler: Sampler, draw_state: Any, i: Any, constants: Any
    ) -> tuple[Any, Any]:
        """By the temperature alone; the draw_state is the logit_bias, float32 (D,)."""
        hidden, context = features
        frame = self.network.head.draw(hidden, context, uniform, sampler.temperature, draw_state, constants)
        return frame, draw_state


def used_keys(encoded: Encoded, keys: int, least: int = 2) -> dict[str, int]:
    """The lowest and the highest of so many keys in the training pieces, as far as they are transposed, `least` keys at
    least; nothing for silence."""
    sounding = np.zeros(encoded.spec.size, np.uint8)
    for piece in encoded.pieces("train"):
        sounding |= encoded.piece(piece).max(axis=0)
    transposed = [encoded.encoding.transpose(sounding[None], semitones)[0] for semitones in encoded.transpositions]
    used = np.flatnonzero(np.max(transposed, axis=0).reshape(-1, keys).any(axis=0))
    if not len(used):
        return {}
    lowest = min(int(used[0]), keys - least)
    return {"lowest": lowest, "highest": max(int(used[-1]), lowest + least - 1)}
