"""The layers, initializers and random numbers of Keras in one place, as numpy_layers.py has them."""

from __future__ import annotations

from typing import Any

import keras
from keras import Model, initializers, random
from keras.layers import Layer
from keras.random import SeedGenerator

__all__ = ["Layer", "Model", "SeedGenerator", "initializers", "random"]


def __getattr__(name: str) -> Any:
    return getattr(keras.layers, name)
