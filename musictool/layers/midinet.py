"""Two bars out of noise, the two bars before and the chord of each bar; and the chords that bars have.

Source: L.-C. Yang, S.-Y. Chou and Y.-H. Yang, "MidiNet: A Convolutional Generative Adversarial Network for
Symbolic-domain Music Generation" (2017): a conditioner of convolutions reads the bar before, and what each of its
layers finds stands beside the generator's layer of the same size; the chord, 12 numbers for the root and one for minor,
stands beside every layer. There the generator makes a melody, a bar at a time.
"""

from __future__ import annotations

from typing import Any

from musictool.engine import nn, ops
from musictool.layers.dcgan import (
    CRITIC_KERNELS,
    STRIDES,
    FragmentCritic,
    GrowingLayers,
    fitting_strides,
)
from musictool.music.chords import CLASS_OF_PITCH, NONE, TRIAD_WEIGHTS, VECTORS
from musictool.music.instruments import DRUMS

CHORD_SIZE = VECTORS.shape[1]
BAR_STEPS = 16


def bars_in(steps: int) -> int:
    """Bars in a segment of so many steps: one for each 16, if they come out even, else one."""
    return steps // BAR_STEPS if steps % BAR_STEPS == 0 else 1


def chords_of(segments: Any) -> Any:
    """The chord of each bar, drums apart: 0/1 (N, S, P, I) -> int32 (N, bars), see musictool/music/chords.py."""
    steps, pitches = segments.shape[1:3]
    pitched = ops.sum(ops.cast(segments[..., :DRUMS], "float32"), axis=-1)  # (N, S, P)
    by_bar = ops.sum(ops.reshape(pitched, (-1, bars_in(steps), steps // bars_in(steps), pitches)), axis=2)
    weights = ops.matmul(by_bar, ops.convert_to_tensor(CLASS_OF_PITCH[:pitches]))  # (N, bars, 12)
    fit = ops.matmul(weights, ops.convert_to_tensor(TRIAD_WEIGHTS))  # (N, bars, 24), the cosine times the length
    chords = ops.cast(ops.argmax(fit, axis=-1), "int32")
    return ops.where(ops.sum(weights, axis=-1) > 0, chords, NONE)


def chord_vectors(chords: Any) -> Any:
    """int32 (N, bars) -> float32 (N, bars * 13): root and mode of each."""
    vectors = ops.take(ops.convert_to_tensor(VECTORS), chords, axis=0)  # (N, bars, 13)
    return ops.reshape(vectors, (-1, chords.shape[1] * CHORD_SIZE))


def over_cells(vectors: Any, bars: int, steps: int, pitches: int) -> Any:
    """float32 (N, bars * 13) -> (N, steps, pitches, n): beside each cell the chord of its bar, n = 13; or, where a step
    is longer than a bar, all of them, n = bars * 13."""
    bars = bars if steps % bars == 0 else 1
    by_bar = ops.reshape(vectors, (-1, bars, 1, 1, vectors.shape[1] // bars))
    by_step = ops.repeat(by_bar, steps // bars, axis=2)  # (N, bars, steps / bars, 1, n)
    by_step = ops.reshape(by_step, (-1, steps, 1, vectors.shape[1] // bars))
    return ops.repeat(by_step, pitches, axis=2)


class ChordGenerator(GrowingLayers):
    """Noise and chords, float (N, Z + bars * 13), and the segments before -> the logit of each cell.

    The sizes of its layers are those of FragmentGenerator (musictool/layers/dcgan.py), and the conditioner's the same,
    backwards.

    Args:
        steps, pitches: S, a multiple of 4, and P.
        width: channels before the last convolution; those before have up to eight times as many.
        instruments: I.
    """

    def __init__(self, steps: int, pitches: int, width: int, instruments: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.bars = bars_in(steps)
        strides, smallest = fitting_strides((steps, pitches), STRIDES)
        self.conditioner = [
            nn.Conv2D(width, kernel, stride, "same", name=f"conditioner_{i + 1}")
            for i, (stride, kernel) in enumerate(zip(strides, CRITIC_KERNELS, strict=True))
        ]
        self._grow(strides, smallest, width, instruments)

    def build(self, shape: Any) -> None:
        """For segments (N, S, P, I) and what they are made of, (N, Z + bars * 13): the two shapes."""
        segments, inputs = shape
        sizes = []  # the sizes that the conditioner goes through
        for convolution in self.conditioner:
            convolution.build(segments)
            segments = convolution.compute_output_shape(segments)
            sizes.append(segments)
        shape = (None, 1, 1, inputs[-1])
        layers = zip(self.convolutions, self.norms, self.activations, reversed(sizes), strict=True)
        for convolution, norm, activation, size in layers:
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            norm.build(shape)
            activation.build(shape)
            chords = CHORD_SIZE * (1 if shape[1] % self.bars == 0 else self.bars)
            shape = (*shape[:3], shape[3] + size[3] + chords)
        self._build_cells(shape)

    def call(self, previous: Any, inputs: Any, training: bool = False) -> Any:
        conditions, x = [], previous
        for convolution in self.conditioner:
            x = ops.leaky_relu(convolution(x), negative_slope=0.2)
            conditions.append(x)
        chords = inputs[:, -self.bars * CHORD_SIZE :]
        x = inputs[:, None, None, :]  # (N, 1, 1, Z + bars * 13)
        layers = zip(self.convolutions, self.norms, self.activations, reversed(conditions), strict=True)
        for convolution, norm, activation, condition in layers:
            x = activation(norm(convolution(x), training=training))
            cells = ops.cast(over_cells(chords, self.bars, x.shape[1], x.shape[2]), x.dtype)
            x = ops.concatenate([x, condition, cells], axis=-1)  # in the end (N, S / 4, P, 2 width + 13)
        return self._logits(x)  # (N, S, P, I)


class ChordCritic(nn.Layer):
    """Segments with the chords of their bars -> float32 (N,), the logit of "real"; by a FragmentCritic, to which the
    chords are 13 more instruments.

    Args:
        steps, pitches, width: see FragmentCritic.
    """

    def __init__(self, steps: int, pitches: int, width: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = (steps, pitches)
        self.inner = FragmentCritic(steps, pitches, width, name="inner")

    def build(self, shape: Any) -> None:
        self.inner.build((*shape[:3], shape[3] + CHORD_SIZE))

    def call(self, segments: Any, chords: Any, training: bool = False) -> tuple[Any, Any]:
        """float (N, S, P, I), float32 (N, bars * 13) -> logits and features, as of FragmentCritic."""
        cells = over_cells(chords, bars_in(self.size[0]), *self.size)
        logits, features = self.inner(ops.concatenate([segments, cells], axis=-1), training=training)
        return logits, features
