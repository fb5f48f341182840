"""A segment of one instrument as a few hundred numbers: three convolutions, each of half the height and width."""

from __future__ import annotations

from typing import Any

import keras

KERNEL, STRIDE = 4, 2
DEEP = 3  # convolutions


class SegmentEncoder(keras.layers.Layer):
    """0/1 (N, S, P) -> float (N, S / 8 x P / 8 x 4 width).

    Args:
        width: channels of the first convolution; the next have twice and four times as many.
    """

    def __init__(self, width: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.convolutions = [
            keras.layers.Conv2D(width * 2**i, KERNEL, STRIDE, "same", activation="relu", name=f"convolution_{i + 1}")
            for i in range(DEEP)
        ]
        self.flatten = keras.layers.Flatten()

    def build(self, shape: Any) -> None:
        shape = (None, *shape[1:], 1)
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
        self.features = int(shape[1] * shape[2] * shape[3])

    def compute_output_shape(self, shape: Any) -> Any:
        return (shape[0], self.features)

    def call(self, segments: Any) -> Any:
        x = segments[..., None]  # (N, S, P, 1)
        for convolution in self.convolutions:
            x = convolution(x)
        return self.flatten(x)
