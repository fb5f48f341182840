"""Features of a piece for several instruments: the five numbers of MuseGAN (Dong et al., AAAI 2018).

They are counted bar by bar at 24 steps per quarter note, for each of the five instruments of
musictool/music/instruments.py:

    empty_bars           EB  share of bars in which the instrument is silent
    used_pitch_classes   UPC pitch classes per bar, 0 to 12, of the bars in which it plays; not of drums
    qualified_notes      QN  share of notes that last at least 3 steps, a 32nd; shorter ones are fragments; not of drums
    drum_pattern         DP  share of drum hits on the sixteenths (a hit one step off counts 0.3); the best of the six
                             offsets of that grid in each bar, as in the authors' program
    tonal_distance       TD  of two instruments, in Harte's tonal space (2006): 0 if they play the same pitch classes in
                             each quarter note; the mean over those in which both play; not of drums

Each is compared with what people write, and near it is good. On Lakh's rock songs the authors found for drums, piano,
guitar, bass and strings: EB 8, 25, 19, 8, 10%; UPC 3.28 (piano), 3.08, 1.71, 3.38; QN 90, 82, 90, 88%; DP 89%; TD 1.0
to 1.6, which hardly changes where the tracks of different songs are put together, so trust it least.

Limit: bars are those of the piece's first metre, and drum hits are measured in it as if it were 4/4.
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np

from musictool.metrics.musical import first_bar_ticks
from musictool.music.grid import in_steps, to_steps
from musictool.music.instruments import DRUMS, INSTRUMENTS, note_instruments
from musictool.music.score import Score

STEPS_PER_QUARTER = 24
FRAGMENT = 3  # steps; a shorter note is not a qualified one
_PATTERN = np.array([1.0, 0.3, 0.0, 0.0, 0.0, 0.3])  # what a hit counts, by its step within a sixteenth
_SHIFTS = np.array([np.roll(_PATTERN, shift) for shift in range(len(_PATTERN))])  # (6, 6)
_ANGLES = np.arange(12) * np.pi * np.array([[7 / 6], [3 / 2], [2 / 3]])
_RADII = np.array([1.0, 1.0, 0.5])
TONAL = np.stack([_RADII[:, None] * wave(_ANGLES) for wave in (np.sin, np.cos)], axis=1).reshape(6, 12)


def band_features(score: Score) -> dict[str, float]:
    """Each number by its name and instrument or instruments: "empty_bars:bass", "tonal_distance:bass-piano".

    nan where there is nothing to count, as for an instrument that does not play. A Score without notes has no bar.
    """
    instruments = note_instruments(score)
    onsets, lengths = in_steps(score.notes, STEPS_PER_QUARTER)
    bar = max(1, int(to_steps(np.array(first_bar_ticks(score)), STEPS_PER_QUARTER)))
    steps = int((onsets + lengths).max(initial=0))
    features, classes = {}, {}
    for index, name in enumerate(INSTRUMENTS):
        mine = instruments == index  # bool (N,)
        onsets_and_ends = onsets[mine], onsets[mine] + lengths[mine]
        features[f"empty_bars:{name}"] = _empty(*onsets_and_ends, bar, -(-steps // bar))
        if index == DRUMS:
            features["drum_pattern:drums"] = _drum_pattern(onsets_and_ends[0], bar)
            continue
        classes[name] = pitch_classes(score.notes["pitch"][mine] % 12, *onsets_and_ends, -(-steps // bar) * bar)
        features[f"used_pitch_classes:{name}"] = _used(classes[name], bar)
        features[f"qualified_notes:{name}"] = float((lengths[mine] >= FRAGMENT).mean()) if mine.any() else math.nan
    for one, other in combinations(sorted(classes), 2):
        features[f"tonal_distance:{one}-{other}"] = _tonal_distance(classes[one], classes[other])
    return features


def playing(score: Score, bars: int) -> np.ndarray:
    """bool (bars, I): in which of its first bars each instrument plays; those behind the end are silent."""
    instruments = note_instruments(score)
    onsets, lengths = in_steps(score.notes, STEPS_PER_QUARTER)
    bar = max(1, int(to_steps(np.array(first_bar_ticks(score)), STEPS_PER_QUARTER)))
    plays = np.zeros((bars, len(INSTRUMENTS)), bool)
    for index in range(len(INSTRUMENTS)):
        mine = instruments == index
        sounding = _playing(onsets[mine], onsets[mine] + lengths[mine], bar, bars)
        plays[:, index] = sounding[:bars]
    return plays


def pitch_classes(classes: np.ndarray, onsets: np.ndarray, ends: np.ndarray, steps: int) -> np.ndarray:
    """int32 (steps, 12): how many notes of each pitch class sound in each step."""
    # +1 where a note begins and -1 where it ends; the running sum is what sounds
    change = np.zeros((steps + 1, 12), np.int32)
    np.add.at(change, (onsets, classes), 1)
    np.add.at(change, (ends, classes), -1)
    return np.cumsum(change, axis=0, dtype=np.int32)[:-1]


def _empty(onsets: np.ndarray, ends: np.ndarray, bar: int, bars: int) -> float:
    return float((~_playing(onsets, ends, bar, bars)[:bars]).mean()) if bars else math.nan


def _playing(onsets: np.ndarray, ends: np.ndarray, bar: int, bars: int) -> np.ndarray:
    """bool (at least `bars`,): in which bars a note sounds."""
    last = max(bars, int(ends.max(initial=0)) // bar + 2)
    # +1 in the bar of a note's onset and -1 in the bar behind its last step
    change = np.bincount(onsets // bar, minlength=last) - np.bincount((ends - 1) // bar + 1, minlength=last)
    return np.asarray(np.cumsum(change) > 0)


def _used(sounding: np.ndarray, bar: int) -> float:
    used = (sounding.reshape(-1, bar, 12) > 0).any(axis=1).sum(axis=1)
    return float(used[used > 0].mean()) if used.any() else math.nan


def _drum_pattern(onsets: np.ndarray, bar: int) -> float:
    """The mean over the bars that have hits."""
    if not len(onsets):
        return math.nan
    # hits of each bar by their step within a sixteenth, and the best offset of the grid in each bar
    bars, inverse = np.unique(onsets // bar, return_inverse=True)
    hits = np.bincount(inverse * 6 + onsets % bar % 6, minlength=6 * len(bars)).reshape(-1, 6)  # (bars, 6)
    return float(((hits @ _SHIFTS.T).max(axis=1) / hits.sum(axis=1)).mean())


def _tonal_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Of int (steps, 12) each: the mean over the quarter notes in which both play."""
    # how much of each pitch class sounds in each quarter note
    whole = [classes[: len(classes) // STEPS_PER_QUARTER * STEPS_PER_QUARTER] for classes in (one, other)]
    chroma = [classes.reshape(-1, STEPS_PER_QUARTER, 12).sum(axis=1) for classes in whole]  # (beats, 12)
    both = (chroma[0].sum(axis=1) > 0) & (chroma[1].sum(axis=1) > 0)
    if not both.any():
        return math.nan
    # the distance of the two centroids in tonal space
    centroids = [c[both] / c[both].sum(axis=1, keepdims=True) @ TONAL.T for c in chroma]  # (beats, 6)
    return float(np.linalg.norm(centroids[0] - centroids[1], axis=1).mean())
