"""Weights from a .weights.h5 file, as Keras writes it, into a network in numpy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from musictool.strict.hdf5 import array, opened


def load_weights(network: Any, path: Path) -> None:
    """Fill a network of musictool/engine/numpy_layers.py.

    Raises:
        ValueError, KeyError, OSError: for a file that is of another network, or damaged, or whose arrays lie elsewhere.
    """
    with opened(path) as file:
        for inner_path, layer in network.saved_layers():
            layer.load_own_variables(_arrays(file, f"{inner_path}/vars" if inner_path else "vars"))


def _arrays(file: h5py.File, path: str) -> dict[str, np.ndarray]:
    """The arrays of one layer; none where there is no such group."""
    group: Any = file
    for name in path.split("/"):
        if name not in group:
            return {}
        group = group[name]
    return {name: array(group, name) for name in group}
