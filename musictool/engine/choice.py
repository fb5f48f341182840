"""Which engine shall compute: as a user names it, or by how much there is to do.

numpy        at once: it needs no second to start, and for a few pieces it is as fast
tensorflow   what Keras computes with unless KERAS_BACKEND names another; for much at once, or a GPU
jax          the other library that Keras computes with
auto         Keras where it is loaded already, where there is a GPU, or where numpy would take longer than Keras
             takes to start; else numpy
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from musictool.engine.current import Engine
from musictool.errors import BadOption

NAMES = ("auto", "numpy", "tensorflow", "jax")

# Multiplications that numpy does in about the time that TensorFlow takes to start and compile, some six seconds.
MOST_MULTIPLICATIONS = 1.5e10

_GPUS = ("/dev/nvidia0", "/dev/kfd", "/dev/dxg")  # of NVIDIA, of AMD, of Windows under Linux


def chosen(name: str, multiplications: float) -> Engine:
    """The engine for some work.

    Args:
        name: one of NAMES.
        multiplications: about how many the work takes.

    Raises:
        BadOption: if Keras is loaded already and computes with another library than this.
    """
    if name == "numpy":
        return "numpy"
    if name == "auto":
        return "keras" if is_loaded() or has_gpu() or multiplications > MOST_MULTIPLICATIONS else "numpy"
    if is_loaded():
        if name != name_of("keras"):
            raise BadOption(f"--engine {name}: Keras computes with {name_of('keras')} in this process already")
    else:
        os.environ["KERAS_BACKEND"] = name
    return "keras"


def name_of(engine: Engine) -> str:
    """The name under which a song's .json records the engine: numpy, or the library that computes for Keras."""
    if engine == "numpy":
        return "numpy"
    import keras

    return str(keras.backend.backend())


def is_loaded() -> bool:
    """Whether Keras, and with it what it computes with, is in memory."""
    return "keras" in sys.modules


def has_gpu(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether there seems to be a GPU that may be used; found out without loading what would use it."""
    return environment.get("CUDA_VISIBLE_DEVICES") not in ("", "-1") and any(Path(path).exists() for path in _GPUS)
