"""What stands in the place of a network of a token arch, where a test needs to know what it predicts."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class StandIn(keras.layers.Layer):
    """A network without a state, whose features are its logits. A subclass has `listen`."""

    def __init__(self) -> None:
        super().__init__()
        self.symbols = self.body = self

    def vectors(self) -> Any:
        return None

    def initial_state(self, batch_size: int) -> Any:
        return ops.zeros((batch_size, 1))

    def predict_next(self, features: Any, vectors: Any) -> Any:
        return features
