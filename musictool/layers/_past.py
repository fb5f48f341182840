"""What a causal layer sees: its own position and some before it, at equal distances.

For a whole window these are shifted copies; for one position at a time they come from a buffer of what was heard last
(fast WaveNet, Le Paine 2016). Both give the same, in the order of time.
"""

from __future__ import annotations

from typing import Any

from keras import ops


def seen(x: Any, positions: int, dilation: int, before: float) -> list[Any]:
    """What each position of a window sees.

    Args:
        x: float (B, T, D).
        positions: how many are seen, the position itself among them.
        dilation: positions from one that is seen to the next.
        before: stands where the window has not begun.

    Returns:
        `positions` times float (B, T, D), the earliest first.
    """
    length = ops.shape(x)[1]
    padded = ops.pad(x, ((0, 0), (buffered(positions, dilation), 0), (0, 0)), constant_values=before)
    return [padded[:, i * dilation : i * dilation + length] for i in range(positions)]


def buffered(positions: int, dilation: int) -> int:
    """How many positions before its own a layer must remember."""
    return (positions - 1) * dilation


def seen_next(x: Any, buffer: Any, dilation: int) -> tuple[list[Any], Any]:
    """The same for one position, and what must be remembered after it.

    Args:
        x: float (B, D).
        buffer: float (B, buffered(...), D), what was heard last, the latest last.
        dilation: as above.

    Returns:
        a list of float (B, D), the earliest first; the buffer after it.
    """
    heard = ops.concatenate([buffer, x[:, None]], axis=1)
    return [heard[:, i] for i in range(0, buffer.shape[1] + 1, dilation)], heard[:, 1:]
