"""`keras.ops`, or the same of numpy_ops.py: `ops.matmul(a, b)` is that of the engine that computes.

Beyond Keras there is `write`: slice_update into an array that is not used again, which numpy does in place.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from musictool.engine.current import Engine, current


def write(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """`inputs` with `updates` at `start_indices`, as slice_update. `inputs` may be changed: use what is returned."""
    if current() == "keras":
        from keras import ops

        return ops.slice_update(inputs, start_indices, updates)
    place = tuple(slice(start, start + length) for start, length in zip(start_indices, updates.shape, strict=True))
    inputs[place] = updates
    return inputs


def __getattr__(name: str) -> Any:
    return getattr(_library(current()), name)


@cache
def _library(engine: Engine) -> Any:
    if engine == "numpy":
        from musictool.engine import numpy_ops

        return numpy_ops
    from keras import ops

    return ops
