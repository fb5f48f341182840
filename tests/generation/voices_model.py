"""A model of voices with weights drawn at random, written without Keras: it fills in nonsense, at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from musictool.archs.coconet import Coconet
from musictool.encodings.voices import Voices
from musictool.engine.current import within
from musictool.models.model import Model
from tests.generation.by_hand import save_model

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
    return save_model(folder, numpy_arch(seed=seed), Voices())
