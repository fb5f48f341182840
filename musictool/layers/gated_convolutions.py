"""Gated causal convolutions with residual and skip connections, for whole windows and for one position at a time."""

from __future__ import annotations

from typing import Any

from musictool.engine import nn, ops
from musictool.layers.causal import CausalConvolution


class GatedConvolutions(nn.Layer):
    """The body of WaveNet (van den Oord 2016): input projection -> blocks -> ReLU of the sum of their skip outputs.

    A block is tanh(convolution) * sigmoid(convolution); one projection of it is added to the block's input for the next
    block (the residual connection), another to the output of the whole stack (the skip connection). Blocks are dilated
    by 1, kernel_size, kernel_size ** 2, ... and again from 1 in the next stack.

    Args:
        width: W, channels between the blocks and in their gates.
        layers: blocks in a stack.
        stacks: how often the dilations begin again from 1.
        kernel_size: positions that a convolution looks at.
        dropout: dropout rate, of the gated activations.
    """

    def __init__(self, width: int, layers: int, stacks: int, kernel_size: int, dropout: float, **kwargs: Any):
        super().__init__(**kwargs)
        dilations = list(enumerate([kernel_size**i for i in range(layers)] * stacks))
        self.input_projection = nn.Dense(width, name="input_projection")
        self.gates = [CausalConvolution(2 * width, kernel_size, d, name=f"gates_{i}") for i, d in dilations]
        self.skip = [nn.Dense(width, name=f"skip_{i}") for i, _ in dilations]
        self.residual = [nn.Dense(width, name=f"residual_{i}") for i, _ in dilations[:-1]]
        self.dropout = [nn.Dropout(dropout, name=f"dropout_{i}") for i, _ in dilations]
        self.width = width

    @property
    def receptive_field(self) -> int:
        """How many positions a prediction depends on."""
        return 1 + sum((gates.kernel_size - 1) * gates.dilation for gates in self.gates)

    def build(self, shape: Any) -> None:
        self.input_projection.build(shape)
        inner = (*shape[:-1], self.width)
        for layer in (*self.gates, *self.skip, *self.residual):
            layer.build(inner)

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], self.width)

    def call(self, x: Any, training: bool = False) -> Any:
        """float (B, T, D) -> (B, T, W)."""
        x, skip_sum = self.input_projection(x), 0.0  # (B, T, W)
        for i, gates in enumerate(self.gates):
            x, skip_sum = self._block(i, gates(x), x, skip_sum, training)
        return ops.relu(skip_sum)

    def initial_state(self, batch_size: int) -> list[Any]:
        """The empty buffer of each convolution."""
        return [gates.initial_state(batch_size) for gates in self.gates]

    def step(self, x: Any, state: list[Any]) -> tuple[Any, list[Any]]:
        """One position: (B, D) and the buffers -> (B, W) and the buffers after it."""
        x, skip_sum, new_state = self.input_projection(x), 0.0, []  # (B, W)
        for i, (gates, buffer) in enumerate(zip(self.gates, state, strict=True)):
            y, buffer = gates.step(x, buffer)  # (B, 2 W)
            x, skip_sum = self._block(i, y, x, skip_sum, False)
            new_state.append(buffer)
        return ops.relu(skip_sum), new_state

    def _block(self, i: int, y: Any, x: Any, skip_sum: Any, training: bool) -> tuple[Any, Any]:
        """A block after its convolution.

        Args:
            y: float (..., 2 W), the convolution's output.
            x: float (..., W), the convolution's input.
            skip_sum: float (..., W), what the blocks before have added to the stack's output.

        Returns:
            the next block's input and the new skip_sum, float (..., W) each.
        """
        y = ops.tanh(y[..., : self.width]) * ops.sigmoid(y[..., self.width :])  # (..., W)
        y = self.dropout[i](y, training=training)
        skip_sum = skip_sum + self.skip[i](y)
        return (x + self.residual[i](y) if i < len(self.residual) else x), skip_sum
