"""Convolutions and max pooling in turn, every position at once or one at a time."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from musictool.layers.causal_convolution import CausalConvolution
from musictool.layers.causal_pooling import CausalPooling


class PooledConvolutions(keras.layers.Layer):
    """`depth` times (convolution, rectifier, max pooling, dropout), causal; each adds to what is below it.

    The n-th pair is dilated by pool ** n, so that what a position sees grows as under real pooling, which would leave
    one prediction for `pool ** depth` symbols. The sum (as in residual networks, He 2016) keeps the last symbols in
    sight, which the maximum over time would blur; it is normalised (Zhang and Sennrich 2019) before each pair and at
    the end, as maxima only add up.

    Args:
        width: W, filters of each convolution.
        depth: number of pairs.
        kernel: positions that a convolution sees.
        pool: positions that a pooling sees.
        dropout: share of outputs dropped after each pair in training.
    """

    def __init__(self, width: int, depth: int, kernel: int, pool: int, dropout: float, **kwargs: Any):
        super().__init__(**kwargs)
        dilations = [pool**i for i in range(depth)]
        pairs = list(enumerate(dilations))
        self.convolutions = [CausalConvolution(width, kernel, d, name=f"convolution_{i}") for i, d in pairs]
        self.poolings = [CausalPooling(pool, d, name=f"pooling_{i}") for i, d in pairs]
        self.dropout = [keras.layers.Dropout(dropout, name=f"dropout_{i}") for i, _ in pairs]
        self.enter = keras.layers.Dense(width, use_bias=False, name="enter")
        self.norms = [keras.layers.RMSNormalization(name=f"norm_{i}") for i, _ in pairs]
        self.normalise = keras.layers.RMSNormalization(name="normalise")
        self.width = width

    @property
    def field(self) -> int:
        """How many positions a prediction rests on."""
        pairs = zip(self.convolutions, self.poolings, strict=True)
        return 1 + sum((c.kernel - 1) * c.dilation + (p.pool - 1) * p.dilation for c, p in pairs)

    def build(self, shape: Any) -> None:
        self.enter.build(shape)
        inner = (*shape[:-1], self.width)
        for layer in (*self.norms, *self.convolutions, *self.poolings, self.normalise):
            layer.build(inner)

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], self.width)

    def call(self, x: Any, training: bool = False) -> Any:
        """float (B, T, D) -> (B, T, W)."""
        x = self.enter(x)
        layers = zip(self.norms, self.convolutions, self.poolings, self.dropout, strict=True)
        for norm, convolution, pooling, dropout in layers:
            x = x + dropout(pooling(ops.relu(convolution(norm(x)))), training=training)
        return self.normalise(x)

    def initial_state(self, batch_size: int) -> list[Any]:
        """The buffers before anything was heard: of the convolution and of the pooling, for each pair."""
        pairs = zip(self.convolutions, self.poolings, strict=True)
        return [[c.initial_state(batch_size), p.initial_state(batch_size)] for c, p in pairs]

    def step(self, x: Any, state: list[Any]) -> tuple[Any, list[Any]]:
        """One position: (B, D) and the buffers -> (B, W) and the buffers after it."""
        x, after = self.enter(x), []
        layers = zip(self.norms, self.convolutions, self.poolings, state, strict=True)
        for norm, convolution, pooling, (heard, pooled) in layers:
            y, heard = convolution.step(norm(x), heard)
            y, pooled = pooling.step(ops.relu(y), pooled)
            x = x + y
            after.append([heard, pooled])
        return self.normalise(x), after
