"""Features of a piece: the fourteen numbers of muspy, by its names and definitions.

`musical_features` gives what muspy 0.5 gives for the same file, to the last digit: pitch_range, n_pitches_used,
n_pitch_classes_used, polyphony, polyphony_rate, pitch_in_scale_rate, scale_consistency, pitch_entropy,
pitch_class_entropy, empty_beat_rate, empty_measure_rate, drum_in_pattern_rate, drum_pattern_consistency and
groove_consistency (Dong et al., "MusPy", ISMIR 2020). None of them is better the higher it is: near what people write
is good.

The arguments of muspy's functions are the piece's own: the bar of its first metre, the scale of its estimated key, and
duple time for the drums. muspy counts some things with care and some without, and so does this: polyphony_rate counts
more than two pitches, a note that ends on a beat fills the next one too, and the bars are one more than are full.

Limits: groove_consistency depends on the grid, which is 480 ticks per quarter note here as in every file that musictool
writes (muspy takes the file's own, so call its adjust_resolution(480) first on others), and is near 1 for any
music that keeps to the beat; groove_consistency_16, the same on sixteenths, spreads wider. Bars are those of the
first metre. Of a piece of drums alone the pitch range is unknown here, where muspy says -127.
"""

from __future__ import annotations

import math

import numpy as np

from musictool.corpus.keys import key_index
from musictool.music.grid import to_steps
from musictool.music.score import PITCHES, TICKS_PER_QUARTER, Score, bar_ticks

FEATURES = (
    "pitch_range",
    "n_pitches_used",
    "n_pitch_classes_used",
    "polyphony",
    "polyphony_rate",
    "pitch_in_scale_rate",
    "scale_consistency",
    "pitch_entropy",
    "pitch_class_entropy",
    "empty_beat_rate",
    "empty_measure_rate",
    "drum_in_pattern_rate",
    "drum_pattern_consistency",
    "groove_consistency",
    "groove_consistency_16",
)
_MAJOR = np.array([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1], bool)
_MINOR = np.array([1, 0, 1, 1, 0, 1, 0, 1, 1, 0, 1, 0], bool)
SCALES = np.array([np.roll(scale, root) for scale in (_MAJOR, _MINOR) for root in range(12)])  # as KEY_NAMES are
_POLYPHONIC = 2  # more pitches at once than this count for polyphony_rate
_DUPLE, _TRIPLE = TICKS_PER_QUARTER // 4, TICKS_PER_QUARTER // 3  # between the places of a drum pattern
_STEPS_PER_QUARTER = 4


def first_bar_ticks(score: Score) -> int:
    """Ticks of a bar of the piece's first metre, which bars are counted by; of 4/4 if it names none."""
    first = score.metres[:1]
    return bar_ticks(int(first["numerator"][0]), int(first["denominator"][0])) if len(first) else bar_ticks(4, 4)


def musical_features(score: Score) -> dict[str, float]:
    """Each of FEATURES; nan where a piece has none, as without a drum or without two bars."""
    drums = score.is_drum
    onsets = score.notes["onset_ticks"].astype(np.int64)
    ends = onsets + score.notes["duration_ticks"]
    pitches, bar = score.notes["pitch"][~drums].astype(np.int64), first_bar_ticks(score)
    polyphony = _polyphony(onsets[~drums], ends[~drums], pitches, score.end_ticks)
    hits = onsets[drums]
    duple, triple = _share(hits % _DUPLE == 0), _share(hits % _TRIPLE == 0)
    steps = max(1, int(to_steps(np.array(bar), _STEPS_PER_QUARTER)))
    step_ends = to_steps(ends, _STEPS_PER_QUARTER)
    values = (
        float(np.ptp(pitches)) if len(pitches) else math.nan,
        float(len(np.unique(pitches))),
        float(len(np.unique(pitches % 12))),
        *polyphony,
        *_in_scales(pitches % 12, key_index(score)),
        _entropy(np.bincount(pitches, minlength=PITCHES)),
        _entropy(np.bincount(pitches % 12, minlength=12)),
        _empty(onsets, ends, TICKS_PER_QUARTER),
        _empty(onsets, ends, bar),
        duple,
        max(duple, triple),
        _groove(onsets, ends, bar),
        _groove(to_steps(onsets, _STEPS_PER_QUARTER), step_ends, steps),
    )
    return dict(zip(FEATURES, values, strict=True))


def _share(among: np.ndarray) -> float:
    return float(among.mean()) if len(among) else math.nan


def _polyphony(onsets: np.ndarray, ends: np.ndarray, pitches: np.ndarray, length: int) -> tuple[float, float]:
    """polyphony and polyphony_rate: the mean number of pitches that sound, and the share of time with many."""
    if length < 1:
        return math.nan, math.nan
    if not len(pitches):
        return math.nan, 0.0
    # Notes of a pitch that touch or overlap become one: pitches are laid end to end on one axis of ticks.
    stride = length + 1  # the last note of a pitch does not reach the first of the next
    order = np.argsort(pitches * stride + onsets, kind="stable")
    starts, stops = (pitches * stride + onsets)[order], (pitches * stride + ends)[order]
    covered = np.maximum.accumulate(stops)
    first = np.append(True, starts[1:] > covered[:-1])  # bool (N,): of each run of such notes
    begin = starts[first] % stride
    end = covered[np.append(np.flatnonzero(first)[1:], len(starts)) - 1] % stride
    # How many pitches sound between any two changes, and for how long.
    times = np.concatenate([begin, end])
    change = np.concatenate([np.ones(len(begin), np.int64), np.full(len(end), -1)])
    order = np.argsort(times, kind="stable")
    lasting, sounding = np.diff(times[order], append=length), np.cumsum(change[order])
    on = lasting[sounding > 0].sum()
    return float((lasting * sounding).sum() / on), float(lasting[sounding > _POLYPHONIC].sum() / length)


def _in_scales(classes: np.ndarray, key: int) -> tuple[float, float]:
    """pitch_in_scale_rate in the scale of a key, and scale_consistency, the highest of all scales."""
    if not len(classes):
        return math.nan, math.nan
    rates = SCALES @ np.bincount(classes, minlength=12) / len(classes)
    return float(rates[key]) if key >= 0 else math.nan, float(rates.max())


def _entropy(counts: np.ndarray) -> float:
    """Bits."""
    if not counts.sum():
        return math.nan
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def _empty(onsets: np.ndarray, ends: np.ndarray, span: int) -> float:
    """The share of spans of `span` ticks in which nothing sounds."""
    length = int(ends.max(initial=0))
    if length < 1:
        return math.nan
    count = length // span + 1
    # +1 in the span of an onset and -1 behind that of its end; a note that ends on a line fills the next span too
    change = np.bincount(onsets // span, minlength=count + 1) - np.bincount(ends // span + 1, minlength=count + 1)
    return float((np.cumsum(change)[:count] == 0).mean())


def _groove(onsets: np.ndarray, ends: np.ndarray, bar: int) -> float:
    """The similarity of the onsets of neighbouring bars of `bar` ticks or steps, 0 to 1."""
    count = int(ends.max(initial=0)) // bar + 1
    if count < 2:
        return math.nan
    # each bar against the one behind it, moved back by a bar: onsets that only one of the two has
    times = np.unique(onsets)
    earlier, later = times[times // bar < count - 1], times[times // bar > 0] - bar
    different = len(np.setxor1d(earlier, later, assume_unique=True))
    return 1 - different / (bar * (count - 1))
