"""A piece of a given duration: continued by a model, or repeated."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from musictool.apps.lofi.tempo import beats, repeat_to_bars, with_tempo
from musictool.engine.current import Loads, loads_as_needed
from musictool.music.score import Score

MARGIN = 1.15  # more than needed is written by the model, whose bars may be longer or shorter


def fit_duration(score: Score, tempo: float, minutes: float | None) -> Score:
    """The piece at a tempo, with all its bars, or as many as come nearest to `minutes` with one empty bar before."""
    steady = with_tempo(score, tempo)
    if minutes is None:
        return repeat_to_bars(steady, steady.bars)
    (seconds,) = steady.to_seconds(np.array([steady.bar_line_ticks(steady.bars)])).tolist()
    return repeat_to_bars(steady, max(1, round(minutes * 60 / seconds * steady.bars) - 1))


def continue_with_model(
    source: Path,
    score: Score,
    model_name: str,
    tempo: float,
    minutes: float,
    seed: int,
    loads: Loads = loads_as_needed,
) -> Score:
    """The piece and its continuation by a model, at least `minutes` long at `tempo`.

    Args:
        loads: called with the engine before it computes.

    Raises:
        UnknownName, BadModel: for the model.
        NoMusic: if the model writes nothing.
    """
    from musictool.generation.request import Request
    from musictool.generation.sample import Generation
    from musictool.models.model import Model

    steady = with_tempo(score, tempo)
    missing_beats = minutes * tempo - beats(steady)
    if missing_beats <= 0:
        return score
    seconds = missing_beats * score.seconds / beats(steady) * MARGIN
    request = Request(seconds=seconds, primer=source, keep_primer=True, seed=seed)
    generation = Generation(Model.open(model_name), request)
    loads(generation.engine)
    return generation.scores()[0]
