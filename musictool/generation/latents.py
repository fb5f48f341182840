"""What commands need of a model with latents: that it is one, the segments of a piece, and those of a style.

A style is other music, of whose latents a share is mixed in while a piece is written. Source: I. Tham and M. Kim,
"Generating Music Using Deep Learning" (2021): the segments of the style pieces are encoded, and their distinct latents
kept as a set for each instrument; for each new segment one, s, is drawn, and z' = alpha s + (1 - alpha) z. Limit: the
numbers are mixed and not what they mean; between two segments with nothing in common may lie music that is like
neither.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np

from musictool.arch import LatentArch
from musictool.corpus.corpus import Corpus
from musictool.corpus.training_corpus import corpus_of
from musictool.errors import BadOption, NoMusic
from musictool.generation.request import Style
from musictool.models.model import Model
from musictool.music.score import Score
from musictool.reading import read_named

log = logging.getLogger(__name__)

MOST_SEGMENTS = 4096  # of a style
USUAL_SEGMENTS = 256  # of a few pieces


def require_latent_arch(model: Model, what: str) -> LatentArch:
    """The model's arch. Raises BadOption, which says what `what` needs, if it has no latents."""
    if model.spec.kind != "segments" or not issubclass(model.arch_class, LatentArch):
        raise BadOption(
            f"{what} needs a model with latents, and {model.name} is a {model.info['arch']['name']}; "
            "train one: musictool train --encoding segments --arch vae"
        )
    arch = model.player(model.engine_for(USUAL_SEGMENTS))
    assert isinstance(arch, LatentArch)
    return arch


def require_segments(model: Model, score: Score, what: str) -> np.ndarray:
    """uint8 0/1 (T, S, P, I), T >= 1: a piece as the model reads it. Raises NoMusic, which calls it `what`, if it has
    not one note, or none that the model can read."""
    rows = segments_of(model, score)
    if why_not := model.encoding.why_not(score):
        raise NoMusic(f"{what} cannot be read by {model.name}: {why_not}")
    if not len(rows):
        raise NoMusic(f"{what} has no note that the encoding {model.encoding.name} writes")
    return rows


def segments_of(model: Model, score: Score) -> np.ndarray:
    """The same, T >= 0, of any piece."""
    return model.encoding.encode(model.transposed(score))


def segments_of_style(model: Model, style: Style) -> np.ndarray | None:
    """uint8 0/1 (N, S, P, I): all that the pieces of a style consist of, at most MOST_SEGMENTS; None without a style.

    Raises:
        BadOption: if the model has no latents, or no piece fulfils the conditions.
        BadFile, NoMusic: for a file that cannot be read, or has no note.
        BadCorpus: if the model's corpus is not at hand.
    """
    if not style:
        return None
    require_latent_arch(model, "--style" if style.files else "--where")
    parts, count = [], 0
    for rows in _style_pieces(model, style):
        parts.append(rows[: MOST_SEGMENTS - count])
        count += len(parts[-1])
        if count == MOST_SEGMENTS:
            log.warning("the style has over %d segments; the first of them are taken", MOST_SEGMENTS)
            break
    if not count:
        raise NoMusic(f"not one piece with {' and '.join(style.where)} has a note that the model knows")
    return np.concatenate(parts)


def _style_pieces(model: Model, style: Style) -> Iterator[np.ndarray]:
    for path in style.files:
        for score in read_named(path).scores:
            yield require_segments(model, score, f"the style {path}")
    if style.where:
        corpus = Corpus.open(corpus_of(model.info, model.name).folder)
        yield from (segments_of(model, score) for score in corpus.select(style.where).scores())
