"""A model of voices with weights drawn at random, written without Keras: it fills in nonsense, at once."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import h5py
import numpy as np

from musictool.archs.coconet import Coconet
from musictool.atomic import write_json
from musictool.encodings.voices import Voices
from musictool.engine.current import within
from musictool.models.model import MARKER, Model
from musictool.models.parts import sha256
from tests.model_info import model_info

OPTIONS = Coconet.Options(width=8, layers=2, gibbs_steps=4, lowest=15, highest=65)


def numpy_arch(options: Coconet.Options = OPTIONS, seed: int = 0) -> Coconet:
    """In numpy, with weights drawn from the seed."""
    with within("numpy"):
        arch = Coconet(Voices().spec, options)
        arch.build()
    rng = np.random.default_rng(seed)
    for weight in arch.network.trainable_variables:
        weight[...] = rng.normal(0, 0.5, weight.shape)
    return arch


def write_model(folder: Path, seed: int = 0) -> Model:
    """The same as a model folder."""
    arch = numpy_arch(seed=seed)
    folder.mkdir(parents=True)
    path = folder / "network.weights.h5"
    with h5py.File(path, "w") as file:
        for place, layer in arch.network.saved_layers():
            for number, weight in enumerate(layer.own_weights):
                file[f"{place}/vars/{number}" if place else f"vars/{number}"] = weight
    info = model_info(
        arch={"name": "coconet", "options": asdict(arch.options)},
        encoding=Voices().to_json(),
        spec=arch.spec.to_json(),
        weights={path.name: sha256(path)},
    )
    write_json(folder / MARKER, info)
    return Model.open(folder)
