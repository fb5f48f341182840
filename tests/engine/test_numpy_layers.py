"""Layers in numpy beside those of Keras, with the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import ops as keras_ops

from musictool.engine import nn, ops
from musictool.engine.current import current, in_own_engine, within
from musictool.models.weights import load_weights

PICTURE, ROWS, ROW = (2, 8, 6, 3), (2, 7, 5), (2, 5)

LAYERS = [
    ("Dense", (4,), {"activation": "relu"}, ROW),
    ("Dense", (4,), {"activation": "leaky_relu", "use_bias": False}, ROWS),
    ("Conv2D", (4, 4, 2, "same"), {"activation": "relu"}, PICTURE),
    ("Conv2D", (4, (4, 3), (4, 1), "same"), {}, PICTURE),
    ("Conv2D", (4, (3, 6)), {"use_bias": False}, PICTURE),
    ("Conv2D", (4, (4, 1), (2, 1), "same"), {}, (2, 7, 6, 3)),
    ("Conv1D", (4, 3), {}, ROWS),
    ("DepthwiseConv2D", (3,), {"padding": "same"}, PICTURE),
    ("DepthwiseConv2D", ((3, 2),), {"padding": "same"}, PICTURE),
    ("DepthwiseConv2D", (3,), {"padding": "same", "dilation_rate": (2, 7)}, PICTURE),
    ("Conv2DTranspose", (4, 4, 2, "same"), {"activation": "relu"}, PICTURE),
    ("Conv2DTranspose", (4, (3, 8), (1, 4), "same"), {"use_bias": False}, PICTURE),
    ("Conv2DTranspose", (4, (4, 1), (4, 1)), {}, PICTURE),
    ("Conv2DTranspose", (4, (1, 4), (1, 4), "same"), {}, (2, 1, 1, 3)),
    ("BatchNormalization", (), {"momentum": 0.9}, PICTURE),
    ("PReLU", (), {"shared_axes": [1, 2]}, PICTURE),
    ("RMSNormalization", (), {}, ROWS),
    ("LSTM", (4,), {"return_sequences": True}, ROWS),
    ("GRU", (4,), {"return_sequences": True}, ROWS),
    ("SimpleRNN", (4,), {"return_sequences": True}, ROWS),
]


@pytest.mark.parametrize("name, args, kwargs, shape", LAYERS)
def test_it_computes_what_keras_does(name: str, args: Any, kwargs: Any, shape: tuple[int, ...], tmp_path: Path):
    class Around(nn.Model):
        """A network of one layer."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = getattr(nn, name)(*args, **kwargs)

        def build(self, shape: Any) -> None:
            self.inner.build(shape)

        def call(self, x: Any) -> Any:
            return self.inner(x)

    rng = np.random.default_rng(0)
    x = rng.normal(size=shape).astype(np.float32)
    network = Around()
    network.build((None, *shape[1:]))
    for weight in network.weights:
        weight.assign(rng.uniform(0.1, 1, weight.shape))
    network.save_weights(tmp_path / "network.weights.h5")
    with within("numpy"):
        in_numpy = Around()
        in_numpy.build((None, *shape[1:]))
        load_weights(in_numpy, tmp_path / "network.weights.h5")
        result = in_numpy(x)
    assert isinstance(network, keras.Model)
    assert not isinstance(in_numpy, keras.Model)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, keras_ops.convert_to_numpy(network(x)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("damage", ["another shape", "one more", "one less", "a link"])
def test_weights_of_another_network_are_refused(damage: str, tmp_path: Path):
    with within("numpy"):
        layer = nn.Dense(3)
        layer.build((None, 2))
    path = tmp_path / "network.weights.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("vars")
        group["0"], group["1"] = np.ones((2, 3)), np.ones(3)
        if damage == "another shape":
            del group["0"]
            group["0"] = np.ones((3, 2))
        elif damage == "one more":
            group["2"] = np.ones(1)
        elif damage == "one less":
            del group["1"]
        else:
            del group["1"]
            group["1"] = h5py.SoftLink("/vars/0")
    with pytest.raises((ValueError, KeyError)):
        load_weights(layer, path)


def test_functions_with_a_way_of_their_own_give_what_those_of_keras_give():
    rng = np.random.default_rng(0)
    numbers, bounds = rng.random((3, 9), np.float32), rng.random((3, 2), np.float32)
    ascending = numbers.cumsum(axis=1)
    for of in (lambda: ops.count_up_to(ascending, 3 * bounds), lambda: ops.sum_above(numbers, bounds)):
        by_keras = np.asarray(of())
        with within("numpy"):
            in_numpy = of()
        assert type(in_numpy) is np.ndarray
        np.testing.assert_allclose(in_numpy, by_keras, rtol=1e-6)


def test_a_network_is_used_by_the_engine_that_it_was_made_by():
    class Owner:
        engine = "numpy"

        @in_own_engine
        def name(self) -> str:
            return current()

    assert (current(), Owner().name(), current()) == ("keras", "numpy", "keras")
