"""The mirror of a SegmentEncoder: a few hundred numbers become the log-odds of the cells of a segment."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from musictool.layers.segment_encoder import DEEP, KERNEL, STRIDE

RARE = -4.5  # log-odds of a cell, before training: about one in a hundred sounds


class SegmentDecoder(keras.layers.Layer):
    """Float (N, F) -> dense -> three transposed convolutions -> float32 (N, S, P), log-odds of each cell.

    Args:
        width: channels of the last but one; those before have twice and four times as many.
        steps, pitches: S and P, multiples of 8.
    """

    def __init__(self, width: int, steps: int = 32, pitches: int = 128, **kwargs: Any):
        super().__init__(**kwargs)
        shrunk = STRIDE**DEEP
        self.shape = (steps // shrunk, pitches // shrunk, width * 2 ** (DEEP - 1))
        self.cells = (steps, pitches)
        self.spread = keras.layers.Dense(
            self.shape[0] * self.shape[1] * self.shape[2], activation="relu", name="spread"
        )
        self.convolutions = [
            keras.layers.Conv2DTranspose(channels, KERNEL, STRIDE, "same", activation=activation, name=f"back_{i + 1}")
            for i, (channels, activation) in enumerate(((width * 2, "relu"), (width, "relu"), (1, None)))
        ]

    def build(self, shape: Any) -> None:
        self.spread.build(shape)
        shape = (None, *self.shape)
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
        self.usual = self.add_weight((self.cells[1],), keras.initializers.Constant(RARE), name="usual", autocast=False)

    def call(self, numbers: Any) -> Any:
        x = ops.reshape(self.spread(numbers), (-1, *self.shape))
        for convolution in self.convolutions:
            x = convolution(x)
        return ops.cast(x[..., 0], "float32") + self.usual
