"""How much two bars for a band, behind two others, look like people's: four looks at them, and a number.

Source: the streams are those of H.-W. Dong and Y.-H. Yang's binary-neuron MuseGAN (2018): beside the cells themselves a
critic sees where notes begin and which pitch classes sound whatever their octave, so that rhythm and harmony need not
be found out from pixels; here also what stays as it was a segment ago, and how well all that sounds, and that sounded
before, fits a few sets of pitch classes, in whichever key it fits best. No batch normalisation, with which the gradient
penalty of Gulrajani et al. (2017) does not go, since it is meant for each example alone.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from musictool.layers.pitch_classes import OCTAVE, around, chroma

KERNEL, STRIDE = 4, 2
TIMES = (1, 2, 4, 4)


class BandCritic(keras.layers.Layer):
    """Before, segments, float (N, S, P, I) -> float32 (N,), any number, the higher the more like people's.

    Args:
        width: channels after the first convolution; the next have up to four times as many.
    """

    def __init__(self, width: int, **kwargs: Any):
        super().__init__(dtype="float32", **kwargs)
        self.rolls = _stack(width, TIMES, "roll")
        self.chroma = [
            keras.layers.Conv2D(width, (4, OCTAVE), (4, 1), "valid", name="chroma_1"),
            keras.layers.Conv2D(2 * width, (4, 1), (2, 1), "same", name="chroma_2"),
        ]
        self.keys = keras.layers.Conv1D(2 * width, OCTAVE, name="keys")
        self.dense = keras.layers.Dense(8 * width, name="dense")
        self.verdict = keras.layers.Dense(1, use_bias=False, name="verdict")  # whose height means nothing

    def build(self, shape: Any) -> None:
        _, steps, pitches, instruments = shape
        size = 0
        streams = (
            (self.rolls, (None, steps, pitches, 4 * instruments)),
            (
                self.chroma,
                (None, steps, 2 * OCTAVE - 1, 2 * instruments),
            ),
        )
        for convolutions, its in streams:
            for convolution in convolutions:
                convolution.build(its)
                its = convolution.compute_output_shape(its)
            size += int(its[1] * its[2] * its[3])
        self.keys.build((None, None, 2 * instruments))
        self.dense.build((None, size + self.keys.filters))
        self.verdict.build((None, self.dense.units))

    def call(self, before: Any, segments: Any) -> Any:
        last = ops.concatenate([before[:, -1:], segments[:, :-1]], axis=1)
        x = ops.concatenate([before, segments, before * segments, ops.relu(segments - last)], axis=-1)  # (N, S, P, 4 I)
        both = ops.concatenate([chroma(before), chroma(segments)], axis=-1)  # (N, S, 12, 2 I)
        looks = _through(self.rolls, x), _through(self.chroma, around(both))
        features = [ops.reshape(each, (ops.shape(each)[0], -1)) for each in looks]
        shares = ops.sum(both, axis=1)  # (N, 12, 2 I)
        shares = shares / (1 + ops.sum(shares, axis=1, keepdims=True))
        fits = self.keys(around(shares))  # (N, 12, 2 width), in each key
        features = ops.concatenate([*features, ops.max(fits, axis=1)], axis=-1)
        return self.verdict(ops.leaky_relu(self.dense(features), 0.2))[:, 0]


def _stack(width: int, times: tuple[int, ...], name: str) -> list[keras.layers.Layer]:
    return [
        keras.layers.Conv2D(width * each, KERNEL, STRIDE, "same", name=f"{name}_{i + 1}")
        for i, each in enumerate(times)
    ]


def _through(convolutions: list[Any], x: Any) -> Any:
    for convolution in convolutions:
        x = ops.leaky_relu(convolution(x), 0.2)
    return x
