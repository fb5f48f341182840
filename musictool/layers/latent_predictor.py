"""From the numbers of segments that are known to those of one that is not."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class LatentPredictor(keras.layers.Layer):
    """Float (N, Z) of each segment heard -> two dense layers -> float32 (N, Z), with a straight way beside them.

    Args:
        hidden: units of a dense layer.
        latent: Z.
        heard: segments that it hears.
    """

    def __init__(self, hidden: int, latent: int, heard: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.heard, self.latent = heard, latent
        self.dense = [keras.layers.Dense(hidden, activation="leaky_relu", name=f"dense_{i + 1}") for i in range(2)]
        self.straight = keras.layers.Dense(latent, use_bias=False, dtype="float32", name="straight")
        self.out = keras.layers.Dense(latent, dtype="float32", name="out")

    def build(self, shape: Any) -> None:
        known, hidden = (None, self.heard * self.latent), (None, self.dense[0].units)
        self.dense[0].build(known)
        self.dense[1].build(hidden)
        self.straight.build(known)
        self.out.build(hidden)

    def call(self, *heard: Any) -> Any:
        known = ops.concatenate(heard, axis=-1)
        x = known
        for dense in self.dense:
            x = dense(x)
        return self.straight(known) + self.out(x)
