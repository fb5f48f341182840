"""Functions compiled as a whole, and their gradients, on every backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, compiled: tensors in, tensors out; it reads Keras variables and changes none.

    On TensorFlow it is one graph, traced again only for inputs of another rank or type. On JAX it is traced again for
    every new shape. On another Keras backend it is the function as it was.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        graph: Callable[..., Any] = tf.function(function, reduce_retracing=True, autograph=False)
        return graph
    return _jitted(function) if backend == "jax" else function


def gradient(function: Callable[[Any], Any], x: Any) -> Any:
    """The gradient of the sum of function(x) with respect to x, of the shape of x; it has a gradient itself.

    Args:
        function: tensor -> tensor. On JAX it changes no variable.
        x: float tensor.

    Raises:
        NotImplementedError: on a Keras backend other than TensorFlow and JAX.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(x)
            total = keras.ops.sum(function(x))
        return tape.gradient(total, x)
    if backend == "jax":
        import jax

        return jax.grad(lambda values: keras.ops.sum(function(values)))(x)
    raise NotImplementedError(f"no gradient by {backend}")


def _jitted(function: Callable[..., Any]) -> Callable[..., Any]:
    """By JAX, with the variables that it reads as inputs: otherwise their values of today would be constants of the
    program."""
    import jax

    variables: list[Any] = []

    @jax.jit
    def run(values: list[Any], args: Any) -> Any:
        with keras.StatelessScope([*zip(variables, values, strict=True)]):
            return function(*args)

    def call(*args: Any) -> Any:
        if not variables:
            with _Reads() as reads:
                jax.eval_shape(function, *args)
            variables.extend(reads.variables.values())
        return run([variable.value for variable in variables], args)

    return call


class _Reads(keras.StatelessScope):
    """Notes which variables are read."""

    def __init__(self) -> None:
        super().__init__()
        self.variables: dict[int, Any] = {}

    def get_current_value(self, variable: Any) -> Any:
        self.variables.setdefault(id(variable), variable)
        return super().get_current_value(variable)
