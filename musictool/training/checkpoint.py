"""The state of a training run as one file: every variable, and a few numbers beside them.

Restoring it into freshly built networks and optimizer gives the run that saved it: weights, moments, loss scale and the
states of the random generators inside the layers are all variables.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
from keras import ops

from musictool.atomic import replacing
from musictool.errors import BadModel


def save(path: Path, variables: Sequence[Any], state: dict[str, Any]) -> None:
    """Write `variables` (Keras variables, in a fixed order) and the JSON-able `state`, whole or not at all."""
    with replacing(path) as partial, h5py.File(partial, "w") as file:
        file.attrs["state"] = json.dumps(state)
        for i, variable in enumerate(variables):
            file[str(i)] = ops.convert_to_numpy(variable)


def state(path: Path) -> dict[str, Any]:
    """The numbers that were saved. Raises BadModel if the file cannot be read."""
    try:
        with h5py.File(path) as file:
            values: dict[str, Any] = json.loads(file.attrs["state"])
            return values
    except (OSError, KeyError, ValueError) as error:
        raise BadModel(
            f"{path} cannot be read ({error}); the best weights are kept, but the run cannot go on: "
            "begin one of another --name"
        ) from None


def restore(path: Path, variables: Sequence[Any]) -> None:
    """Fill `variables` with what was saved. Raises BadModel if the file is damaged or of another network."""
    try:
        with h5py.File(path) as file:
            if len(file) != len(variables):
                raise ValueError(f"{len(file)} arrays for {len(variables)} variables")
            for i, variable in enumerate(variables):
                variable.assign(file[str(i)][()])
    except (OSError, KeyError, ValueError) as error:
        raise BadModel(f"{path} does not fit this network ({error}); start again under another --name") from None
