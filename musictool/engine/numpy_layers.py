"""The layers of Keras that networks write with, in numpy: what they compute outside training, and their weights.

A weight is a float32 array, zeros until it is loaded (musictool/models/weights.py); initializers do nothing. Names of
attributes are those of Keras, since weight files go by them. Limit: no gradients, no training, no random numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from musictool.engine import numpy_ops as ops
from musictool.engine.numpy_convolutions import Conv1D, Conv2D, Conv2DTranspose, DepthwiseConv2D
from musictool.engine.numpy_layer import Layer, Model, activation_of

__all__ = ["Conv1D", "Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "Layer", "Model"]


class initializers:  # as the module of Keras is called
    """Initializers that give nothing: weights are loaded."""

    RandomNormal = Constant = GlorotUniform = staticmethod(lambda *args, **kwargs: None)


class SeedGenerator:
    """Draws nothing, and has no state."""

    def __init__(self, seed: int | None = None):
        pass


class Dense(Layer):
    """x @ kernel + bias, through an activation."""

    def __init__(self, units: int, activation: Any = None, use_bias: bool = True, **kwargs: Any):
        super().__init__(**kwargs)
        self.units, self.use_bias = units, use_bias
        self.activation = activation_of(activation)

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight((shape[-1], self.units))
        self.bias = self.add_weight((self.units,)) if self.use_bias else None

    def call(self, x: np.ndarray) -> np.ndarray:
        x = np.matmul(x, self.kernel)
        if self.bias is not None:
            x += self.bias
        return self.activation(x)


class Dropout(Layer):
    """Nothing, outside training."""

    def __init__(self, rate: float, **kwargs: Any):
        super().__init__(**kwargs)

    def call(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        return x


class Flatten(Layer):
    """(N, ...) -> (N, numbers)."""

    def call(self, x: np.ndarray) -> np.ndarray:
        return x.reshape(len(x), -1)


class RMSNormalization(Layer):
    """x over its root mean square, times a learned scale."""

    def build(self, shape: Any) -> None:
        self.scale = self.add_weight((shape[-1],))

    def call(self, x: np.ndarray) -> np.ndarray:
        mean = np.square(x).sum(axis=-1, keepdims=True) * np.float32(1 / x.shape[-1])
        return x / np.sqrt(mean + np.float32(1e-6)) * self.scale


class BatchNormalization(Layer):
    """x normalised by the mean and variance of training."""

    def __init__(self, momentum: float = 0.99, **kwargs: Any):
        super().__init__(**kwargs)

    def build(self, shape: Any) -> None:
        self.gamma, self.beta = (self.add_weight((shape[-1],)) for _ in range(2))
        self.moving_mean, self.moving_variance = (self.add_weight((shape[-1],), trainable=False) for _ in range(2))

    def call(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        scale = self.gamma / np.sqrt(self.moving_variance + np.float32(1e-3))
        return x * scale + (self.beta - self.moving_mean * scale)


class PReLU(Layer):
    """x, below 0 times a learned slope."""

    def __init__(self, shared_axes: Sequence[int] = (), **kwargs: Any):
        super().__init__(**kwargs)
        self.shared_axes = shared_axes

    def build(self, shape: Any) -> None:
        self.alpha = self.add_weight(tuple(1 if i in self.shared_axes else n for i, n in enumerate(shape) if i))

    def call(self, x: np.ndarray) -> np.ndarray:
        return np.maximum(x, 0) + self.alpha * np.minimum(x, 0)


# === Recurrent layers: one step at a time ===


class _Cell(Layer):
    """One step of a recurrent layer: x (B, D), [h, ...] (B, W) each -> h, [h, ...]."""

    GATES: int
    STATES = 1

    def __init__(self, units: int):
        super().__init__()
        self.units = units

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight((shape[-1], self.GATES * self.units))
        self.recurrent_kernel = self.add_weight((self.units, self.GATES * self.units))
        self.bias = self.add_weight(self.bias_shape)

    @property
    def bias_shape(self) -> tuple[int, ...]:
        return (self.GATES * self.units,)

    def get_initial_state(self, batch_size: int) -> list[np.ndarray]:
        return [np.zeros((batch_size, self.units), np.float32) for _ in range(self.STATES)]


class LSTMCell(_Cell):
    """Gates i, f, g, o; states h and c."""

    GATES, STATES = 4, 2

    def call(self, x: np.ndarray, states: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        h, c = states
        z = np.matmul(x, self.kernel)
        z += np.matmul(h, self.recurrent_kernel)
        z += self.bias
        width = self.units
        input_and_forget, output = ops.sigmoid(z[:, : 2 * width]), ops.sigmoid(z[:, 3 * width :])
        c = input_and_forget[:, width:] * c
        c += input_and_forget[:, :width] * np.tanh(z[:, 2 * width : 3 * width])
        h = output * np.tanh(c)
        return h, [h, c]


class GRUCell(_Cell):
    """Gates z, r, n, with the reset after the product (reset_after)."""

    GATES = 3

    @property
    def bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units)

    def call(self, x: np.ndarray, states: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        (h,) = states
        width = self.units
        of_x = np.matmul(x, self.kernel) + self.bias[0]
        of_h = np.matmul(h, self.recurrent_kernel) + self.bias[1]
        gates = ops.sigmoid(of_x[:, : 2 * width] + of_h[:, : 2 * width])
        update, reset = gates[:, :width], gates[:, width:]
        candidate = np.tanh(of_x[:, 2 * width :] + reset * of_h[:, 2 * width :])
        h = update * h + (1 - update) * candidate
        return h, [h]


class SimpleRNNCell(_Cell):
    """tanh of the sum of both products."""

    GATES = 1

    def call(self, x: np.ndarray, states: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        h = np.tanh(np.matmul(x, self.kernel) + np.matmul(states[0], self.recurrent_kernel) + self.bias)
        return h, [h]


class _Recurrent(Layer):
    """A cell, over whole windows (B, T, D) -> (B, T, W)."""

    CELL: type[_Cell]

    def __init__(self, units: int, return_sequences: bool = True, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = units
        self.cell = self.CELL(units)

    def build(self, shape: Any) -> None:
        self.cell.build(shape)

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], self.units)

    def call(self, x: np.ndarray) -> np.ndarray:
        states, outputs = self.cell.get_initial_state(len(x)), []
        for t in range(x.shape[1]):
            h, states = self.cell(x[:, t], states)
            outputs.append(h)
        return np.stack(outputs, axis=1)


class LSTM(_Recurrent):
    """See keras.layers.LSTM."""

    CELL = LSTMCell


class GRU(_Recurrent):
    """See keras.layers.GRU."""

    CELL = GRUCell


class SimpleRNN(_Recurrent):
    """See keras.layers.SimpleRNN."""

    CELL = SimpleRNNCell
