"""Dilated convolutions with gates, residual and skip connections, every position at once or one at a time."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from musictool.layers.causal_convolution import CausalConvolution


class GatedConvolutions(keras.layers.Layer):
    """The body of WaveNet (van den Oord 2016): x -> width -> blocks -> the sum of what they say, rectified.

    A block is tanh(convolution) * sigmoid(convolution); one projection of it is added to what the next block hears (the
    residual connection), another to what the whole stack says (the skip connection). Blocks are dilated by 1, kernel,
    kernel ** 2, ... and again from 1 in the next stack.

    Args:
        width: W, numbers between the blocks and in their gates.
        depth: blocks in a stack.
        stacks: how often the dilations begin again.
        kernel: positions that a convolution sees.
        dropout: share of what a block's gates say that is dropped in training.
    """

    def __init__(self, width: int, depth: int, stacks: int, kernel: int, dropout: float, **kwargs: Any):
        super().__init__(**kwargs)
        dilations = [kernel**i for i in range(depth)] * stacks
        self.enter = keras.layers.Dense(width, name="enter")
        self.gates = [CausalConvolution(2 * width, kernel, d, name=f"gates_{i}") for i, d in enumerate(dilations)]
        self.skip = [keras.layers.Dense(width, name=f"skip_{i}") for i in range(len(dilations))]
        self.residual = [keras.layers.Dense(width, name=f"residual_{i}") for i in range(len(dilations) - 1)]
        self.dropout = [keras.layers.Dropout(dropout, name=f"dropout_{i}") for i in range(len(dilations))]
        self.width = width

    @property
    def field(self) -> int:
        """How many positions a prediction rests on."""
        return 1 + sum((each.kernel - 1) * each.dilation for each in self.gates)

    def build(self, shape: Any) -> None:
        self.enter.build(shape)
        inner = (*shape[:-1], self.width)
        for layer in (*self.gates, *self.skip, *self.residual):
            layer.build(inner)

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], self.width)

    def call(self, x: Any, training: bool = False) -> Any:
        """float (B, T, D) -> (B, T, W)."""
        x, said = self.enter(x), 0.0
        for i, gates in enumerate(self.gates):
            x, said = self._block(i, gates(x), x, said, training)
        return ops.relu(said)

    def initial_state(self, batch_size: int) -> list[Any]:
        """The buffer of each convolution before anything was heard."""
        return [gates.initial_state(batch_size) for gates in self.gates]

    def step(self, x: Any, state: list[Any]) -> tuple[Any, list[Any]]:
        """One position: (B, D) and the buffers -> (B, W) and the buffers after it."""
        x, said, after = self.enter(x), 0.0, []
        for i, (gates, buffer) in enumerate(zip(self.gates, state, strict=True)):
            y, buffer = gates.step(x, buffer)
            x, said = self._block(i, y, x, said, False)
            after.append(buffer)
        return ops.relu(said), after

    def _block(self, i: int, y: Any, x: Any, said: Any, training: bool) -> tuple[Any, Any]:
        """What the convolution gave (..., 2W), what it heard, what was said so far -> the latter two after it."""
        y = ops.tanh(y[..., : self.width]) * ops.sigmoid(y[..., self.width :])
        y = self.dropout[i](y, training=training)
        said = said + self.skip[i](y)
        return (x + self.residual[i](y) if i < len(self.residual) else x), said
