"""A model folder of an arch in numpy, written without Keras."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import h5py

from musictool.arch import Arch
from musictool.atomic import write_json
from musictool.dataset.conditions import Conditions
from musictool.encoding import Encoding
from musictool.models.model import MARKER, Model
from musictool.models.parts import sha256
from tests.model_info import model_info


def save_model(folder: Path, arch: Arch, encoding: Encoding, conditions: Conditions | None = None) -> Model:
    """The folder of an arch whose one network is called `network`."""
    folder.mkdir(parents=True)
    path = folder / "network.weights.h5"
    with h5py.File(path, "w") as file:
        for place, layer in arch.network.saved_layers():  # type: ignore[attr-defined]
            for number, weight in enumerate(layer.own_weights):
                file[f"{place}/vars/{number}" if place else f"vars/{number}"] = weight
    info = model_info(
        arch={"name": arch.name, "options": asdict(arch.options), "conditions": arch.conditions},
        conditions=(conditions or Conditions()).to_json(),
        encoding=encoding.to_json(),
        spec=arch.spec.to_json(),
        weights={path.name: sha256(path)},
    )
    write_json(folder / MARKER, info)
    return Model.open(folder)
