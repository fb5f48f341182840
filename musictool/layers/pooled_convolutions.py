"""Causal convolutions and max pooling in turn, for whole windows and for one position at a time."""

from __future__ import annotations

from typing import Any

from musictool.engine import nn, ops
from musictool.layers.causal import CausalConvolution, CausalPooling


class PooledConvolutions(nn.Layer):
    """`layers` times (norm, convolution, ReLU, max pooling, dropout), causal; each adds to what came in.

    The n-th pair is dilated by pool_size ** n, so that the receptive field grows as under pooling with strides, which
    would leave one prediction for `pool_size ** layers` tokens. The sum (as in residual networks, He 2016) keeps the
    last tokens in sight, which the maximum over time would blur; it is normalised (Zhang and Sennrich 2019) before each
    pair and at the end, as maxima only add up.

    Args:
        width: W, filters of each convolution.
        layers: pairs of convolution and pooling.
        kernel_size: positions that a convolution looks at.
        pool_size: positions that a pooling looks at.
        dropout: dropout rate, after each pair.
    """

    def __init__(self, width: int, layers: int, kernel_size: int, pool_size: int, dropout: float, **kwargs: Any):
        super().__init__(**kwargs)
        pairs = [(i, pool_size**i) for i in range(layers)]  # and their dilations
        self.convolutions = [CausalConvolution(width, kernel_size, d, name=f"convolution_{i}") for i, d in pairs]
        self.poolings = [CausalPooling(pool_size, d, name=f"pooling_{i}") for i, d in pairs]
        self.dropout = [nn.Dropout(dropout, name=f"dropout_{i}") for i, _ in pairs]
        self.input_projection = nn.Dense(width, use_bias=False, name="input_projection")
        self.norms = [nn.RMSNormalization(name=f"norm_{i}") for i, _ in pairs]
        self.output_norm = nn.RMSNormalization(name="output_norm")
        self.width = width

    @property
    def receptive_field(self) -> int:
        """How many positions a prediction depends on."""
        pairs = zip(self.convolutions, self.poolings, strict=True)
        return 1 + sum((c.kernel_size - 1) * c.dilation + (p.pool_size - 1) * p.dilation for c, p in pairs)

    def build(self, shape: Any) -> None:
        self.input_projection.build(shape)
        inner = (*shape[:-1], self.width)
        for layer in (*self.norms, *self.convolutions, *self.poolings, self.output_norm):
            layer.build(inner)

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], self.width)

    def call(self, x: Any, training: bool = False) -> Any:
        """float (B, T, D) -> (B, T, W)."""
        x = self.input_projection(x)  # (B, T, W)
        layers = zip(self.norms, self.convolutions, self.poolings, self.dropout, strict=True)
        for norm, convolution, pooling, dropout in layers:
            x = x + dropout(pooling(ops.relu(convolution(norm(x)))), training=training)
        return self.output_norm(x)

    def initial_state(self, batch_size: int) -> list[Any]:
        """The empty buffers of the convolution and the pooling of each pair."""
        pairs = zip(self.convolutions, self.poolings, strict=True)
        return [[c.initial_state(batch_size), p.initial_state(batch_size)] for c, p in pairs]

    def step(self, x: Any, state: list[Any]) -> tuple[Any, list[Any]]:
        """One position: (B, D) and the buffers -> (B, W) and the buffers after it."""
        x, new_state = self.input_projection(x), []  # (B, W)
        layers = zip(self.norms, self.convolutions, self.poolings, state, strict=True)
        for norm, convolution, pooling, (inputs, activations) in layers:
            y, inputs = convolution.step(norm(x), inputs)
            y, activations = pooling.step(ops.relu(y), activations)
            x = x + y
            new_state.append([inputs, activations])
        return self.output_norm(x), new_state
