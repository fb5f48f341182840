"""Tunes whose bars begin where their accents are, for MIDI files that were made of ABC.

A MIDI file says in what metre a tune is, and not that it begins with an upbeat: all its bar lines then stand too early.
abc2midi strikes the first note of each bar louder than all others, which is how the true ones are found. It also lets
each note begin a tick late, which is taken back.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from musictool.music.score import TICKS_PER_QUARTER, Score, bar_ticks, sort_notes

GRID_TICKS = TICKS_PER_QUARTER // 12  # onsets are on a twelfth of a quarter note, or beside it by a tick or two
LEAST_SHARE = 0.5  # of the accents that stand at one place of the bar


def on_bar_lines(score: Score) -> Score:
    """A tune of one metre, later by what its first bar lacks, with its onsets on the grid; as it is, if its accents do
    not agree on where bars begin."""
    notes = score.notes.copy()
    onsets = np.round(notes["onset_ticks"] / GRID_TICKS).astype(np.int64) * GRID_TICKS
    accents = onsets[notes["velocity"] == notes["velocity"].max(initial=0)]
    if not len(accents) or len(score.metres) > 1 or not np.ptp(notes["velocity"]):
        return score
    metre = (int(score.metres["numerator"][0]), int(score.metres["denominator"][0])) if len(score.metres) else (4, 4)
    bar = bar_ticks(*metre)
    places, counts = np.unique(accents % bar, return_counts=True)
    if counts.max() < LEAST_SHARE * len(accents):
        return score
    ends = np.round((notes["onset_ticks"] + notes["duration_ticks"]) / GRID_TICKS) * GRID_TICKS
    notes["duration_ticks"] = np.maximum(ends - onsets, 1)
    notes["onset_ticks"] = onsets + -int(places[counts.argmax()]) % bar
    return replace(score, notes=sort_notes(notes))
