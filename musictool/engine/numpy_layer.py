"""The base classes of networks in numpy: their weights, and where these lie in a weight file of Keras."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import prod
from typing import Any

import numpy as np

from musictool.engine import numpy_ops as ops

_left: ContextVar[list[int] | None] = ContextVar("left", default=None)


@contextmanager
def at_most(parameters: int) -> Iterator[None]:
    """In this block networks get no more than so many parameters together: ValueError, before memory is taken."""
    token = _left.set([parameters])
    try:
        yield
    finally:
        _left.reset(token)


class Layer:
    """What keras.layers.Layer is to networks that only write: weights, `build`, and `call` behind a call."""

    compute_dtype = dtype_policy = "float32"

    def __init__(
        self, name: str | None = None, dtype: Any = None, kernel_initializer: Any = None, bias_initializer: Any = None
    ):
        self.name = name
        self._trainable: list[np.ndarray] = []
        self._counted: list[np.ndarray] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.call(*args, **kwargs)  # type: ignore[attr-defined]

    def build(self, shape: Any) -> None:
        """A layer without weights has nothing to build."""

    def add_weight(
        self, shape: tuple[int, ...], initializer: Any = None, trainable: bool = True, **_: Any
    ) -> np.ndarray:
        """float32 zeros of this shape, until they are loaded. Raises ValueError for more than `at_most` allows."""
        left = _left.get()
        if left is not None:
            left[0] -= prod(shape)
            if left[0] < 0:
                raise ValueError("it describes a network of more parameters than its weight files hold")
        weight = np.zeros(shape, np.float32)
        (self._trainable if trainable else self._counted).append(weight)
        return weight

    @property
    def own_weights(self) -> list[np.ndarray]:
        """The weights of this layer and not of those in it, in the order in which Keras saves them."""
        return [*self._trainable, *self._counted]

    def load_own_variables(self, store: Any) -> None:
        """Take the own weights from {"0": array, "1": array, ...}. Raises KeyError, ValueError for others."""
        if len(store) != len(self.own_weights):
            raise ValueError(f"{len(store)} arrays in the place of {len(self.own_weights)}")
        for number, weight in enumerate(self.own_weights):
            values = store[str(number)]
            if values.shape != weight.shape:
                raise ValueError(f"an array of shape {values.shape} in the place of one of {weight.shape}")
            weight[...] = values

    @property
    def trainable_variables(self) -> list[np.ndarray]:
        """The weights of this layer and of those in it that training moves."""
        return [weight for _, layer in self.saved_layers() for weight in layer._trainable]

    def saved_layers(self) -> Iterator[tuple[str, Layer]]:
        """This layer and all in it, each with its path in a weight file: the names of attributes, as Keras goes through
        them, and in lists those of classes, numbered."""
        yield from _walk("", self, set())


class Model(Layer):
    """What keras.Model is to them. Keras gives it an attribute `layers`, which weight files go by as well."""


def _walk(path: str, value: Any, visited: set[int]) -> Iterator[tuple[str, Layer]]:
    if id(value) in visited:
        return
    visited.add(id(value))
    if isinstance(value, Layer):
        yield path, value
        attributes = vars(value)
        if isinstance(value, Model):
            attributes = {**attributes, "layers": [*_layers_in(list(attributes.values()))]}
        children = sorted(attributes.items(), key=lambda item: f"~{item[0]}" if item[0][0] == "_" else item[0])
    elif isinstance(value, list | tuple | dict):
        counts: dict[str, int] = {}
        children = []
        for child in value.values() if isinstance(value, dict) else value:
            if not isinstance(child, Layer | list | tuple | dict):
                continue
            name = _snake_case(type(child).__name__) if isinstance(child, Layer) else "container"
            number = counts[name] = counts.get(name, -1) + 1
            children.append((f"{name}_{number}" if number else name, child))
    else:
        return
    for name, child in children:
        yield from _walk(f"{path}/{name}" if path else name, child, visited)


def _layers_in(value: Any) -> Iterator[Layer]:
    """The layers of nested lists, without those within them."""
    if isinstance(value, Layer):
        yield value
    elif isinstance(value, list | tuple | dict):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _layers_in(child)


def _snake_case(name: str) -> str:
    """Keras's name of a class: TiedEmbedding -> tied_embedding."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def activation_of(activation: Any) -> Callable[[np.ndarray], np.ndarray]:
    """An activation by its name in Keras."""
    if activation is None:
        return lambda x: x
    function: Callable[[np.ndarray], np.ndarray] = getattr(ops, activation)
    return function
