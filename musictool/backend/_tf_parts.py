"""TensorFlow: the sums and the gradient of a batch, at once or in parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from musictool.arch import LossFn, ParameterGroup
from musictool.backend.strategy import part_of, sums_of
from musictool.dataset.windows import Batch


def sums_in_parts(loss_and_metrics: LossFn, batch: Batch, parts: int) -> Any:
    """`sums_of` without training, of a batch that is taken in parts, one after another."""
    if parts == 1:
        return sums_of(loss_and_metrics, batch, False)
    sums = sums_of(loss_and_metrics, part_of(batch, 0, parts), False)

    def add(part: Any, sums: Any) -> tuple[Any, Any]:
        return part + 1, sums + sums_of(loss_and_metrics, part_of(batch, part, parts), False)

    return tf.while_loop(lambda part, _: part < parts, add, (1, sums), parallel_iterations=1)[1]


def gradient_in_parts(
    group: ParameterGroup, batch: Batch, scaled: Callable[[Any], Any], parts: int
) -> tuple[list[Any], Any]:
    """The gradient of a group's loss, and its sums over the batch.

    Args:
        batch: which is taken in `parts`, one after another, so that only one of them is held.
        scaled: what to differentiate, of the sum of the loss.

    Returns:
        For each of the group's variables its gradient or None, and float32 (metrics + 1,).
    """

    def of(batch: Batch) -> tuple[list[Any], Any]:
        with tf.GradientTape() as tape:
            sums = sums_of(group.loss_and_metrics, batch, True)
            loss = scaled(sums[0])
        return tape.gradient(loss, group.variables), sums

    if parts == 1:
        return of(batch)
    gradients, sums = of(part_of(batch, 0, parts))
    known = [i for i, gradient in enumerate(gradients) if gradient is not None]
    first = [tf.convert_to_tensor(gradients[i]) for i in known]  # some name a few rows of a table

    def add(part: Any, sums: Any, total: list[Any]) -> tuple[Any, Any, list[Any]]:
        more, more_sums = of(part_of(batch, part, parts))
        return part + 1, sums + more_sums, [each + more[i] for each, i in zip(total, known, strict=True)]

    _, sums, total = tf.while_loop(lambda part, *_: part < parts, add, (1, sums, first), parallel_iterations=1)
    for i, gradient in zip(known, total, strict=True):
        gradients[i] = gradient
    return gradients, sums
