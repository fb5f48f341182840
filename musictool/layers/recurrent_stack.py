"""Recurrent layers on top of one another, for whole windows and for one step at a time."""

from __future__ import annotations

from typing import Any

import keras

from musictool.layers import _recurrences


class RecurrentStack(keras.layers.Layer):
    """`depth` recurrent layers with dropout after each; each but the first adds to what the one below it says.

    The sum (as in residual networks, He 2016) is what lets two layers learn as fast as one.

    Called on float (B, T, D) it gives (B, T, width) for training; `step` does the same for one position with the state
    carried by hand, which is how a piece is written. Both use the same weights, and the layers keep to what cuDNN asks
    for (no recurrent dropout, default activations). Where there is no GPU, windows go through _recurrences.py; a layer
    that is set otherwise goes through Keras.

    Args:
        layer: keras.layers.LSTM, GRU or SimpleRNN, or what makes one of a width, return_sequences and name.
        width: units of each layer.
        depth: number of layers.
        dropout: share of outputs dropped after each layer in training.
    """

    def __init__(self, layer: Any, width: int, depth: int, dropout: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.recurrent = [layer(width, return_sequences=True, name=f"recurrent_{i}") for i in range(depth)]
        self.dropout = [keras.layers.Dropout(dropout, name=f"dropout_{i}") for i in range(depth)]

    def build(self, shape: Any) -> None:
        for layer in self.recurrent:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], self.recurrent[-1].units)

    def call(self, x: Any, training: bool = False) -> Any:
        for i, (layer, dropout) in enumerate(zip(self.recurrent, self.dropout, strict=True)):
            y = dropout(self.hear(layer, x), training=training)  # (B, T, width)
            x = x + y if i else y
        return x

    def hear(self, layer: Any, x: Any) -> Any:
        """What a layer says of float (B, T, D): (B, T, width)."""
        on_cpu = keras.distribution.list_devices()[0].startswith("cpu")
        return _recurrences.run(layer, x) if on_cpu and _recurrences.knows(layer) else layer(x)

    def initial_state(self, batch_size: int) -> list[Any]:
        """The state before anything was heard: one list of (B, width) a layer."""
        return [layer.cell.get_initial_state(batch_size=batch_size) for layer in self.recurrent]

    def step(self, x: Any, state: list[Any]) -> tuple[Any, list[Any]]:
        """One position: (B, D) and the state -> (B, width) and the state after it."""
        after = []
        for i, (layer, before) in enumerate(zip(self.recurrent, state, strict=True)):
            y, carried = layer.cell(x, before)
            x = x + y if i else y
            after.append(carried)
        return x, after
