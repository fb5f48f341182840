"""Places told by turning: rotary positions."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

BASE = 10000.0  # the slowest pair of numbers turns once in nearly 2 pi times as many rows
DIGIT = 1024  # places are turned digit by digit, so that each angle is exact


class Rotary:
    """Turns pairs of numbers by an angle that grows with the place, so that products depend on distances only.

    Source: Su et al., "RoFormer" (2021). A place times a frequency in float32 is off by a tenth at a place of a
    million. So the place is written in digits of base DIGIT, and turned by each digit's angle in turn, of which the
    sines were computed in float64. Limit: places of DIGIT ** 3, a thousand million, and more count from 0 again.

    Args:
        size: d, even.
    """

    def __init__(self, size: int):
        frequency = BASE ** (-np.arange(0, size, 2) / size)
        angle = np.arange(DIGIT)[:, None] * frequency  # (DIGIT, d / 2)
        self.digits = [_turns(angle * DIGIT**nth) for nth in range(3)]
        self.frequency = frequency

    def turns(self, places: np.ndarray) -> np.ndarray:
        """Known places (...,) -> float32 (..., 2, d / 2): cosine and sine."""
        return _turns(places[..., None] * self.frequency)

    def turns_at(self, place: Any) -> Any:
        """A place that is known only when it is reached, an int32 scalar -> float32 (2, d / 2)."""
        low, middle, high = (
            ops.convert_to_tensor(table)[ops.mod(place // DIGIT**nth, DIGIT)] for nth, table in enumerate(self.digits)
        )
        return _both(_both(low, middle), high)


def turned(x: Any, turns: Any) -> Any:
    """float (..., d), float (..., 2, d / 2) -> float (..., d)."""
    turns = ops.cast(turns, x.dtype)
    cosine, sine = turns[..., 0, :], turns[..., 1, :]
    half = x.shape[-1] // 2
    first, second = x[..., :half], x[..., half:]
    return ops.concatenate([first * cosine - second * sine, first * sine + second * cosine], axis=-1)


def _turns(angle: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(angle), np.sin(angle)], axis=-2).astype(np.float32)


def _both(one: Any, other: Any) -> Any:
    """One turn after another: (2, d / 2)."""
    return ops.stack([one[0] * other[0] - one[1] * other[1], one[0] * other[1] + one[1] * other[0]])
