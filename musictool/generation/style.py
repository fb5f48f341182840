"""The music that a piece shall be like: other pieces, of whose latents a share is mixed in while it is written.

Source: I. Tham and M. Kim, "Generating Music Using Deep Learning" (2021), where songs are steered so: the segments of
the style pieces are encoded, the different latents kept as a set for each instrument; for each new segment one is
drawn, and z' = alpha s + (1 - alpha) z. Limit: latents are mixed and not what they mean; between two segments
that have nothing in common may lie music that is like neither.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np

from musictool.corpus.corpus import Corpus
from musictool.corpus.training_corpus import corpus_of
from musictool.errors import NoMusic
from musictool.generation.latents import require_latent_arch, require_segments, segments_of
from musictool.generation.request import Style
from musictool.models.model import Model
from musictool.reading import read_named

log = logging.getLogger(__name__)

MOST_SEGMENTS = 4096


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
    for rows in _pieces(model, style):
        parts.append(rows[: MOST_SEGMENTS - count])
        count += len(parts[-1])
        if count == MOST_SEGMENTS:
            log.warning("the style has over %d segments; the first of them are taken", MOST_SEGMENTS)
            break
    if not count:
        raise NoMusic(f"not one piece with {' and '.join(style.where)} has a note that the model knows")
    return np.concatenate(parts)


def _pieces(model: Model, style: Style) -> Iterator[np.ndarray]:
    for path in style.files:
        for score in read_named(path).scores:
            yield require_segments(model, score, f"the style {path}")
    if style.where:
        corpus = Corpus.open(corpus_of(model.info, model.name).folder)
        yield from (segments_of(model, score) for score in corpus.select(style.where).scores())
