"""A model of music with blanks with weights drawn at random, written without Keras: it fills in nonsense, at once."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import h5py
import numpy as np

from musictool.archs.mask_transformer import MaskTransformer
from musictool.atomic import write_json
from musictool.encodings.note_duration import NoteDuration
from musictool.engine.current import within
from musictool.models.model import MARKER, Model
from musictool.models.parts import sha256
from tests.model_info import model_info

OPTIONS = MaskTransformer.Options(embedding=8, width=8, layers=1, heads=2, context=512)


def write_model(folder: Path, seed: int = 0, encoding: NoteDuration | None = None, **training: str) -> Model:
    """A model folder, with weights drawn from the seed."""
    encoding = encoding or NoteDuration()
    with within("numpy"):
        arch = MaskTransformer(encoding.spec, OPTIONS)
        arch.build()
    rng = np.random.default_rng(seed)
    for weight in arch.network.trainable_variables:
        weight[...] = rng.normal(0, 0.1, weight.shape)
    # programs are few among the tokens, and are to be met all the same
    programs = encoding.sections.of_kind("program", np.arange(encoding.spec.size))
    arch.network.embedding.bias[...] = np.where(programs, 4.0, 0.0)
    folder.mkdir(parents=True)
    path = folder / "network.weights.h5"
    with h5py.File(path, "w") as file:
        for place, layer in arch.network.saved_layers():
            for number, weight in enumerate(layer.own_weights):
                file[f"{place}/vars/{number}" if place else f"vars/{number}"] = weight
    info = model_info(
        arch={"name": "mask-transformer", "options": asdict(arch.options)},
        encoding=encoding.to_json(),
        spec=arch.spec.to_json(),
        weights={path.name: sha256(path)},
    )
    write_json(folder / MARKER, info)
    return Model.open(folder)
