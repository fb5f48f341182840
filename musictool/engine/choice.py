"""Which engine shall compute: as a user names it, or by how much there is to do.

numpy        at once: it needs no second to start, and for a few pieces it is as fast
tensorflow   what Keras computes with unless KERAS_BACKEND names another; for much at once, or a GPU
jax          the other library that Keras computes with
auto         Keras where it is loaded already, where there is a GPU, or where numpy would take longer than Keras
             with its start; else numpy
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from musictool.engine.current import Engine
from musictool.errors import BadOption

NAMES = ("auto", "numpy", "tensorflow", "jax")

# What numpy may take: less than TensorFlow takes to start, to compile and then to compute the same. Measured of
# coconet, 32 bars filled in: 9.3 seconds of a core in all and 115 MB by numpy, 12.3 and 854 MB by TensorFlow.
MOST_SECONDS = 10.0

# Of numpy on one core of a laptop: for each row; for each weight, which is read once for all pieces; for each
# multiplication, once reading is no longer what takes longest.
SECONDS_PER_ROW, SECONDS_PER_WEIGHT, SECONDS_PER_MULTIPLICATION = 2e-4, 4e-10, 1e-10

_GPUS = ("/dev/nvidia0", "/dev/kfd", "/dev/dxg")  # of NVIDIA, of AMD, of Windows under Linux


def numpy_seconds(weights: float, pieces: int, rows: float) -> float:
    """About how long numpy takes for so many rows of each of some pieces, written or scored side by side.

    Args:
        weights: that are multiplied for a row of a piece, each as often as it is.
    """
    return rows * (SECONDS_PER_ROW + weights * max(SECONDS_PER_WEIGHT, pieces * SECONDS_PER_MULTIPLICATION))


def chosen(name: str, seconds: float) -> Engine:
    """The engine for some work.

    Args:
        name: one of NAMES.
        seconds: about how long numpy would take.

    Raises:
        BadOption: if Keras is loaded already and computes with another library than this.
    """
    if name == "numpy":
        return "numpy"
    if name == "auto":
        return "keras" if is_loaded() or has_gpu() or seconds > MOST_SECONDS else "numpy"
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
