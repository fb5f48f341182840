"""Where and how numbers are computed: devices, machines, precision, the training step.

What is TensorFlow's own stands in _tensorflow.py and _replicas.py, what is JAX's in _jax.py; archs and layers know only
`keras` and `keras.ops`, and a run (musictool/training/fitting.py) never asks which strategy it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from musictool.errors import BadOption
from musictool.strategy._base import Strategy, counted_sums
from musictool.strategy._precision import chosen_precision, precision_within
from musictool.training.machines import machines
from musictool.training.wishes import Precision

if keras.backend.backend() == "tensorflow":
    from musictool.strategy import _tensorflow as backend
elif keras.backend.backend() == "jax":
    from musictool.strategy import _jax as backend  # type: ignore[no-redef]
else:
    raise BadOption(f"KERAS_BACKEND is {keras.backend.backend()}; musictool computes with tensorflow or jax")

__all__ = [
    "Strategy",
    "chosen",
    "counted_sums",
    "device_name",
    "one",
    "optimizers_for",
    "precision_within",
    "prepare",
    "prepare_devices",
    "training_step",
    "validation_step",
    "versions",
]

prepare_devices = backend.prepare_devices
device_name = backend.device_name
versions = backend.versions
one = backend.OneDevice()
optimizers_for, training_step, validation_step = one.optimizers_for, one.training_step, one.validation_step


def chosen(place: Mapping[str, Any]) -> Strategy:
    """The strategy that a user wishes, with values for the keys of musictool.training.machines.PLACE.

    Raises:
        UnknownName, BadOption: for one that does not exist, or that cannot be had here.
    """
    return backend.chosen(place["strategy"], machines(place))


def prepare(precision: Precision, seed: int, halves_on_cpu: bool = True) -> str:
    """Make ready for a run: devices, names, seed, precision. Returns the precision chosen (see _precision.py).

    Args:
        halves_on_cpu: whether a CPU may choose bfloat16, where it may choose.
    """
    policy = chosen_precision(precision, prepare_devices(), None if halves_on_cpu else "")
    keras.utils.clear_session()  # names of layers count from the beginning, and so do those in weight files
    keras.config.set_dtype_policy(policy)  # after clear_session, which would forget it
    keras.utils.set_random_seed(seed)
    return policy
