"""Beat tracking for music off any grid, such as a performance whose file has no true tempo.

Ellis, "Beat Tracking by Dynamic Programming" (2007), on notes instead of sound: an onset strength at 100 frames per
second, the period of its autocorrelation, and the sequence of beats that is both near that period and on the onsets.
Limit: one period for the whole piece, from which the beats may differ only little; strong rubato is not tracked, and
bars are taken as 4/4, with bar lines at the low and loud notes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from musictool.music.score import METRE, TEMPO, TICKS_PER_QUARTER, Score, sort_notes

FRAMES_PER_SECOND = 100
PERIODS = (0.4, 1.1)  # seconds from beat to beat
MEAN_PERIOD, DEVIATION_OCTAVES = 0.65, 0.6  # seconds; of the prior of a period, log-normal
TIGHTNESS = 120.0  # weight of the deviations from the period
MIN_CONCENTRATION = 0.3
BEATS_PER_BAR = 4


def is_on_grid(score: Score) -> bool:
    """Whether onsets are on quarter notes, or their halves, thirds or quarters, more than by chance."""
    # the phase of each onset within a quarter note as a point of the unit circle; the mean is far from 0 on a grid
    phase = np.exp(2j * np.pi * score.notes["onset_ticks"] / TICKS_PER_QUARTER)
    return max(abs(np.mean(phase**parts)) for parts in (1, 2, 3, 4)) > MIN_CONCENTRATION


def track_beats(score: Score) -> Score:
    """The piece in 4/4, with its beats as quarter notes; notes keep their times between the beats."""
    onsets = score.to_seconds(score.notes["onset_ticks"])
    ends = score.to_seconds(score.notes["onset_ticks"].astype(np.int64) + score.notes["duration_ticks"])
    weights = score.notes["velocity"] / 127 * np.where(score.notes["pitch"] < 55, 1.5, 1.0)
    # the beats, extended by a bar before the first onset and behind the last note
    beats = _beats(onsets, weights)
    period = float(np.median(np.diff(beats)))
    first = onsets[0] - BEATS_PER_BAR * period
    beats = np.concatenate([np.arange(beats[0] - period, first, -period)[::-1], beats])
    beats = np.concatenate([beats, np.arange(beats[-1] + period, ends.max() + 2 * period, period)])
    # seconds -> ticks, linearly between beats
    ticks, end_ticks = (
        np.round(np.interp(times, beats, np.arange(len(beats))) * TICKS_PER_QUARTER).astype(np.int64)
        for times in (onsets, ends)
    )
    # the bar line is the beat of four on which low and loud notes are strongest
    low = (score.notes["pitch"] < 55) * weights
    on_beat = np.abs((ticks + TICKS_PER_QUARTER // 2) % TICKS_PER_QUARTER - TICKS_PER_QUARTER // 2) < 60
    strengths = np.bincount((ticks + 240) // TICKS_PER_QUARTER % BEATS_PER_BAR, low * on_beat, BEATS_PER_BAR)
    bar_line = int(np.argmax(strengths)) * TICKS_PER_QUARTER
    bar_line -= BEATS_PER_BAR * TICKS_PER_QUARTER if bar_line > ticks.min() else 0
    notes = score.notes.copy()
    notes["onset_ticks"], notes["duration_ticks"] = ticks - bar_line, np.maximum(1, end_ticks - ticks)
    tempos, metres = np.array([(0, 60 / period)], TEMPO), np.array([(0, 4, 4)], METRE)
    return replace(score, notes=sort_notes(notes), tempos=tempos, metres=metres)


def _beats(onsets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """float64 (beats,), seconds, at least two."""
    # onset strength per frame, smoothed and normalised
    strength = np.zeros(int(onsets.max() * FRAMES_PER_SECOND) + 2 * FRAMES_PER_SECOND)
    np.add.at(strength, np.round(onsets * FRAMES_PER_SECOND).astype(int), weights)
    bell = np.exp(-0.5 * (np.arange(-8, 9) / 2.5) ** 2)
    strength = np.convolve(np.sqrt(strength), bell, "same")
    strength /= strength.std() + 1e-9
    period = _period(strength)
    frames = _path(strength, period)
    return frames / FRAMES_PER_SECOND if len(frames) > 1 else (frames[0] + np.array([0, period])) / FRAMES_PER_SECOND


def _period(strength: np.ndarray) -> int:
    """Frames from beat to beat: the lag of the highest autocorrelation, weighted by the prior of periods."""
    lags = np.arange(int(PERIODS[0] * FRAMES_PER_SECOND), int(PERIODS[1] * FRAMES_PER_SECOND) + 1)
    centred = strength - strength.mean()
    autocorrelation = np.array([centred[lag:] @ centred[:-lag] for lag in lags if lag < len(centred)])
    lags = lags[: len(autocorrelation)]
    prior = np.exp(-0.5 * (np.log2(lags / FRAMES_PER_SECOND / MEAN_PERIOD) / DEVIATION_OCTAVES) ** 2)
    return int(lags[np.argmax(autocorrelation * prior)])


def _path(strength: np.ndarray, period: int) -> np.ndarray:
    """int64 (beats,): the frames with the highest sum of strengths, less the cost of deviations from the period."""
    # the cost of each step back from a beat to the one before
    steps = np.arange(-2 * period, -period // 2 + 1)
    cost = TIGHTNESS * np.log(-steps / period) ** 2
    # the best score of a sequence that ends at each frame, and its beat before
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
    # back from the best end within the last two periods
    at = len(best) - 1 - int(np.argmax(best[::-1][: 2 * period]))
    path = [at]
    while before[path[-1]] >= 0:
        path.append(int(before[path[-1]]))
    return np.array(path[::-1])
