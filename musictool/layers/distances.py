"""What attention knows of how far back a row stands: a vector for each distance."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from musictool.layers.rotary import BASE


class LearnedDistances(keras.layers.Layer):
    """A learned vector a head for each distance; a query adds its product with them to its scores.

    Source: Huang et al., "Music Transformer" (2018), with their skewing.

    Args:
        heads: H.
        size: d, numbers a head.
        most: distances, from 0 on.
    """

    def __init__(self, heads: int, size: int, most: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.shape = (heads, most, size)

    def build(self, shape: Any = None) -> None:
        self.table = self.add_weight(self.shape, keras.initializers.RandomNormal(0, 0.02), name="table")

    def split(self, query: Any) -> tuple[Any, Any]:
        """The queries (..., H, n, d) for what is there, and those for how far it is."""
        return query, query

    def vectors(self, count: int) -> Any:
        """float (H, count, d) for the distances 0 to count - 1; zeros behind the last that has one."""
        own = ops.convert_to_tensor(self.table)[:, :count]
        return ops.pad(own, [(0, 0), (0, count - own.shape[1]), (0, 0)])


class SinusoidDistances(keras.layers.Layer):
    """Distances as sines and cosines, made into keys by a matrix; what all queries ask for is learned beside.

    Source: Dai et al., "Transformer-XL" (2019): R, W_kR and the biases u and v of their equation for the scores.

    Args:
        heads: H.
        size: d, numbers a head.
    """

    def __init__(self, heads: int, size: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.heads = heads
        self.size = size

    def build(self, shape: Any = None) -> None:
        width = self.heads * self.size
        normal = keras.initializers.RandomNormal(0, 0.02)
        kernel = keras.initializers.RandomNormal(0, math.sqrt(1 / width))
        self.kernel = self.add_weight((self.heads, width, self.size), kernel, name="kernel")
        self.what = self.add_weight((self.heads, 1, self.size), normal, name="what")  # u
        self.where = self.add_weight((self.heads, 1, self.size), normal, name="where")  # v

    def split(self, query: Any) -> tuple[Any, Any]:
        """The queries (..., H, n, d) for what is there, and those for how far it is."""
        return query + ops.cast(self.what, query.dtype), query + ops.cast(self.where, query.dtype)

    def vectors(self, count: int) -> Any:
        """float (H, count, d) for the distances 0 to count - 1."""
        width = self.heads * self.size
        angle = np.arange(count)[:, None] * BASE ** (-np.arange(0, width, 2) / width)
        waves = np.concatenate([np.sin(angle), np.cos(angle)], axis=-1)[:, :width].astype(np.float32)
        return ops.matmul(ops.cast(waves, self.compute_dtype), ops.cast(self.kernel, self.compute_dtype))


def skewed(scores: Any) -> Any:
    """Scores by distance -> scores by key, by reshaping alone.

    Args:
        scores: float (..., n, m), of query i for the distance m - 1 - j. The last query stands at the last key.

    Returns:
        float (..., n, m), of query i for key j; whatever there is at keys behind the query.
    """
    *lead, queries, keys = scores.shape
    lead = [-1, *lead[1:]]
    padded = ops.pad(scores, [(0, 0)] * len(lead) + [(0, 0), (1, 0)])
    flat = ops.reshape(padded, (*lead, queries * (keys + 1)))
    return ops.reshape(flat[..., queries:], (*lead, queries, keys))
