"""Ways to give attention the position of a row, or the distance between two.

    RotaryEmbedding              rotates queries and keys by an angle that grows with their position (RoFormer)
    PositionEmbedding            adds a learned vector to each row (Vaswani et al.)
    RelativePositionEmbedding    learned position keys, one for each distance (Music Transformer)
    RelativeSinusoidalEmbedding  position keys made of sines and cosines of the distance (Transformer-XL)

The first is applied to queries and keys, the second to rows before the first block; the last two give Attention a
second kind of key, which it compares with a second query: scores = content_query . key + position_query . position_key.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from musictool.engine import nn, ops

BASE = 10000.0  # the slowest pair of numbers goes round once in nearly 2 pi times as many rows
DIGIT = 1024  # a position is rotated digit by digit, so that each angle is exact


class RotaryEmbedding:
    """Rotates pairs of numbers by an angle that grows with the position, so that products depend on distances only.

    Source: Su et al., "RoFormer" (2021). A position times a frequency in float32 is off by a tenth at a position of a
    million. So the position is written in digits of base DIGIT, and rotated by each digit's angle in turn, of which the
    sines were computed in float64. Limit: positions of DIGIT ** 3, a thousand million, and more count from 0 again.

    It has no weights; its angles are always given as their cosines and sines, float32 (..., 2, d / 2).

    Args:
        head_size: d, even.
    """

    def __init__(self, head_size: int):
        self.frequencies = BASE ** (-np.arange(0, head_size, 2) / head_size)  # (d / 2,), radians per row
        angle = np.arange(DIGIT)[:, None] * self.frequencies  # (DIGIT, d / 2)
        self.digit_angles = [_cos_sin(angle * DIGIT**i) for i in range(3)]  # (DIGIT, 2, d / 2) each

    def angles(self, positions: np.ndarray) -> np.ndarray:
        """Positions (...,) that are known beforehand -> float32 (..., 2, d / 2)."""
        return _cos_sin(positions[..., None] * self.frequencies)

    def angles_at(self, position: Any) -> Any:
        """A position that is known only when it is reached, an int32 scalar -> float32 (2, d / 2)."""
        low, middle, high = (
            ops.convert_to_tensor(table)[ops.mod(position // DIGIT**i, DIGIT)]
            for i, table in enumerate(self.digit_angles)
        )
        return _sum_of_angles(_sum_of_angles(low, middle), high)


def apply_rotary(x: Any, angles: Any) -> Any:
    """Rotates the pairs (x[i], x[i + d / 2]): float (..., d), float (..., 2, d / 2) -> float (..., d)."""
    angles = ops.cast(angles, x.dtype)
    cos, sin = angles[..., 0, :], angles[..., 1, :]  # (..., d / 2)
    half = x.shape[-1] // 2
    first, second = x[..., :half], x[..., half:]
    return ops.concatenate([first * cos - second * sin, first * sin + second * cos], axis=-1)


def _cos_sin(angle: np.ndarray) -> np.ndarray:
    """Radians (..., n) -> float32 (..., 2, n)."""
    return np.stack([np.cos(angle), np.sin(angle)], axis=-2).astype(np.float32)


def _sum_of_angles(a: Any, b: Any) -> Any:
    """Cosine and sine of the sum of two angles, from theirs: (2, n), (2, n) -> (2, n)."""
    return ops.stack([a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]])


class PositionEmbedding(nn.Layer):
    """Adds a learned vector to each row; the vectors repeat after `count` rows.

    No row attends to two rows of the same vector if none attends to more than `count` rows, so that nothing is
    ambiguous however long a piece is. In training each window begins anywhere among the vectors, since a window begins
    anywhere in a piece, and a long piece passes all of them.

    Args:
        count: vectors.
    """

    def __init__(self, count: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.count = count
        self.seed_generator = nn.SeedGenerator()

    def build(self, shape: Any) -> None:
        self.table = self.add_weight((self.count, shape[-1]), nn.initializers.RandomNormal(0, 0.1), name="table")

    def call(self, x: Any, training: bool = False) -> Any:
        """float (B, T, W) -> (B, T, W)."""
        positions = np.arange(x.shape[1], dtype=np.int32)
        if not training:
            return x + ops.take(self.table, positions % self.count, axis=0)
        begin = nn.random.randint((ops.shape(x)[0], 1), 0, self.count, dtype="int32", seed=self.seed_generator)
        return x + ops.take(self.table, ops.mod(begin + positions, self.count), axis=0)

    def step(self, x: Any, position: Any) -> Any:
        """float (B, W) at a position, an int32 scalar -> (B, W)."""
        return x + ops.cast(ops.take(self.table, ops.mod(position, self.count), axis=0), x.dtype)


class RelativePositionEmbedding(nn.Layer):
    """Learned position keys: a vector per head for each distance.

    Source: Huang et al., "Music Transformer" (2018), with their skewing (relative_shift).

    Args:
        heads: H.
        head_size: d.
        count: distances, from 0 on.
    """

    def __init__(self, heads: int, head_size: int, count: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.shape = (heads, count, head_size)

    def build(self, shape: Any = None) -> None:
        self.table = self.add_weight(self.shape, nn.initializers.RandomNormal(0, 0.02), name="table")

    def queries(self, query: Any) -> tuple[Any, Any]:
        """float (..., H, n, d) -> content query, position query: the same here."""
        return query, query

    def keys(self, count: int) -> Any:
        """Position keys, float (H, count, d), of the distances 0 to count - 1; zeros beyond the last that has one."""
        keys = ops.convert_to_tensor(self.table)[:, :count]
        return ops.pad(keys, [(0, 0), (0, count - keys.shape[1]), (0, 0)])


class RelativeSinusoidalEmbedding(nn.Layer):
    """Position keys: sines and cosines of the distance times a learned matrix; and a learned bias for each query.

    Source: Dai et al., "Transformer-XL" (2019): R, W_kR and the biases u and v of their equation for the scores.

    Args:
        heads: H.
        head_size: d.
    """

    def __init__(self, heads: int, head_size: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.heads = heads
        self.head_size = head_size

    def build(self, shape: Any = None) -> None:
        width = self.heads * self.head_size
        normal = nn.initializers.RandomNormal(0, 0.02)
        kernel = nn.initializers.RandomNormal(0, math.sqrt(1 / width))
        self.kernel = self.add_weight((self.heads, width, self.head_size), kernel, name="kernel")  # W_kR
        self.content_bias = self.add_weight((self.heads, 1, self.head_size), normal, name="content_bias")  # u
        self.position_bias = self.add_weight((self.heads, 1, self.head_size), normal, name="position_bias")  # v

    def queries(self, query: Any) -> tuple[Any, Any]:
        """float (..., H, n, d) -> content query, position query, of the same shape."""
        return query + ops.cast(self.content_bias, query.dtype), query + ops.cast(self.position_bias, query.dtype)

    def keys(self, count: int) -> Any:
        """Position keys, float (H, count, d), of the distances 0 to count - 1."""
        width = self.heads * self.head_size
        angle = np.arange(count)[:, None] * BASE ** (-np.arange(0, width, 2) / width)
        waves = np.concatenate([np.sin(angle), np.cos(angle)], axis=-1)[:, :width].astype(np.float32)  # (count, W)
        return ops.matmul(ops.cast(waves, self.compute_dtype), ops.cast(self.kernel, self.compute_dtype))


def relative_shift(scores: Any) -> Any:
    """Scores by distance -> scores by key, by reshaping alone (the skewing of Music Transformer).

    Args:
        scores: float (..., n, m), of query i for the distance m - 1 - j. The last query stands at the last key.

    Returns:
        float (..., n, m), of query i for key j; arbitrary values at keys after the query.
    """
    # One column in front makes each row one longer, so that read in rows of the old length, each begins one later.
    *batch, queries, keys = scores.shape
    batch = [-1, *batch[1:]]
    padded = ops.pad(scores, [(0, 0)] * len(batch) + [(0, 0), (1, 0)])  # (..., n, m + 1)
    flat = ops.reshape(padded, (*batch, queries * (keys + 1)))
    return ops.reshape(flat[..., queries:], (*batch, queries, keys))
