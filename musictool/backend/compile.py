"""Functions compiled as a whole, and their gradients, on every backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from musictool.engine.current import computed_by_numpy, current


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, compiled: tensors in, tensors out; it reads Keras variables and changes none.

    On TensorFlow it is one graph, traced again only for inputs of another rank or type. On JAX it is traced again for
    every new shape. On another Keras backend, and in numpy, it is the function as it was.
    """
    if current() == "numpy":
        return computed_by_numpy(function)
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        graph: Callable[..., Any] = tf.function(function, reduce_retracing=True, autograph=False)
        return graph
    if backend == "jax":
        from musictool.backend._jax_compile import jitted

        return jitted(function)
    return function


def gradient(function: Callable[[Any], Any], x: Any) -> Any:
    """The gradient of the sum of function(x) with respect to x, of the shape of x; it has a gradient itself.

    Args:
        function: tensor -> tensor. On JAX it changes no variable.
        x: float tensor.

    Raises:
        NotImplementedError: on a Keras backend other than TensorFlow and JAX.
    """
    import keras

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
