"""A segment of one instrument as a few hundred numbers: keys to a step, steps to a beat, beats to the whole.

The weights are the same for each step and for each beat, so that a figure is known again wherever in the segment it
stands. All of it is matrix products, which a CPU does several times as fast as the convolutions of SegmentEncoder.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

BEAT_STEPS = 4


class BeatEncoder(keras.layers.Layer):
    """0/1 (N, S, P) -> float (N, 2 width).

    Args:
        width: numbers that stand for a beat, a multiple of BEAT_STEPS; a quarter as many stand for a step.
        forget: share of the cells that are silenced in training.
    """

    def __init__(self, width: int, forget: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.width = width
        self.forget = keras.layers.Dropout(forget)
        self.step, self.beat, self.whole = (
            keras.layers.Dense(units, activation="leaky_relu", name=name)
            for units, name in ((width // BEAT_STEPS, "step"), (width, "beat"), (2 * width, "whole"))
        )

    def build(self, shape: Any) -> None:
        _, steps, pitches = shape
        self.beats = steps // BEAT_STEPS
        self.step.build((None, steps, pitches))
        self.beat.build((None, self.beats, self.width))
        self.whole.build((None, self.beats * self.width))

    def compute_output_shape(self, shape: Any) -> Any:
        return (shape[0], 2 * self.width)

    def call(self, segments: Any, training: bool = False) -> Any:
        x = self.step(self.forget(segments, training=training))  # (N, S, width / 4)
        x = self.beat(ops.reshape(x, (-1, self.beats, self.width)))
        return self.whole(ops.reshape(x, (-1, self.beats * self.width)))
