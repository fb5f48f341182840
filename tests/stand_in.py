"""What stands in the place of a network of a token arch, where a test needs to know what it predicts."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class StandIn(keras.layers.Layer):
    """A network without a state, whose features are its logits. A subclass has `step`."""

    def initial_state(self, batch_size: int) -> Any:
        return ops.zeros((batch_size, 1))

    def constants(self) -> Any:
        return ()

    def logits(self, features: Any, constants: Any) -> Any:
        return features

    def nll(self, features: Any, token: Any, constants: Any) -> Any:
        return ops.zeros_like(token, dtype="float32")
