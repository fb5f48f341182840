"""The mirror of a BeatEncoder: a few numbers become beats, steps, and the log-odds of the cells of a segment."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from musictool.layers.beat_encoder import BEAT_STEPS
from musictool.layers.segment_decoder import RARE


class BeatDecoder(keras.layers.Layer):
    """Float (N, Z) -> float32 (N, S, P), log-odds of each cell.

    Args:
        width: numbers that stand for a beat, a multiple of BEAT_STEPS.
        dropout: share of the numbers behind each of the first two layers that are left out in training.
        steps, pitches: S, a multiple of BEAT_STEPS, and P.
    """

    def __init__(self, width: int, dropout: float = 0.0, steps: int = 32, pitches: int = 128, **kwargs: Any):
        super().__init__(**kwargs)
        self.dropout = keras.layers.Dropout(dropout)
        self.width, self.steps, self.beats = width, steps, steps // BEAT_STEPS
        self.whole, self.spread, self.beat = (
            keras.layers.Dense(units, activation="leaky_relu", name=name)
            for units, name in ((2 * width, "whole"), (self.beats * width, "spread"), (width, "beat"))
        )
        rare = keras.initializers.Constant(RARE)  # else it takes an epoch to learn that most cells are silent
        self.step = keras.layers.Dense(pitches, bias_initializer=rare, name="step")

    def build(self, shape: Any) -> None:
        self.whole.build(shape)
        self.spread.build((None, 2 * self.width))
        self.beat.build((None, self.beats, self.width))
        self.step.build((None, self.steps, self.width // BEAT_STEPS))

    def call(self, numbers: Any, training: bool = False) -> Any:
        x = self.dropout(self.whole(numbers), training=training)
        x = self.dropout(self.spread(x), training=training)
        x = self.beat(ops.reshape(x, (-1, self.beats, self.width)))
        return ops.cast(self.step(ops.reshape(x, (-1, self.steps, self.width // BEAT_STEPS))), "float32")
