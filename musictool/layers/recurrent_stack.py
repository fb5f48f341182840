"""Recurrent layers on top of one another, for whole windows and for one step at a time."""

from __future__ import annotations

from typing import Any

from musictool.engine import nn
from musictool.engine.current import current


class RecurrentStack(nn.Layer):
    """Recurrent layers with dropout after each; each but the first adds its input to its output.

    The sum (as in residual networks, He 2016) is what lets two layers learn as fast as one.

    Called on float (B, T, D) it gives (B, T, W) for training; `step` does the same for one position with the state
    passed in and out, which is how a piece is written. Both use the same weights, and the layers keep to what cuDNN
    supports (no recurrent dropout, default activations). Without a GPU, windows go through _recurrences.py, which
    computes the same faster; a layer with other settings goes through Keras.

    Args:
        layer: LSTM, GRU or SimpleRNN, by name; or what makes one of a width, return_sequences and name.
        width: W, hidden units per layer.
        layers: number of layers.
        dropout: dropout rate, after each layer.
    """

    def __init__(self, layer: Any, width: int, layers: int, dropout: float, **kwargs: Any):
        super().__init__(**kwargs)
        make = getattr(nn, layer) if isinstance(layer, str) else layer
        self.recurrent = [make(width, return_sequences=True, name=f"recurrent_{i}") for i in range(layers)]
        self.dropout = [nn.Dropout(dropout, name=f"dropout_{i}") for i in range(layers)]

    def build(self, shape: Any) -> None:
        for layer in self.recurrent:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], self.recurrent[-1].units)

    def call(self, x: Any, training: bool = False) -> Any:
        for i, (layer, dropout) in enumerate(zip(self.recurrent, self.dropout, strict=True)):
            y = dropout(_window(layer, x), training=training)  # (B, T, W)
            x = x + y if i else y
        return x

    def initial_state(self, batch_size: int) -> list[Any]:
        """Zeros: for each layer a list of (B, W), of an LSTM h and c."""
        return [layer.cell.get_initial_state(batch_size=batch_size) for layer in self.recurrent]

    def step(self, x: Any, state: list[Any]) -> tuple[Any, list[Any]]:
        """One position: (B, D) and the state before it -> (B, W) and the state after it."""
        new_state = []
        for i, (layer, layer_state) in enumerate(zip(self.recurrent, state, strict=True)):
            y, layer_state = layer.cell(x, layer_state)  # (B, W)
            x = x + y if i else y
            new_state.append(layer_state)
        return x, new_state


def _window(layer: Any, x: Any) -> Any:
    """A recurrent layer on float (B, T, D): (B, T, W)."""
    if current() == "numpy":
        return layer(x)
    import keras

    from musictool.layers import _recurrences

    on_cpu = keras.distribution.list_devices()[0].startswith("cpu")
    return _recurrences.run(layer, x) if on_cpu and _recurrences.supports(layer) else layer(x)
