"""An embedding of tokens that is used again as the weights of the prediction."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from musictool.engine import nn, ops

NAME = "embedding"  # of the layer, in the weights' paths of a network and in its file
PER_TOKEN = (f"{NAME}/table", f"{NAME}/bias")  # where the paths of weights with a row for each token end


class TiedEmbedding(nn.Layer):
    """An embedding matrix: a table with a row per token, plus the features of each token times a table of features.

    A chord that training met once shares nearly all of its features (this pitch, that length, so many voices) with
    chords that it met often; so its embedding is good although it is rare. The same matrix, used again as the weights
    of the prediction (tied, Press and Wolf 2017), makes it as easy to predict.

    Both uses take the matrix as an argument, so that it is computed once for both, and once for many steps.

    Args:
        size: V.
        width: D, embedding size.
        features: uint8 (V, F), what each token is made of; None for a table only.
    """

    def __init__(self, size: int, width: int, features: np.ndarray | None = None, name: str = NAME, **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.size = size
        self.width = width
        self.features = None if features is None else features.astype(np.float32)

    def build(self, shape: Any = None) -> None:
        def normal(std: float) -> Any:
            return nn.initializers.RandomNormal(0, std / math.sqrt(self.width))

        # with features the table holds little to begin with: a token begins as the sum of its features
        has_features = self.features is not None
        self.table = self.add_weight((self.size, self.width), normal(0.2 if has_features else 1.0), name="table")
        self.bias = self.add_weight((self.size,), "zeros", name="bias", autocast=False)
        if self.features is not None:
            per_token = max(1.0, float(self.features.sum(axis=1).mean()))  # features of a token, on average
            shape = (self.features.shape[1], self.width)
            self.feature_table = self.add_weight(shape, normal(1 / math.sqrt(per_token)), name="feature_table")

    def matrix(self) -> Any:
        """float (V, D); each row has a norm near 1 before training."""
        if self.features is None:
            return ops.convert_to_tensor(self.table)
        features = ops.cast(self.features, self.compute_dtype)  # (V, F)
        return self.table + ops.matmul(features, self.feature_table)

    def embed(self, tokens: Any, matrix: Any) -> Any:
        """int32 (...,), float (V, D) -> float (..., D), each number of the order of 1."""
        return ops.take(matrix, tokens, axis=0) * math.sqrt(self.width)

    def logits(self, x: Any, matrix: Any) -> Any:
        """float (..., D), float (V, D) -> logits float32 (..., V)."""
        return ops.cast(ops.matmul(x, ops.transpose(matrix)), "float32") + self.bias
