"""How an arch hears rows that are there already: a primer, or a piece that it is to judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops


def hear(
    rows: Any, state: Any, listen: Callable[[Any, Any], tuple[Any, Any]], nats: Callable[[Any, Any, Any], Any]
) -> tuple[Any, Any]:
    """Row after row, in the middle of a compiled function.

    Args:
        rows: (T + 1, B, ...).
        state: before the first.
        listen: (row, the state before it) -> features (B, W), the state after it.
        nats: (features, row, the next row) -> float (B,), how little the next row was expected.

    Returns:
        the state before the last row; float32 (T, B), the nats of all rows but the first.
    """

    def follow(i: Any, carry: Any) -> Any:
        state, said = carry
        features, state = listen(rows[i], state)
        return state, ops.slice_update(said, (i, 0), nats(features, rows[i], rows[i + 1])[None])

    steps, pieces = ops.shape(rows)[0] - 1, ops.shape(rows)[1]
    return ops.fori_loop(0, steps, follow, (state, ops.zeros((steps, pieces), "float32")))
