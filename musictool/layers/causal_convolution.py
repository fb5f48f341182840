"""Convolution over time that looks back and never ahead, for whole windows and for one position at a time."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from musictool.layers._past import buffered, seen, seen_next


class CausalConvolution(keras.layers.Layer):
    """Each position from itself and `kernel - 1` before it, `dilation` apart; zeros stand before the beginning.

    What is seen is laid side by side and multiplied once, for a window as for one position.

    Args:
        width: W, filters.
        kernel: positions that are seen.
        dilation: positions from one that is seen to the next.
    """

    def __init__(self, width: int, kernel: int, dilation: int = 1, **kwargs: Any):
        super().__init__(**kwargs)
        self.kernel = kernel
        self.dilation = dilation
        self.filters = keras.layers.Dense(width, name="filters")

    def build(self, shape: Any) -> None:
        self.filters.build((*shape[:-1], self.kernel * shape[-1]))
        self._depth = shape[-1]

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], self.filters.units)

    def call(self, x: Any) -> Any:
        """float (B, T, D) -> (B, T, W)."""
        return self.filters(ops.concatenate(seen(x, self.kernel, self.dilation, 0.0), axis=-1))

    def initial_state(self, batch_size: int) -> Any:
        """The buffer before anything was heard: (B, (kernel - 1) * dilation, D)."""
        return ops.zeros((batch_size, buffered(self.kernel, self.dilation), self._depth), self.compute_dtype)

    def step(self, x: Any, buffer: Any) -> tuple[Any, Any]:
        """One position: (B, D) and the buffer -> (B, W) and the buffer after it."""
        parts, buffer = seen_next(x, buffer, self.dilation)
        return self.filters(ops.concatenate(parts, axis=-1)), buffer
