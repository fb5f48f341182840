"""A model of music with blanks with weights drawn at random, written without Keras: it fills in nonsense, at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from musictool.archs.mask_transformer import MaskTransformer
from musictool.encodings.note_duration import NoteDuration
from musictool.engine.current import within
from musictool.models.model import Model
from tests.generation.by_hand import save_model

OPTIONS = MaskTransformer.Options(embedding=8, width=8, layers=1, heads=2, context=512)


def write_model(folder: Path, seed: int = 0, encoding: NoteDuration | None = None) -> Model:
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
    return save_model(folder, arch, encoding)
