"""Two bars out of nothing but noise: six transposed convolutions."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

GROWTH = (((1, 4), 8), ((2, 2), 8), ((2, 2), 4), ((2, 2), 2), ((2, 2), 1))  # stride (steps, pitches), times the width
KERNEL = 4
RARE = -3.0  # log-odds of a cell, before training: about one in twenty sounds


class FragmentGenerator(keras.layers.Layer):
    """Float (N, Z) -> 1 x 4 -> 2 x 8 -> 4 x 16 -> 8 x 32 -> 16 x 64 -> float32 (N, 32, 128, I), log-odds of each cell.

    After each of the first five, batch normalisation and PReLU. A number for each pitch of each instrument is added at
    the end, so that the convolutions, to which all pitches are alike, need not learn where an instrument plays.

    Source: Radford, Metz and Chintala, "Unsupervised Representation Learning with DCGANs" (2015); as I. Tham and M. Kim
    (2021) use it.

    Args:
        width: channels before the last convolution; those before have up to eight times as many.
        instruments: I.
    """

    def __init__(self, width: int, instruments: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.convolutions = [
            keras.layers.Conv2DTranspose(
                width * times, stride if i == 0 else KERNEL, stride, "same", use_bias=False, name=f"growing_{i + 1}"
            )
            for i, (stride, times) in enumerate(GROWTH)
        ]
        self.norms = [keras.layers.BatchNormalization(momentum=0.9, name=f"norm_{i + 1}") for i in range(len(GROWTH))]
        self.bends = [keras.layers.PReLU(shared_axes=[1, 2], name=f"bend_{i + 1}") for i in range(len(GROWTH))]
        self.last = keras.layers.Conv2DTranspose(instruments, KERNEL, 2, "same", use_bias=False, name="cells")
        self.instruments = instruments

    def build(self, shape: Any) -> None:
        shape = (None, 1, 1, shape[-1])
        for convolution, norm, bend in zip(self.convolutions, self.norms, self.bends, strict=True):
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            norm.build(shape)
            bend.build(shape)
        self.last.build(shape)
        pitches = self.last.compute_output_shape(shape)[2]
        self.usual = self.add_weight(
            (pitches, self.instruments), keras.initializers.Constant(RARE), name="usual", autocast=False
        )

    def call(self, noise: Any, training: bool = False) -> Any:
        x = noise[:, None, None, :]
        for convolution, norm, bend in zip(self.convolutions, self.norms, self.bends, strict=True):
            x = bend(norm(convolution(x), training=training))
        return ops.cast(self.last(x), "float32") + self.usual
