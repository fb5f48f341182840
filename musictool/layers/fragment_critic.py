"""The mirror of a FragmentGenerator: six convolutions that say whether people wrote two bars."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from musictool.layers.fragment_generator import GROWTH, LAST

FIRST_KERNEL = (4, 3)  # a key and its neighbours


class FragmentCritic(keras.layers.Layer):
    """Float (N, 32, 128, I) -> 8 x 128 -> 8 x 32 -> 4 x 16 -> 2 x 8 -> 1 x 4 -> float32 (N,), log-odds of "people".

    PReLU after each but the last, batch normalisation before it after each but the first, as in DCGAN.

    Args:
        width: channels after the first convolution; the next have up to eight times as many.
    """

    def __init__(self, width: int, **kwargs: Any):
        super().__init__(**kwargs)
        (_, whole, _), *growth = GROWTH
        channels = [width * times for *_, times in reversed(GROWTH)]
        shrinking = [(LAST, FIRST_KERNEL), *((stride, kernel) for stride, kernel, _ in reversed(growth))]
        self.convolutions = [
            keras.layers.Conv2D(each, kernel, stride, "same", use_bias=i == 0, name=f"shrinking_{i + 1}")
            for i, (each, (stride, kernel)) in enumerate(zip(channels, shrinking, strict=True))
        ]
        self.norms = [
            keras.layers.BatchNormalization(momentum=0.9, name=f"norm_{i + 1}") for i in range(1, len(GROWTH))
        ]
        self.bends = [keras.layers.PReLU(shared_axes=[1, 2], name=f"bend_{i + 1}") for i in range(len(GROWTH))]
        self.last = keras.layers.Conv2D(1, whole, dtype="float32", name="verdict")

    def build(self, shape: Any) -> None:
        for i, (convolution, bend) in enumerate(zip(self.convolutions, self.bends, strict=True)):
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            if i:
                self.norms[i - 1].build(shape)
            bend.build(shape)
        self.last.build(shape)

    def call(self, segments: Any, training: bool = False) -> tuple[Any, Any]:
        """The log-odds (N,), and what the first convolution made of the segments, (N, 8, 128, width)."""
        first = x = self.convolutions[0](segments)
        x = self.bends[0](x)
        for convolution, norm, bend in zip(self.convolutions[1:], self.norms, self.bends[1:], strict=True):
            x = bend(norm(convolution(x), training=training))
        return ops.reshape(self.last(x), (-1,)), ops.cast(first, "float32")
