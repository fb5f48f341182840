"""Where a listener puts the bar lines: bars of one length, on the beat that is accented most.

A file's own bar lines are not heard. Chorales begin with an upbeat, and go on after a phrase with a short bar; what a
model writes begins at a bar line, because nothing says where else. So only the length of a bar is taken from the
metre, the one that holds longest, and its first beat is found in the notes: long ones, low ones, bass drums.

Limit: the first beat is a guess, better in dances than in chorales, and one for the whole piece; it errs alike for
people and models.
"""

from __future__ import annotations

import numpy as np

from musictool.music.score import TICKS_PER_QUARTER, Score, bar_ticks

EARLY_TICKS = 30  # by which a note may begin before the beat that it is on
_LONGEST = 4 * TICKS_PER_QUARTER  # of a note, that makes it count more
_BASS_DRUMS, _BASS_DRUM_WEIGHT = (35, 36), 2.0  # quarter notes


def bar_lines(score: Score) -> tuple[np.ndarray, range]:
    """The bar lines of a piece with notes.

    Returns:
        int64 (B,), ticks, the first not after 0 and the last within the piece; and which of the bars are whole.
    """
    end = score.end_ticks
    bar, beat = _bar_and_beat(score)
    beats = bar // beat
    # how much is struck on each beat of a bar, in quarter notes; the bass counts twice
    notes = score.notes
    onsets = notes["onset_ticks"].astype(np.int64) + EARLY_TICKS
    weight = np.minimum(notes["duration_ticks"], _LONGEST) / TICKS_PER_QUARTER
    weight *= np.where(notes["pitch"] < np.median(notes["pitch"]), 2.0, 1.0)
    drums = np.where(np.isin(notes["pitch"], _BASS_DRUMS), _BASS_DRUM_WEIGHT, 0.0)
    weight = np.where(score.is_drum, drums, weight)
    on_beat = onsets % beat <= 2 * EARLY_TICKS
    accents = np.bincount((onsets // beat % beats)[on_beat], weight[on_beat], minlength=beats)
    first = int(accents.argmax()) * beat
    lines = np.arange(first - bar if first else 0, max(1, end - EARLY_TICKS), bar, dtype=np.int64)
    return lines, range(int(first > 0), int((lines + bar <= end + EARLY_TICKS).sum()))


def _bar_and_beat(score: Score) -> tuple[int, int]:
    """Ticks of a bar and of a beat of the metre that holds longest."""
    metres = [(int(m["onset_ticks"]), int(m["numerator"]), int(m["denominator"])) for m in score.metres]
    metres = metres or [(0, 4, 4)]
    holds: dict[tuple[int, int], int] = {}
    for (onset, *metre), after in zip(metres, [*(m[0] for m in metres[1:]), score.end_ticks], strict=True):
        key = metre[0], metre[1]
        holds[key] = holds.get(key, 0) + max(0, after - onset)
    numerator, denominator = max(holds, key=lambda metre: holds[metre])
    bar = bar_ticks(numerator, denominator)
    beats = numerator if 1 <= numerator <= 32 else 1
    return bar, max(1, bar // beats)
