"""The next two bars of a band, of noise and in view of the last two: a generator for each instrument.

Source: H.-W. Dong et al., "MuseGAN" (AAAI 2018), the hybrid model: each instrument has a generator and random numbers
of its own, and all share some. L.-C. Yang, S.-Y. Chou and Y.-H. Yang, "MidiNet" (2017): a second network mirrors the
generator, from the music before down to few numbers, and what it finds at each size is handed to the generator there.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from musictool.layers.fragment_generator import Held
from musictool.layers.harmony import Harmony

# Stride and kernel (steps, pitches), and channels in widths, of what hears and, backwards, of what writes.
SHRINKING = (((4, 1), (4, 1), 1), ((1, 4), (3, 8), 2), ((1, 2), (3, 4), 2), ((2, 2), (4, 4), 4))
RARE = -3.0  # log-odds of a cell, before training


class Listener(keras.layers.Layer):
    """0/1 (N, S, P, I) -> what is heard of it, float (N, s, p, channels), at S / 4, then fewer and fewer pitches."""

    def __init__(self, width: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.convolutions = [
            keras.layers.Conv2D(width * times, kernel, stride, "same", name=f"shrinking_{i + 1}")
            for i, (stride, kernel, times) in enumerate(SHRINKING)
        ]

    def build(self, shape: Any) -> None:
        self.shapes = []
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            self.shapes.append(shape)

    def call(self, segments: Any) -> list[Any]:
        heard, x = [], segments
        for convolution in self.convolutions:
            x = ops.leaky_relu(convolution(x), 0.2)
            heard.append(x)
        return heard


class Part(keras.layers.Layer):
    """What one instrument plays: noise (N, Z) and what a Listener heard -> float32 (N, S, P), log-odds.

    Steps are made last, four of each quarter note, and alike to begin with, so that notes last.
    """

    def __init__(self, width: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.width = width
        growing = [*reversed(SHRINKING)][:-1]
        channels = [width * times for *_, times in [*reversed(SHRINKING)][1:]]
        self.norms = [
            keras.layers.BatchNormalization(momentum=0.9, name=f"norm_{i + 1}") for i in range(len(SHRINKING))
        ]
        self.bends = [keras.layers.PReLU(shared_axes=[1, 2], name=f"bend_{i + 1}") for i in range(len(SHRINKING))]
        self.convolutions = [
            keras.layers.Conv2DTranspose(each, kernel, stride, "same", use_bias=False, name=f"growing_{i + 1}")
            for i, (each, (stride, kernel, _)) in enumerate(zip(channels, growing, strict=True))
        ]
        self.steps = SHRINKING[0][0][0]
        self.cells = keras.layers.Dense(self.steps, use_bias=False, kernel_initializer=Held(1), name="cells")

    def build(self, shape: Any, heard: Any) -> None:
        self.first = (*heard[-1][1:3], self.width * SHRINKING[-1][-1])
        size = self.first[0] * self.first[1] * self.first[2]
        self.spread = keras.layers.Dense(size, use_bias=False, name="spread")
        self.spread.build(shape)
        shape = (None, *self.first)
        for i, convolution in enumerate([*self.convolutions, self.cells]):
            self.norms[i].build(shape)
            self.bends[i].build(shape)
            shape = (*shape[:-1], shape[-1] + heard[-1 - i][-1])
            convolution.build(shape)
            if convolution is not self.cells:
                shape = convolution.compute_output_shape(shape)
        self.skip = keras.layers.Dense(shape[1] * self.steps, name="skip")
        self.skip.build((None, self.first[0] * self.first[1] * (self.first[2] + heard[-1][-1])))
        self.usual = self.add_weight((shape[2],), keras.initializers.Constant(RARE), name="usual", autocast=False)

    def call(self, noise: Any, heard: list[Any], before: Any, training: bool = False) -> Any:
        x = ops.reshape(self.spread(noise), (-1, *self.first))
        for i, convolution in enumerate([*self.convolutions, self.cells]):
            x = self.bends[i](self.norms[i](x, training=training))
            x = ops.concatenate([x, ops.cast(heard[-1 - i], x.dtype)], axis=-1)
            if i == 0:
                as_before = self.skip(ops.reshape(x, (ops.shape(x)[0], -1)))  # (N, S)
            x = convolution(x)
        x = ops.reshape(ops.transpose(x, (0, 1, 3, 2)), ops.shape(before))  # (N, S / 4, P, 4) -> (N, S, P)
        repeated = ops.cast(as_before, "float32")[..., None] * ops.cast(before, "float32")
        return ops.cast(x, "float32") + self.usual + repeated


class BandGenerator(keras.layers.Layer):
    """Before 0/1 (N, S, P, I), noise (N, shared + I x private) -> float32 (N, S, P, I), log-odds of each cell.

    Each step of each instrument can say "as it was a segment ago" without drawing it anew, and each beat which pitch
    classes suit it.

    Args:
        width: channels of quarter notes and single pitches; there are up to four times as many of coarser ones.
        shared, private: random numbers that all instruments have, and those of each.
        instruments: I.
    """

    def __init__(self, width: int, shared: int, private: int, instruments: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.shared, self.private = shared, private
        self.listener = Listener(width, name="listener")
        self.harmony = Harmony(2 * width, name="harmony")
        self.parts = [Part(width, name=f"part_{i + 1}") for i in range(instruments)]

    def build(self, shape: Any) -> None:
        self.listener.build(shape)
        self.harmony.build(shape, (None, self.shared))
        for part in self.parts:
            part.build((None, self.shared + self.private), self.listener.shapes)

    def call(self, before: Any, noise: Any, training: bool = False) -> Any:
        heard = self.listener(before)
        said = []
        for i, part in enumerate(self.parts):
            begin = self.shared + i * self.private
            own = ops.concatenate([noise[:, : self.shared], noise[:, begin : begin + self.private]], axis=-1)
            said.append(part(own, heard, before[..., i], training=training))
        return ops.stack(said, axis=-1) + self.harmony(before, noise[:, : self.shared])
