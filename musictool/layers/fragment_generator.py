"""Two bars out of nothing but noise: six transposed convolutions."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

# Stride and kernel (steps, pitches), and channels in widths, of the first five; the sixth makes the cells.
GROWTH = (
    ((1, 4), (1, 4), 8),
    ((2, 2), (4, 4), 8),
    ((2, 2), (4, 4), 4),
    ((2, 2), (4, 4), 2),
    ((1, 4), (3, 8), 1),
)
LAST = (4, 1)
RARE = -3.0  # log-odds of a cell, before training: about one in twenty sounds


class Held(keras.initializers.Initializer):
    """Weights for a kernel that makes `steps` of one: nearly the same for each, so that notes are long to begin with.

    Args:
        axis: of the steps in the kernel.
    """

    def __init__(self, axis: int):
        self.axis = axis

    def __call__(self, shape: Any, dtype: Any = None, **_: Any) -> Any:
        one = tuple(1 if i == self.axis else size for i, size in enumerate(shape))
        draw = keras.initializers.GlorotUniform()
        return draw(one, dtype=dtype) + 0.3 * draw(shape, dtype=dtype)


class FragmentGenerator(keras.layers.Layer):
    """Float (N, Z) -> 1 x 4 -> 2 x 8 -> 4 x 16 -> 8 x 32 -> 8 x 128 -> float32 (N, 32, 128, I), log-odds of each cell.

    After each of the first five, batch normalisation and PReLU. A number for each pitch of each instrument is added at
    the end, so that the convolutions, to which all pitches are alike, need not learn where an instrument plays.

    Source: Radford, Metz and Chintala, "Unsupervised Representation Learning with DCGANs" (2015); as I. Tham and M. Kim
    (2021) use it. That time grows last, out of quarter notes, is not theirs: it makes notes that last.

    Args:
        width: channels before the last convolution; those before have up to eight times as many.
        instruments: I.
    """

    def __init__(self, width: int, instruments: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.convolutions = [
            keras.layers.Conv2DTranspose(width * times, kernel, stride, "same", use_bias=False, name=f"growing_{i + 1}")
            for i, (stride, kernel, times) in enumerate(GROWTH)
        ]
        self.norms = [keras.layers.BatchNormalization(momentum=0.9, name=f"norm_{i + 1}") for i in range(len(GROWTH))]
        self.bends = [keras.layers.PReLU(shared_axes=[1, 2], name=f"bend_{i + 1}") for i in range(len(GROWTH))]
        self.last = keras.layers.Conv2DTranspose(
            instruments, LAST, LAST, use_bias=False, kernel_initializer=Held(0), name="cells"
        )
        self.instruments = instruments

    def build(self, shape: Any) -> None:
        shape = (None, 1, 1, shape[-1])
        for convolution, norm, bend in zip(self.convolutions, self.norms, self.bends, strict=True):
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            norm.build(shape)
            bend.build(shape)
        self.last.build(shape)
        self.usual = self.add_weight(
            (shape[2], self.instruments), keras.initializers.Constant(RARE), name="usual", autocast=False
        )

    def call(self, noise: Any, training: bool = False) -> Any:
        x = noise[:, None, None, :]
        for convolution, norm, bend in zip(self.convolutions, self.norms, self.bends, strict=True):
            x = bend(norm(convolution(x), training=training))
        return ops.cast(self.last(x), "float32") + self.usual
