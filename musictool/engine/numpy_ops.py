"""The functions of `keras.ops` that networks write with, in numpy: the same arguments, the same numbers in float32.

Only what steps of archs, heads and rules of sampling call is here. Python's numbers do not widen an array: what is
float32 stays so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = Any  # np.ndarray, or what becomes one

_ADD: Any = np.add.reduce
_MAXIMUM: Any = np.maximum.reduce

# What numpy has under the same name, with the same arguments.
SAME = """
    abs add all any argmax broadcast_to cumsum exp expand_dims expm1 flip log log1p logical_and matmul maximum
    mean min minimum mod repeat reshape shape sort split sqrt square stack swapaxes tanh transpose zeros_like
"""
globals().update({name: getattr(np, name) for name in SAME.split()})

# === Arrays ===


def convert_to_tensor(x: Array, dtype: Any = None) -> np.ndarray:
    return np.asarray(x, dtype)


def convert_to_numpy(x: Array) -> np.ndarray:
    return np.asarray(x)


def cast(x: Array, dtype: Any) -> np.ndarray:
    return np.asarray(x).astype(dtype, copy=False)


def zeros(shape: Any, dtype: Any = "float32") -> np.ndarray:
    return np.zeros(shape, dtype)


def ones(shape: Any, dtype: Any = "float32") -> np.ndarray:
    return np.ones(shape, dtype)


def ones_like(x: Array, dtype: Any = None) -> np.ndarray:
    return np.ones_like(x, dtype)


def full(shape: Any, fill_value: Any, dtype: Any = "float32") -> np.ndarray:
    return np.full(shape, fill_value, dtype)


def arange(*args: Any, dtype: Any = "int32") -> np.ndarray:
    return np.arange(*args, dtype=dtype)


def take_along_axis(x: Array, indices: Array, axis: int) -> np.ndarray:
    if axis == -1 and x.ndim == 2:  # the same, and several times as fast
        return np.asarray(x[np.arange(len(x))[:, None], indices])
    return np.take_along_axis(x, indices, axis)


def take(x: Array, indices: Array, axis: int | None = None) -> np.ndarray:
    return np.take(x, indices, axis)


def concatenate(xs: Sequence[Array], axis: int = 0) -> np.ndarray:
    return np.concatenate(xs, axis)


def pad(x: Array, pad_width: Any, constant_values: Any = 0) -> np.ndarray:
    # what np.pad does, several times as fast
    widths = list(zip(x.shape, pad_width, strict=True))
    padded = np.full([before + size + after for size, (before, after) in widths], constant_values, x.dtype)
    padded[tuple(slice(before, before + size) for size, (before, _) in widths)] = x
    return padded


def where(condition: Array, x: Array, y: Array) -> np.ndarray:
    x, y = (np.float32(value) if isinstance(value, float) else value for value in (x, y))
    return np.asarray(np.where(condition, x, y))


def clip(x: Array, lowest: Any, highest: Any) -> np.ndarray:
    return np.minimum(np.maximum(x, lowest), highest)


def one_hot(x: Array, num_classes: int) -> np.ndarray:
    return (np.asarray(x)[..., None] == np.arange(num_classes)).astype(np.float32)


def einsum(subscripts: str, *operands: Array) -> np.ndarray:
    return np.asarray(np.einsum(subscripts, *operands, optimize=True))


def top_k(x: Array, k: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(-x, axis=-1, kind="stable")[..., :k]
    return np.take_along_axis(x, order, axis=-1), order


def sum(x: Array, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A001
    return _ADD(x, axis, keepdims=keepdims)  # np.sum takes twice as long for a short array


def max(x: Array, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A001
    return _MAXIMUM(x, axis, keepdims=keepdims)


def stop_gradient(x: Array) -> Array:
    return x


# === Functions of numbers ===


def sigmoid(x: Array) -> np.ndarray:
    x = np.tanh(np.multiply(x, 0.5))  # as a tanh, it never overflows
    x *= 0.5
    x += 0.5
    return x


def relu(x: Array) -> np.ndarray:
    return np.maximum(x, 0)


def leaky_relu(x: Array, negative_slope: float = 0.2) -> np.ndarray:
    return np.maximum(x, 0) + np.minimum(x, 0) * negative_slope


def softplus(x: Array) -> np.ndarray:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def softmax(x: Array, axis: int = -1) -> np.ndarray:
    weights = np.exp(x - _MAXIMUM(x, axis, keepdims=True))
    weights /= _ADD(weights, axis, keepdims=True)
    return weights


def log_softmax(x: Array, axis: int = -1) -> np.ndarray:
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def sparse_categorical_crossentropy(target: Array, output: Array, from_logits: bool = False) -> np.ndarray:
    if not from_logits:
        raise NotImplementedError("of probabilities")
    return -np.take_along_axis(log_softmax(output), np.asarray(target, np.int64)[..., None], axis=-1)[..., 0]


# === Control ===


def cond(pred: Array, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    return true_fn() if pred else false_fn()


def fori_loop(lower: Any, upper: Any, body_fun: Callable[[int, Any], Any], init_val: Any) -> Any:
    for i in range(int(lower), int(upper)):
        init_val = body_fun(i, init_val)
    return init_val


def while_loop(cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any) -> Any:
    while cond(*loop_vars):
        loop_vars = body(*loop_vars)
    return loop_vars
