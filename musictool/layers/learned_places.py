"""Places told by a learned vector each."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops


class LearnedPlaces(keras.layers.Layer):
    """Adds a learned vector to each row; the vectors repeat after `count` rows.

    No row sees two rows of the same vector if none sees more than `count` rows, so that nothing is ambiguous however
    long a piece is. In training each window begins anywhere among the vectors, since a window begins anywhere in a
    piece, and a long piece comes by all of them.

    Args:
        count: vectors.
    """

    def __init__(self, count: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.count = count
        self.seeds = keras.random.SeedGenerator()

    def build(self, shape: Any) -> None:
        self.table = self.add_weight((self.count, shape[-1]), keras.initializers.RandomNormal(0, 0.1), name="table")

    def call(self, x: Any, training: bool = False) -> Any:
        """float (B, T, W) -> (B, T, W)."""
        places = np.arange(x.shape[1], dtype=np.int32)
        if not training:
            return x + ops.take(self.table, places % self.count, axis=0)
        begin = keras.random.randint((ops.shape(x)[0], 1), 0, self.count, dtype="int32", seed=self.seeds)
        return x + ops.take(self.table, ops.mod(begin + places, self.count), axis=0)

    def step(self, x: Any, place: Any) -> Any:
        """float (B, W) at a place, an int32 scalar -> (B, W)."""
        return x + ops.cast(ops.take(self.table, ops.mod(place, self.count), axis=0), x.dtype)
