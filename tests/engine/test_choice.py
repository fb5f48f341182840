"""Which engine is taken."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from musictool.engine import choice
from musictool.engine.choice import chosen, has_gpu, numpy_seconds
from musictool.errors import BadOption


@pytest.fixture(autouse=True)
def auto_is_numpy() -> None:
    """Not here, in the place of that of conftest.py."""


@pytest.fixture
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No GPU, and Keras not in memory."""
    monkeypatch.setattr(choice, "_GPUS", ())
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "")


@pytest.mark.usefixtures("nothing_loaded")
def test_little_is_computed_in_numpy_and_much_by_keras():
    million = 1e6
    assert chosen("auto", numpy_seconds(million, 1, 500)) == "numpy"
    assert chosen("auto", numpy_seconds(million, 64, 500)) == "numpy"
    assert chosen("auto", numpy_seconds(million, 1000, 500)) == "keras"
    assert chosen("auto", numpy_seconds(100 * million, 1, 500)) == "keras"
    assert chosen("auto", numpy_seconds(80 * million, 1, 256)) == "numpy"  # counterpoint, 32 bars
    assert chosen("numpy", numpy_seconds(million, 1000, 500)) == "numpy"


@pytest.mark.usefixtures("nothing_loaded")
def test_keras_is_taken_where_it_is_loaded_and_where_a_gpu_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(choice, "_GPUS", (str(tmp_path),))
    assert chosen("auto", 0) == "keras"
    assert not has_gpu({"CUDA_VISIBLE_DEVICES": ""})
    monkeypatch.setattr(choice, "_GPUS", ())
    monkeypatch.setitem(sys.modules, "keras", os)
    assert chosen("auto", 0) == "keras"


@pytest.mark.usefixtures("nothing_loaded")
def test_a_named_library_is_what_keras_will_compute_with(monkeypatch: pytest.MonkeyPatch):
    assert chosen("jax", 0) == "keras"
    assert os.environ["KERAS_BACKEND"] == "jax"
    monkeypatch.setattr(choice, "is_loaded", lambda: True)
    monkeypatch.setattr(choice, "name_of", lambda engine: "jax")
    assert chosen("jax", 0) == "keras"
    with pytest.raises(BadOption, match="--engine tensorflow: Keras computes with jax"):
        chosen("tensorflow", 0)
