"""Which pitch classes suit a beat, alike in every key: a generator would else have to find each key out by itself.

What sounded in the beats before, as pitch classes on a circle of twelve, is heard by filters that go round it: the same
music a third higher gives the same answer a third higher.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from musictool.layers.beat_encoder import BEAT_STEPS
from musictool.layers.pitch_classes import OCTAVE, around, chroma
from musictool.music.instruments import DRUMS


class Harmony(keras.layers.Layer):
    """Before 0/1 (N, S, P, I), noise (N, Z) -> float32 (N, S, P, I), what is added to the log-odds; 0 for drums.

    Args:
        width: channels of the filters.
    """

    def __init__(self, width: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.mood = keras.layers.Dense(width, use_bias=False, name="mood")
        self.hear = keras.layers.Conv1D(width, OCTAVE, name="hear")
        self.width = width

    def build(self, before: Any, noise: Any) -> None:
        _, steps, self.pitches, instruments = before
        self.beats, self.instruments = steps // BEAT_STEPS, instruments
        self.mood.build(noise)
        self.hear.build((None, None, self.beats * instruments))
        self.say = keras.layers.Conv1D(self.beats * instruments, OCTAVE, name="say")
        self.say.build((None, None, self.width))

    def call(self, before: Any, noise: Any) -> Any:
        classes = ops.reshape(chroma(before), (-1, self.beats, BEAT_STEPS, OCTAVE, self.instruments))
        classes = ops.transpose(ops.sum(classes, axis=2), (0, 2, 1, 3))  # (N, 12, beats, I)
        x = ops.reshape(ops.log1p(classes), (-1, OCTAVE, self.beats * self.instruments))
        x = ops.leaky_relu(self.hear(around(x)) + self.mood(noise)[:, None], 0.2)
        said = ops.reshape(self.say(around(x)), (-1, OCTAVE, self.beats, self.instruments))
        said = ops.take(said, np.arange(self.pitches) % OCTAVE, axis=1)  # (N, P, beats, I)
        said = ops.repeat(ops.transpose(said, (0, 2, 1, 3)), BEAT_STEPS, axis=1)
        return ops.cast(said, "float32") * (np.arange(self.instruments) != DRUMS).astype(np.float32)
