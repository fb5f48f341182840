"""Excerpts of pieces for the blind test: cut at bars, and played alike whoever wrote them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from musictool.errors import NoMusic
from musictool.music.score import DEFAULT_VELOCITY, Score, Track

SECONDS = 30.0
LOUDNESS = -20.0  # LUFS: low enough that the limiter has nothing to do, so that all are equally loud
LEAST_NOTES = 8
TRIES = 20


def excerpt(score: Score, generator: np.random.Generator, seconds: float = SECONDS) -> Score:
    """Whole bars of a piece, `seconds` at most (but one bar at least), from a random bar on that leaves as much.

    Raises NoMusic for a piece in which nothing so long sounds.
    """
    bars = score.bar_onsets_ticks()
    times = score.to_seconds(bars)
    starts = np.flatnonzero(times <= max(0.0, score.seconds - seconds))
    for start in generator.choice(starts, min(TRIES, len(starts)), replace=False).tolist():
        ends = bars[(times <= times[start] + seconds + 1e-6) & (bars > bars[start])]
        is_rest = score.seconds <= times[start] + seconds
        end = score.end_ticks if is_rest or not len(ends) else int(ends[-1])
        part = score.since(int(bars[start])).until(end - int(bars[start]))
        if len(part.notes) >= LEAST_NOTES:
            return part
    raise NoMusic(f"nothing as long as {seconds:g} s sounds in this piece")


def with_equal_velocities(score: Score) -> Score:
    """On a piano, drums but for drums, every note as loud as the others."""
    notes = score.notes.copy()
    notes["velocity"] = DEFAULT_VELOCITY
    tracks = tuple(Track(0, track.is_drum) for track in score.tracks)
    return replace(score, notes=notes, tracks=tracks)
