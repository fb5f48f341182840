"""Where a training run stands, and the checkpoint that it is written to: every variable, and a few numbers beside them.

Restoring it into freshly built networks and optimizers gives the run that saved it: weights, moments, loss scale and
the states of the random generators inside the layers are all variables.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from keras import ops

from musictool.atomic import replacing
from musictool.errors import BadModel
from musictool.strict import json as strict_json
from musictool.strict.hdf5 import array, new_file, opened

SCHEMA = {
    "stage": int,
    "epoch": int,
    "step?": int,
    "sums?": [float],
    "waited?": int,
    "seconds?": float,
    "stage_began?": float,
    "epoch_seconds?": float,
    "history?": [{str: object}],
}


@dataclass
class State:
    """Where a run stands; kept as JSON in its checkpoint."""

    stage: int = 0
    epoch: int = 0  # epochs done
    step: int = 0  # steps done in the next epoch
    sums: list[float] = field(default_factory=list)  # of each metric and of rows, over those steps
    best: float = float("inf")
    waited: int = 0  # epochs since the best
    seconds: float = 0.0  # of training, in the epochs that are done
    stage_began: float = 0.0  # how many of them were before this stage
    epoch_seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


def checkpoint_path(folder: Path) -> Path:
    """Where a model folder keeps what resuming needs."""
    return folder / "checkpoints" / "last.h5"


def save_checkpoint(path: Path, variables: Sequence[Any], state: State) -> None:
    """Write `variables` (Keras variables, in a fixed order) and the state, whole or not at all."""
    with replacing(path) as partial, new_file(partial) as file:
        file.attrs["state"] = json.dumps(asdict(state))
        for i, variable in enumerate(variables):
            file[str(i)] = ops.convert_to_numpy(variable)


def read_state(path: Path) -> dict[str, Any]:
    """The State that was saved, as JSON. Raises BadModel if the file cannot be read."""
    try:
        with opened(path) as file:
            text = file.attrs["state"]
        if not isinstance(text, str):
            raise ValueError("its state is no text")
        values: dict[str, Any] = strict_json.parse(text, SCHEMA)
        _check_values(values)
        return values
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise BadModel(
            f"{path} cannot be read ({error}); the best weights are kept, but the run cannot go on: "
            "begin one of another --name"
        ) from None


def restore_variables(path: Path, variables: Sequence[Any]) -> None:
    """Fill `variables` with what was saved. Raises BadModel if the file is damaged or of another network."""
    try:
        with opened(path) as file:
            if len(file) != len(variables):
                raise ValueError(f"{len(file)} arrays for {len(variables)} variables")
            for i, variable in enumerate(variables):
                variable.assign(array(file, str(i)))
    except (OSError, KeyError, ValueError, TypeError) as error:
        what = " ".join(str(error).split())
        raise BadModel(f"{path} does not fit this network ({what}); start again under another --name") from None


def _check_values(values: dict[str, Any]) -> None:
    """Raise ValueError for a state that no run was ever in."""
    unknown = sorted({*values} - {known.name for known in fields(State)})
    if unknown:
        raise ValueError(f"its state has an unknown {unknown[0][:40]}")
    negative = [name for name, value in values.items() if name in ("stage", "epoch", "step", "waited") and value < 0]
    if negative:
        raise ValueError(f"{negative[0]} of its state is negative")
    best = values.get("best", 0.0)  # infinite before the first epoch is over
    if not isinstance(best, int | float) or best != best:
        raise ValueError("best of its state is no number")
