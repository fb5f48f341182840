"""The beats of music that keeps to no grid, such as a pianist's performance in which a quarter note means nothing.

Ellis, "Beat Tracking by Dynamic Programming" (2007), on notes instead of sound: how much begins at each hundredth of a
second, the period at which that repeats, and the row of beats that is at once near that period and on the notes.
Honest limit: one period for the whole piece, which the beats may leave by little; great rubato is not followed, and
bars are guessed as 4/4 from where the low and loud notes are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from musictool.music.score import METRE, TEMPO, TICKS_PER_QUARTER, Score, sort_notes

FRAMES_A_SECOND = 100
PERIODS = (0.4, 1.1)  # seconds from beat to beat
LIKELIEST_PERIOD, OCTAVES = 0.65, 0.6  # the middle and the width of how likely each is
TIGHTNESS = 120.0
LEAST_CONCENTRATION = 0.3
BEATS_A_BAR = 4


def is_on_grid(score: Score) -> bool:
    """Whether notes begin where quarter notes, their halves, thirds or quarters do, more than by chance."""
    place = np.exp(2j * np.pi * score.notes["onset_ticks"] / TICKS_PER_QUARTER)
    return max(abs(np.mean(place**parts)) for parts in (1, 2, 3, 4)) > LEAST_CONCENTRATION


def followed(score: Score) -> Score:
    """The piece in 4/4, its beats being quarter notes of 480 ticks; the notes stay between them where they were."""
    onsets = score.to_seconds(score.notes["onset_ticks"])
    ends = score.to_seconds(score.notes["onset_ticks"].astype(np.int64) + score.notes["duration_ticks"])
    weights = score.notes["velocity"] / 127 * np.where(score.notes["pitch"] < 55, 1.5, 1.0)
    beats = _beats(onsets, weights)
    period = float(np.median(np.diff(beats)))
    first = onsets[0] - BEATS_A_BAR * period
    beats = np.concatenate([np.arange(beats[0] - period, first, -period)[::-1], beats])
    beats = np.concatenate([beats, np.arange(beats[-1] + period, ends.max() + 2 * period, period)])
    ticks, end_ticks = (
        np.round(np.interp(times, beats, np.arange(len(beats))) * TICKS_PER_QUARTER).astype(np.int64)
        for times in (onsets, ends)
    )
    low = (score.notes["pitch"] < 55) * weights
    on_beat = np.abs((ticks + TICKS_PER_QUARTER // 2) % TICKS_PER_QUARTER - TICKS_PER_QUARTER // 2) < 60
    strengths = np.bincount((ticks + 240) // TICKS_PER_QUARTER % BEATS_A_BAR, low * on_beat, BEATS_A_BAR)
    bar_line = int(np.argmax(strengths)) * TICKS_PER_QUARTER
    bar_line -= BEATS_A_BAR * TICKS_PER_QUARTER if bar_line > ticks.min() else 0
    notes = score.notes.copy()
    notes["onset_ticks"], notes["duration_ticks"] = ticks - bar_line, np.maximum(1, end_ticks - ticks)
    tempos, metres = np.array([(0, 60 / period)], TEMPO), np.array([(0, 4, 4)], METRE)
    return replace(score, notes=sort_notes(notes), tempos=tempos, metres=metres)


def _beats(onsets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """float64 (beats,), seconds, at least two."""
    strength = np.zeros(int(onsets.max() * FRAMES_A_SECOND) + 2 * FRAMES_A_SECOND)
    np.add.at(strength, np.round(onsets * FRAMES_A_SECOND).astype(int), weights)
    bell = np.exp(-0.5 * (np.arange(-8, 9) / 2.5) ** 2)
    strength = np.convolve(np.sqrt(strength), bell, "same")
    strength /= strength.std() + 1e-9
    period = _period(strength)
    frames = _path(strength, period)
    return frames / FRAMES_A_SECOND if len(frames) > 1 else (frames[0] + np.array([0, period])) / FRAMES_A_SECOND


def _period(strength: np.ndarray) -> int:
    """Frames from beat to beat: where the strength is most like itself, common paces being likelier."""
    lags = np.arange(int(PERIODS[0] * FRAMES_A_SECOND), int(PERIODS[1] * FRAMES_A_SECOND) + 1)
    centred = strength - strength.mean()
    alike = np.array([centred[lag:] @ centred[:-lag] for lag in lags if lag < len(centred)])
    lags = lags[: len(alike)]
    likely = np.exp(-0.5 * (np.log2(lags / FRAMES_A_SECOND / LIKELIEST_PERIOD) / OCTAVES) ** 2)
    return int(lags[np.argmax(alike * likely)])


def _path(strength: np.ndarray, period: int) -> np.ndarray:
    """int64 (beats,): the frames whose strengths, less what their distances miss the period by, sum to the most."""
    steps = np.arange(-2 * period, -period // 2 + 1)
    cost = TIGHTNESS * np.log(-steps / period) ** 2
    best = strength.copy()
    before = np.full(len(strength), -1)
    for frame in range(-int(steps[-1]), len(strength)):
        earlier = frame + steps
        inside = earlier >= 0
        scores = best[earlier[inside]] - cost[inside]
        choice = int(np.argmax(scores))
        if scores[choice] > 0:
            best[frame] += scores[choice]
            before[frame] = earlier[inside][choice]
    at = len(best) - 1 - int(np.argmax(best[::-1][: 2 * period]))
    path = [at]
    while before[path[-1]] >= 0:
        path.append(int(before[path[-1]]))
    return np.array(path[::-1])
