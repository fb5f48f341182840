"""Windows -> tf.data: batches gathered in the background while the network computes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from musictool.windows import Plan, Windows

PREFETCH = 4


def stream(windows: Windows, plan: Plan, first_step: int = 0) -> Iterator[tuple[Any, Any, Any]]:
    """The batches of a pass as tensors (x, y, mask), in order, from `first_step` on."""
    spec = windows.encoded.spec
    shape = (windows.batch_size, windows.length)
    types = (tf.as_dtype(spec.dtype), tf.as_dtype(spec.dtype), tf.float32)

    def gather(step: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        batch = windows.batch(plan, int(step))
        return batch.x, batch.y, batch.mask

    def batch(step: Any) -> tuple[Any, Any, Any]:
        x, y, mask = tf.numpy_function(gather, [step], types, stateful=False)
        rows = (*shape, *spec.shape)
        return tf.ensure_shape(x, rows), tf.ensure_shape(y, rows), tf.ensure_shape(mask, shape)

    steps = tf.data.Dataset.range(first_step, windows.steps(plan))
    return iter(steps.map(batch).prefetch(PREFETCH))
