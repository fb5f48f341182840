"""Windows -> tf.data: batches gathered in the background while the network computes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from musictool.dataset.windows import Batch, BatchSource

PREFETCH = 4


def stream(windows: BatchSource, plan: Any, first_step: int = 0, part: int = 0, parts: int = 1) -> Iterator[Batch]:
    """The batches of a pass, or one of equal `parts` of each, as tensors, in order, from `first_step` on."""
    shapes, dtypes = zip(*windows.signature(parts), strict=True)

    def gathered(step: Any) -> tuple[Any, ...]:
        return tuple(windows.batch(plan, int(step), part, parts))

    def batch(step: Any) -> Batch:
        arrays = tf.numpy_function(gathered, [step], [tf.as_dtype(dtype) for dtype in dtypes], stateful=False)
        return Batch(*map(tf.ensure_shape, arrays, shapes))

    # There is nothing to tune, and the thread that would do so ends only when it wakes: after an epoch of a minute all
    # would wait for it for another.
    fixed = tf.data.Options()
    fixed.autotune.enabled = False
    steps = tf.data.Dataset.range(first_step, windows.steps(plan))
    return iter(steps.map(batch).prefetch(PREFETCH).with_options(fixed))
