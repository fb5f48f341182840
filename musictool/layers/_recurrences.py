"""What LSTM, GRU and SimpleRNN of Keras compute, over whole windows, with gradients worked out by hand.

Keras walks through a window step by step, and its gradient walks back and adds up, at each step, what each weight is to
change. Here all that does not wait for the step before is done for the whole window at once: what comes in times its
weights, and the changes of all weights, as one large product each; the steps keep to what only they can do. On a CPU
this takes half the time. The numbers are Keras's up to rounding. On a GPU Keras calls cuDNN, which is faster still.

Every function here works on windows with time first, float (T, B, ...), and starts from silence: a state of zeros.
Limit: default activations only, no dropout inside, and for a GRU `reset_after`, all of which are Keras's defaults;
`knows` says whether a layer keeps to them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops


def run(layer: Any, x: Any) -> Any:
    """What `layer` (LSTM, GRU or SimpleRNN of Keras, built) says of float (B, T, D), at every step: (B, T, W)."""
    cell = layer.cell
    inward, within = (cell.bias[0], cell.bias[1]) if isinstance(layer, keras.layers.GRU) else (cell.bias, None)
    z = ops.matmul(ops.transpose(x, (1, 0, 2)), ops.cast(cell.kernel, x.dtype)) + ops.cast(inward, x.dtype)
    # A gradient by hand is for tensors: reshaping makes one of a variable.
    weights = [ops.cast(ops.reshape(cell.recurrent_kernel, (layer.units, -1)), x.dtype)]
    if within is not None:
        weights.append(ops.cast(within, x.dtype))
    return ops.transpose(RECURRENCES[type(layer)](z, *weights), (1, 0, 2))


def with_gradient(forward: Callable[..., Any], backward: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose gradient is known.

    Args:
        forward: inputs -> the result, and whatever else `backward` wants.
        backward: gradient of the result, inputs, all that forward gave -> gradient of each input.
    """

    @ops.custom_gradient
    def function(*inputs: Any) -> Any:
        kept = forward(*inputs)

        def gradient(*args: Any, upstream: Any = None) -> Any:
            return backward(args[0] if upstream is None else upstream, inputs, kept)

        return kept[0], gradient

    return function


def _before(states: Any) -> Any:
    """What was there before each step: zeros, and all but the last."""
    return ops.concatenate([ops.zeros_like(states[:1]), states[:-1]], axis=0)


def _weights(states: Any, dz: Any) -> Any:
    """Gradient of recurrent weights, of states (T, B, W) before each step and of what they added, (T, B, n W)."""
    width, wide = states.shape[-1], dz.shape[-1]
    return ops.matmul(ops.transpose(ops.reshape(states, (-1, width))), ops.reshape(dz, (-1, wide)))


def _lstm(z: Any, kernel: Any) -> Any:
    """Input's part (T, B, 4 W), weights (W, 4 W) -> h, c (T, B, W) and the gates i, f, g, o, (T, B, 4 W)."""

    def step(carry: Any, incoming: Any) -> Any:
        h, c, _ = carry
        i, f, g, o = ops.split(incoming[0] + ops.matmul(h, kernel), 4, axis=-1)
        i, f, g, o = ops.sigmoid(i), ops.sigmoid(f), ops.tanh(g), ops.sigmoid(o)
        c = f * c + i * g
        after = o * ops.tanh(c), c, ops.concatenate([i, f, g, o], axis=-1)
        return after, after

    gates = ops.zeros_like(z[0])
    silence = gates[:, : kernel.shape[0]]
    return ops.scan(step, (silence, silence, gates), (z,))[1]


def _lstm_gradient(dh: Any, inputs: Any, kept: Any) -> Any:
    (_, kernel), (h, c, gates) = inputs, kept
    transposed = ops.transpose(kernel)

    def step(carry: Any, incoming: Any) -> Any:
        dh, dc, _ = carry
        up, gates, c, c_before = incoming
        i, f, g, o = ops.split(gates, 4, axis=-1)
        said = ops.tanh(c)
        dh = dh + up
        dc = dc + dh * o * (1 - said * said)
        of_gates = [dc * g * i * (1 - i), dc * c_before * f * (1 - f), dc * i * (1 - g * g), dh * said * o * (1 - o)]
        dz = ops.concatenate(of_gates, axis=-1)
        before = ops.matmul(dz, transposed), dc * f, dz
        return before, before

    nothing = ops.zeros_like(h[0])
    init = nothing, nothing, ops.zeros_like(gates[0])
    *_, dz = ops.scan(step, init, (dh, gates, c, _before(c)), reverse=True)[1]
    return dz, _weights(_before(h), dz)


