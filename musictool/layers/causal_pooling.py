"""Max pooling over time that looks back and never ahead, for whole windows and for one position at a time."""

from __future__ import annotations

from functools import reduce
from typing import Any

import keras
from keras import ops

from musictool.layers._past import buffered, seen, seen_next


class CausalPooling(keras.layers.Layer):
    """Each number's largest value at its position and `pool - 1` before it, `dilation` apart.

    There is a result for every position (stride 1). Layers above that are dilated by `pool` times as much see what they
    would see above real pooling with stride `pool`.

    Args:
        pool: positions that are seen.
        dilation: positions from one that is seen to the next.
    """

    def __init__(self, pool: int, dilation: int = 1, **kwargs: Any):
        super().__init__(**kwargs)
        self.pool = pool
        self.dilation = dilation

    def build(self, shape: Any) -> None:
        self._depth = shape[-1]

    def compute_output_shape(self, shape: Any) -> Any:
        return shape

    def call(self, x: Any) -> Any:
        """float (B, T, D) -> (B, T, D)."""
        return reduce(ops.maximum, seen(x, self.pool, self.dilation, float("-inf")))

    def initial_state(self, batch_size: int) -> Any:
        """The buffer before anything was heard: (B, (pool - 1) * dilation, D)."""
        shape = (batch_size, buffered(self.pool, self.dilation), self._depth)
        return ops.full(shape, float("-inf"), self.compute_dtype)

    def step(self, x: Any, buffer: Any) -> tuple[Any, Any]:
        """One position: (B, D) and the buffer -> (B, D) and the buffer after it."""
        parts, buffer = seen_next(x, buffer, self.dilation)
        return reduce(ops.maximum, parts), buffer
