"""Convolution and max pooling over time that look back and never ahead, for whole windows and for one step at a time.

Both compute from taps: a position and those before it, at equal distances. For a whole window the taps are shifted
copies of it; for one position at a time they come from a buffer of the last inputs (fast WaveNet, Le Paine 2016). Both
ways give the same.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

from musictool.engine import nn, ops


def causal_taps(x: Any, size: int, dilation: int, fill: float) -> list[Any]:
    """The taps of each position of a window.

    Args:
        x: float (B, T, D).
        size: number of taps, the position itself among them.
        dilation: positions from one tap to the next.
        fill: what pads the beginning of the window.

    Returns:
        `size` times float (B, T, D), the earliest tap first.
    """
    length = ops.shape(x)[1]
    padded = ops.pad(x, ((0, 0), (buffer_length(size, dilation), 0), (0, 0)), constant_values=fill)
    return [padded[:, i * dilation : i * dilation + length] for i in range(size)]


def causal_taps_step(x: Any, buffer: Any, dilation: int) -> tuple[list[Any], Any]:
    """The taps of one position, and the buffer after it.

    Args:
        x: float (B, D).
        buffer: float (B, buffer_length(...), D), the inputs before it, the latest last.
        dilation: positions from one tap to the next.

    Returns:
        float (B, D) each, the earliest tap first; and the buffer.
    """
    inputs = ops.concatenate([buffer, x[:, None]], axis=1)
    return [inputs[:, i] for i in range(0, buffer.shape[1] + 1, dilation)], inputs[:, 1:]


def buffer_length(size: int, dilation: int) -> int:
    """How many past inputs a layer of so many taps must keep."""
    return (size - 1) * dilation


class CausalConvolution(nn.Layer):
    """Dilated causal convolution: a dense layer on the taps side by side; zeros pad the beginning.

    Args:
        width: W, filters.
        kernel_size: taps.
        dilation: positions from one tap to the next.
    """

    def __init__(self, width: int, kernel_size: int, dilation: int = 1, **kwargs: Any):
        super().__init__(**kwargs)
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.filters = nn.Dense(width, name="filters")

    def build(self, shape: Any) -> None:
        self.filters.build((*shape[:-1], self.kernel_size * shape[-1]))
        self.input_width = shape[-1]

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], self.filters.units)

    def call(self, x: Any) -> Any:
        """float (B, T, D) -> (B, T, W)."""
        taps = causal_taps(x, self.kernel_size, self.dilation, fill=0.0)
        return self.filters(ops.concatenate(taps, axis=-1))  # (B, T, kernel_size D) -> (B, T, W)

    def initial_state(self, batch_size: int) -> Any:
        """An empty buffer: (B, (kernel_size - 1) * dilation, D)."""
        shape = (batch_size, buffer_length(self.kernel_size, self.dilation), self.input_width)
        return ops.zeros(shape, self.compute_dtype)

    def step(self, x: Any, buffer: Any) -> tuple[Any, Any]:
        """One position: (B, D) and the buffer -> (B, W) and the buffer after it."""
        taps, buffer = causal_taps_step(x, buffer, self.dilation)
        return self.filters(ops.concatenate(taps, axis=-1)), buffer


class CausalPooling(nn.Layer):
    """Dilated causal max pooling: the largest of the taps, number by number.

    There is a result for every position (stride 1). Layers above that are dilated by `pool_size` times as much get the
    inputs that they would get above pooling with a stride of `pool_size`.

    Args:
        pool_size: taps.
        dilation: positions from one tap to the next.
    """

    def __init__(self, pool_size: int, dilation: int = 1, **kwargs: Any):
        super().__init__(**kwargs)
        self.pool_size = pool_size
        self.dilation = dilation

    def build(self, shape: Any) -> None:
        self.input_width = shape[-1]

    def compute_output_shape(self, shape: Any) -> Any:
        return shape

    def call(self, x: Any) -> Any:
        """float (B, T, D) -> (B, T, D)."""
        return reduce(ops.maximum, causal_taps(x, self.pool_size, self.dilation, fill=float("-inf")))

    def initial_state(self, batch_size: int) -> Any:
        """An empty buffer: (B, (pool_size - 1) * dilation, D)."""
        shape = (batch_size, buffer_length(self.pool_size, self.dilation), self.input_width)
        return ops.full(shape, float("-inf"), self.compute_dtype)

    def step(self, x: Any, buffer: Any) -> tuple[Any, Any]:
        """One position: (B, D) and the buffer -> (B, D) and the buffer after it."""
        taps, buffer = causal_taps_step(x, buffer, self.dilation)
        return reduce(ops.maximum, taps), buffer
