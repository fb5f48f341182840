from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from musictool.errors import BadModel
from musictool.training.state import State, read_state, restore_variables, save_checkpoint


class Variable:
    """As one of Keras, of a shape."""

    def __init__(self, values: Any):
        self.values = np.asarray(values, np.float32)

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        return self.values

    def assign(self, values: np.ndarray) -> None:
        if np.shape(values) != self.values.shape:
            raise ValueError(f"shape {np.shape(values)}\nand not {self.values.shape}")
        self.values = np.asarray(values)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "last.h5"


def put(path: Path, state: Any) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["state"] = state


def test_what_is_saved_is_read_again(path: Path):
    state = State(epoch=2, history=[{"epoch": 1, "val_loss": float("nan"), "stage": "network", "lr": None}])
    save_checkpoint(path, [Variable([1, 2]), Variable(3)], state)
    assert State(**read_state(path)).epoch == 2
    assert State(**read_state(path)).best == float("inf")
    variables = [Variable([0, 0]), Variable(0)]
    restore_variables(path, variables)
    assert [each.values.tolist() for each in variables] == [[1, 2], 3]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"epoch": -1}, "epoch of its state is negative"),
        ({"epoch": "1"}, "epoch should be a whole number"),
        ({"epoch": None}, "epoch should be a whole number"),
        ({"sums": [float("nan")]}, r"sums\[0\] should be a number"),
        ({"best": "low"}, "best of its state is no number"),
        ({"best": float("nan")}, "best of its state is no number"),
        ({"history": [1]}, r"history\[0\] should be a table"),
        ({"seconds": float("inf")}, "seconds should be a number"),
        ({"more": 1}, "its state has an unknown more"),
    ],
)
def test_a_state_that_no_run_was_in_is_one_line(path: Path, change: dict[str, Any], message: str):
    put(path, json.dumps({"stage": 0, "epoch": 1} | change))
    with pytest.raises(BadModel, match=rf"last\.h5 cannot be read \({message}.*another --name$"):
        read_state(path)


@pytest.mark.parametrize("state", ["{", "[]", "[" * 100_000, 3, [1, 2], b"\xff"])
def test_what_is_no_state_is_one_line(path: Path, state: Any):
    put(path, state)
    with pytest.raises(BadModel, match=r"last\.h5 cannot be read"):
        read_state(path)


@pytest.mark.parametrize("where, message", [("elsewhere", "lies in other files"), ("nowhere", "larger than what")])
def test_arrays_that_are_not_in_the_file_are_never_read(path: Path, tmp_path: Path, where: str, message: str):
    (tmp_path / "secret").write_bytes(bytes(16))
    put(path, "{}")
    with h5py.File(path, "a") as file:
        if where == "elsewhere":
            file.create_dataset("0", (4,), "f4", external=[(str(tmp_path / "secret"), 0, 16)])
        else:
            file.create_dataset("0", (1 << 32,), "f4", chunks=True)
    for read in (read_state, lambda path: restore_variables(path, [Variable([0] * 4)])):
        with pytest.raises(BadModel, match=message):
            read(path)


def test_another_network_is_one_line(path: Path):
    save_checkpoint(path, [Variable([1, 2])], State())
    with pytest.raises(BadModel, match=r"does not fit this network \(shape \(2,\) and not \(3,\)\)"):
        restore_variables(path, [Variable([1, 2, 3])])
    with pytest.raises(BadModel, match="1 arrays for 2 variables"):
        restore_variables(path, [Variable([1, 2]), Variable(1)])
