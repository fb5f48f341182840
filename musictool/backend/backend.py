"""Which library computes, on which devices and in which precision: the door to this folder.

What is TensorFlow's own stands in _tensorflow.py and _replicas.py, what is JAX's in _jax.py; archs and layers know only
`keras` and `keras.ops`, and a run (musictool/training/run.py) never asks which strategy it has. Importing this imports
neither; calling anything of it does.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

from musictool.backend.machines import Placement, machines
from musictool.backend.precision import chosen_precision
from musictool.errors import BadOption

if TYPE_CHECKING:
    from musictool.backend.strategy import Strategy


@cache
def current() -> ModuleType:
    """The module of the Keras backend in use. Raises BadOption for one that musictool does not compute with."""
    import keras

    name = keras.backend.backend()
    if name == "tensorflow":
        from musictool.backend import _tensorflow

        return _tensorflow
    if name == "jax":
        from musictool.backend import _jax

        return _jax
    raise BadOption(f"KERAS_BACKEND is {name}; musictool computes with tensorflow or jax")


def prepare_devices() -> bool:
    """Make the devices ready to compute, and to compute the same every time; returns whether there is a GPU."""
    return bool(current().prepare_devices())


def device_name() -> str:
    """What the network runs on, for people."""
    return str(current().device_name())


def versions() -> dict[str, str]:
    """The library that computes, and its version."""
    return dict(current().versions())


@cache
def one_device() -> Strategy:
    """The strategy of one device."""
    strategy: Strategy = current().OneDevice()
    return strategy


def chosen_strategy(placement: Placement) -> Strategy:
    """The strategy that a user asks for. Raises BadOption for one that cannot be had here."""
    strategy: Strategy = current().chosen(placement.strategy, machines(placement))
    return strategy


def configure(precision: str, seed: int, bfloat16_on_cpu: bool = True) -> str:
    """Make ready for a run: devices, names, seed, precision. Returns the precision chosen (see precision.py).

    Args:
        bfloat16_on_cpu: whether a CPU may choose bfloat16, where it may choose.
    """
    import keras

    policy = chosen_precision(precision, prepare_devices(), None if bfloat16_on_cpu else "")
    keras.utils.clear_session()  # names of layers count from the beginning, and so do those in weight files
    keras.config.set_dtype_policy(policy)  # after clear_session, which would forget it
    keras.utils.set_random_seed(seed)
    return policy
