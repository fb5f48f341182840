"""A piece made as long as is wished: a model goes on with it, or it begins again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from musictool.apps.lofi.tempo import beats, of_bars, paced
from musictool.music.score import Score

MARGIN = 1.15  # of the music asked of a model, whose bars need not be those of the piece


def lasting(score: Score, tempo: float, minutes: float | None) -> Score:
    """The piece at its pace, of all its bars, or of as many as, with one before them, come nearest to `minutes`."""
    steady = paced(score, tempo)
    if minutes is None:
        return of_bars(steady, steady.bars)
    (seconds,) = steady.to_seconds(np.array([steady.bar_line_ticks(steady.bars)])).tolist()
    return of_bars(steady, max(1, round(minutes * 60 / seconds * steady.bars) - 1))


def continued(source: Path, score: Score, model_name: str, tempo: float, minutes: float, seed: int) -> Score:
    """The piece and what a model writes on, together long enough for `minutes` at `tempo`; loads TensorFlow.

    Raises:
        UnknownName, BadModel: for the model.
        NoMusic: if the model writes nothing.
    """
    from musictool.generation.sample import Request, sample
    from musictool.models.model import Model

    steady = paced(score, tempo)
    missing_beats = minutes * tempo - beats(steady)
    if missing_beats <= 0:
        return score
    seconds = missing_beats * score.seconds / beats(steady) * MARGIN
    request = Request(seconds=seconds, primer=source, keep_primer=True, seed=seed)
    return sample(Model.open(model_name), request)[0]
