"""Functions as graphs, whatever computes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function as one TensorFlow graph, traced again only for inputs of another rank or type.

    On another Keras backend it is the function as it was.
    """
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    graph: Callable[..., Any] = tf.function(function, reduce_retracing=True, autograph=False)
    return graph
