"""What commands need of a model with latents: that it is one, and the segments of a piece."""

from __future__ import annotations

import numpy as np

from musictool.arch import LatentArch
from musictool.errors import BadOption, NoMusic
from musictool.models.model import Model
from musictool.music.score import Score


def require_latent_arch(model: Model, what: str) -> LatentArch:
    """The model's arch. Raises BadOption, which says what `what` needs, if it has no latents."""
    if model.spec.kind != "segments" or not isinstance(model.arch, LatentArch):
        raise BadOption(
            f"{what} needs a model with latents, and {model.name} is a {model.info['arch']['name']}; "
            "train one: musictool train --encoding segments --arch vae"
        )
    return model.arch


def require_segments(model: Model, score: Score, what: str) -> np.ndarray:
    """uint8 0/1 (T, S, P, I), T >= 1: a piece as the model reads it. Raises NoMusic, which calls it `what`, if it has
    not one note."""
    rows = segments_of(model, score)
    if not len(rows):
        raise NoMusic(f"{what} has no note that the encoding {model.encoding.name} writes")
    return rows


def segments_of(model: Model, score: Score) -> np.ndarray:
    """The same, T >= 0, of any piece."""
    return model.encoding.encode(model.transposed(score))
