"""`keras.ops`, or the same of numpy_ops.py: `ops.matmul(a, b)` is that of the engine that computes.

`matmul` goes around a fault of TensorFlow. Beyond Keras there are `write`, slice_update into an array that is not used
again, which numpy does in place; `count_up_to` and `sum_above`, for which there are faster ways in numpy than Keras's
functions; and `recomputed`, which saves memory in training.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from musictool.engine.current import Engine, current


def write(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """`inputs` with `updates` at `start_indices`, as slice_update. `inputs` may be changed: use what is returned."""
    if current() == "keras":
        from keras import ops

        return ops.slice_update(inputs, start_indices, updates)
    place = tuple(slice(start, start + length) for start, length in zip(start_indices, updates.shape, strict=True))
    inputs[place] = updates
    return inputs


def matmul(x1: Any, x2: Any) -> Any:
    """The product of matrices: (..., M, K) times (K, N) or (..., K, N) -> (..., M, N); leading axes are broadcast.

    One matrix for all of a 4-D x1 is one product of two matrices. TensorFlow 2.21 on a CPU with AVX-512 hands
    (B, 1, M, K) times (1, 1, K, N) to a kernel of oneDNN 3.7 that reads and writes beyond its arrays, and is killed for
    it, or goes on with what it has destroyed.
    """
    if current() == "numpy":
        return np.matmul(x1, x2)
    from keras import ops

    is_one_matrix = all(length == 1 for length in x2.shape[:-2])
    if len(x1.shape) < 4 or not is_one_matrix or len(x2.shape) > len(x1.shape):
        return ops.matmul(x1, x2)
    inner, columns = x2.shape[-2:]
    product = ops.matmul(ops.reshape(x1, (-1, inner)), ops.reshape(x2, (inner, columns)))  # (. M, N)
    return ops.reshape(product, (*ops.shape(x1)[:-1], columns))


def count_up_to(ascending: Any, bounds: Any) -> Any:
    """int32 (B, n): how many numbers of a row (B, V) are not above each of its bounds (B, n)."""
    if current() == "keras":
        from keras import ops

        return ops.sum(ops.cast(ascending[:, None, :] <= bounds[:, :, None], "int32"), axis=-1)
    rows = [row.searchsorted(row_bounds, "right") for row, row_bounds in zip(ascending, bounds, strict=True)]
    return np.array(rows, np.int32)


def sum_above(numbers: Any, bounds: Any) -> Any:
    """float32 (B, n): the sum of those numbers of a row (B, V) that are above each of its bounds (B, n)."""
    is_above = numbers[:, None, :] > bounds[:, :, None]  # (B, n, V)
    if current() == "keras":
        from keras import ops

        return ops.sum(ops.where(is_above, numbers[:, None, :], 0.0), axis=-1)
    return np.matmul(is_above.astype(np.float32), numbers[:, :, None])[:, :, 0]


def recomputed(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` of tensors, whose intermediate results are not kept for its gradient but computed again (gradient
    checkpointing). It reads no variable and draws nothing at random. Keras before 3.9 keeps them."""
    if current() == "keras":
        import keras

        return getattr(keras, "remat", lambda function: function)(function)
    return function


def __getattr__(name: str) -> Any:
    return getattr(_library(current()), name)


@cache
def _library(engine: Engine) -> Any:
    if engine == "numpy":
        from musictool.engine import numpy_ops

        return numpy_ops
    from keras import ops

    return ops