def _gru(z: Any, kernel: Any, bias: Any) -> Any:
    """Input's part (T, B, 3 W), weights (W, 3 W), bias (3 W,) -> h (T, B, W), and per step what the gradient wants:
    update, reset and candidate (T, B, 3 W), and the state's part of the candidate (T, B, W)."""

    def step(carry: Any, incoming: Any) -> Any:
        h = carry[0]
        u, r, n = ops.split(incoming[0], 3, axis=-1)
        hu, hr, hn = ops.split(ops.matmul(h, kernel) + bias, 3, axis=-1)
        u, r = ops.sigmoid(u + hu), ops.sigmoid(r + hr)
        n = ops.tanh(n + r * hn)
        after = u * h + (1 - u) * n, ops.concatenate([u, r, n], axis=-1), hn
        return after, after

    gates = ops.zeros_like(z[0])
    silence = gates[:, : kernel.shape[0]]
    return ops.scan(step, (silence, gates, silence), (z,))[1]


def _gru_gradient(dh: Any, inputs: Any, kept: Any) -> Any:
    (_, kernel, _), (h, gates, of_state) = inputs, kept
    transposed = ops.transpose(kernel)

    def step(carry: Any, incoming: Any) -> Any:
        dh = carry[0] + incoming[0]
        _, gates, hn, h_before = incoming
        u, r, n = ops.split(gates, 3, axis=-1)
        dn = dh * (1 - u) * (1 - n * n)
        du, dr = dh * (h_before - n) * u * (1 - u), dn * hn * r * (1 - r)
        dz, within = ops.concatenate([du, dr, dn], axis=-1), ops.concatenate([du, dr, dn * r], axis=-1)
        before = dh * u + ops.matmul(within, transposed), dz, within
        return before, before

    earlier = _before(h)
    nothing = ops.zeros_like(gates[0])
    init = ops.zeros_like(h[0]), nothing, nothing
    _, dz, within = ops.scan(step, init, (dh, gates, of_state, earlier), reverse=True)[1]
    return dz, _weights(earlier, within), ops.sum(within, axis=(0, 1))


def _simple(z: Any, kernel: Any) -> Any:
    """Input's part (T, B, W), weights (W, W) -> h (T, B, W)."""

    def step(carry: Any, incoming: Any) -> Any:
        after = (ops.tanh(incoming[0] + ops.matmul(carry[0], kernel)),)
        return after, after

    return ops.scan(step, (ops.zeros_like(z[0]),), (z,))[1]


def _simple_gradient(dh: Any, inputs: Any, kept: Any) -> Any:
    (_, kernel), (h,) = inputs, kept
    transposed = ops.transpose(kernel)

    def step(carry: Any, incoming: Any) -> Any:
        dh = carry[0] + incoming[0]
        dz = dh * (1 - incoming[1] * incoming[1])
        before = ops.matmul(dz, transposed), dz
        return before, before

    nothing = ops.zeros_like(h[0])
    _, dz = ops.scan(step, (nothing, nothing), (dh, h), reverse=True)[1]
    return dz, _weights(_before(h), dz)


RECURRENCES = {
    keras.layers.LSTM: with_gradient(_lstm, _lstm_gradient),
    keras.layers.GRU: with_gradient(_gru, _gru_gradient),
    keras.layers.SimpleRNN: with_gradient(_simple, _simple_gradient),
}

_DEFAULTS = {
    "activation": keras.activations.tanh,
    "recurrent_activation": keras.activations.sigmoid,
    "use_bias": True,
    "dropout": 0,
    "recurrent_dropout": 0,
    "reset_after": True,
    "go_backwards": False,
}


def knows(layer: Any) -> bool:
    """Whether `run` computes what a recurrent layer of Keras does."""
    return type(layer) in RECURRENCES and all(getattr(layer, key, value) == value for key, value in _DEFAULTS.items())
