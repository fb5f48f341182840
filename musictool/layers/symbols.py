"""One vector a symbol, for the way in and for the way out."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops


class Symbols(keras.layers.Layer):
    """The vectors of all symbols, as a table of their own plus what their features add up to.

    A chord that training met once shares nearly all of its features (this pitch, that length, so many voices) with
    chords that it met often; so its vector is good although it is rare, and the same vectors, used again as the weights
    of the prediction (tied, Press and Wolf 2017), make it as easy to predict.

    Args:
        size: V.
        width: D, numbers in a vector.
        features: uint8 (V, F), what each symbol is made of; None for a table only.
    """

    def __init__(self, size: int, width: int, features: np.ndarray | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = size
        self.width = width
        self.features = None if features is None else features.astype(np.float32)

    def build(self, shape: Any = None) -> None:
        def normal(std: float) -> Any:
            return keras.initializers.RandomNormal(0, std / math.sqrt(self.width))

        featured = self.features is not None
        self.own = self.add_weight((self.size, self.width), normal(0.2 if featured else 1.0), name="own")
        self.bias = self.add_weight((self.size,), "zeros", name="bias", autocast=False)
        if self.features is not None:
            each = max(1.0, float(self.features.sum(axis=1).mean()))  # features of a symbol, on average
            shape = (self.features.shape[1], self.width)
            self.shared = self.add_weight(shape, normal(1 / math.sqrt(each)), name="shared")

    def vectors(self) -> Any:
        """float (V, D), each of a length near 1 before training."""
        if self.features is None:
            return ops.convert_to_tensor(self.own)
        return self.own + ops.matmul(ops.cast(self.features, self.compute_dtype), self.shared)

    def embed(self, tokens: Any, vectors: Any) -> Any:
        """int32 (...,) -> float (..., D), each number of the order of 1."""
        return ops.take(vectors, tokens, axis=0) * math.sqrt(self.width)

    def logits(self, x: Any, vectors: Any) -> Any:
        """float (..., D) -> float32 (..., V): how well each symbol fits."""
        return ops.cast(ops.matmul(x, ops.transpose(vectors)), "float32") + self.bias
