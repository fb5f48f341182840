"""What commands need of a model that knows latents: that it is one, and the segments of a piece."""

from __future__ import annotations

import numpy as np

from musictool.archs._latents import Latents
from musictool.errors import BadOption, NoMusic
from musictool.generation.primers import as_heard
from musictool.models.model import Model
from musictool.music.score import Score


def knower(model: Model, what: str) -> Latents:
    """The model's arch. Raises BadOption, which says `what` is not to be had, if it knows no latents."""
    if model.spec.kind != "segments" or not isinstance(model.arch, Latents):
        raise BadOption(
            f"{what} needs a model with latents, and {model.name} is a {model.info['arch']['name']}; "
            "train one: musictool train --encoding segments --arch vae"
        )
    return model.arch


def segments_of(model: Model, score: Score, what: str) -> np.ndarray:
    """uint8 0/1 (T, S, P, I), T >= 1: a piece as the model hears it. Raises NoMusic, which calls it `what`, if it has
    not one note."""
    rows = heard(model, score)
    if not len(rows):
        raise NoMusic(f"{what} has no note that the encoding {model.encoding.name} writes")
    return rows


def heard(model: Model, score: Score) -> np.ndarray:
    """The same, T >= 0, of any piece."""
    return model.encoding.encode(as_heard(model, score))
