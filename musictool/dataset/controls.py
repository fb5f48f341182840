"""What is to come, in 13 numbers beside each row: how dense the music gets, and which pitch classes it will use.

    0       note density: notes a second that begin in the DENSITY_SECONDS from the row's place on
    1..12   pitch classes C..B: the share of the sounding time in the HISTOGRAM_SECONDS from there on; they add up to 1,
            or are all equal where nothing sounds

They are the optional conditioning of Performance RNN (Simon and Oore 2017): a model that reads them beside the rows can
be asked for denser music or for another key. Drums count for the density and not for the pitch classes. Near the end of
a piece the density is that of what is left of it. Time is that of the decoded piece; where an encoding counts beats and
keeps no tempo, at the tempo with which the piece began.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from musictool.encoding import Encoding
from musictool.music.score import Score

CONTROLS = 13
DENSITY_SECONDS = 3.0
HISTOGRAM_SECONDS = 5.0
SHORTEST_SECONDS = 0.25  # what is left of a piece counts as at least so long
_PRIOR_SECONDS = 0.01  # added to each pitch class


def controls(encoding: Encoding, rows: np.ndarray, tempos: np.ndarray) -> np.ndarray:
    """float16 (T, CONTROLS) beside the rows (T,) of one piece.

    Args:
        tempos: TEMPO, of the piece as it was read.
    """
    music = encoding.decode(rows)
    if not len(music.tempos) and not encoding.stretches:
        music = replace(music, tempos=tempos[:1])
    at = music.to_seconds(encoding.positions(rows))
    return np.concatenate([_density(music, at)[:, None], _histogram(music, at)], axis=1).astype(np.float16)


def transposed(values: np.ndarray, semitones: int) -> np.ndarray:
    """Controls (..., CONTROLS) of the same music `semitones` higher."""
    return np.concatenate([values[..., :1], np.roll(values[..., 1:], semitones, axis=-1)], axis=-1)


def stretched(values: np.ndarray, factor: float) -> np.ndarray:
    """Controls (..., CONTROLS) of the same music played `factor` times as long."""
    return np.concatenate([values[..., :1] / np.asarray(factor, values.dtype), values[..., 1:]], axis=-1)


def _density(music: Score, at: np.ndarray) -> np.ndarray:
    """float64 (T,)."""
    onsets = music.to_seconds(music.notes["onset_ticks"])
    notes = np.searchsorted(onsets, at + DENSITY_SECONDS) - np.searchsorted(onsets, at)
    return notes / np.clip(music.seconds - at, SHORTEST_SECONDS, DENSITY_SECONDS)


def _histogram(music: Score, at: np.ndarray) -> np.ndarray:
    """float64 (T, 12)."""
    notes = music.notes[~music.is_drum]
    onsets = music.to_seconds(notes["onset_ticks"])
    ends = music.to_seconds(notes["onset_ticks"].astype(np.int64) + notes["duration_ticks"])
    sounding = np.zeros((len(at), 12))
    for pitch_class in range(12):
        own = notes["pitch"] % 12 == pitch_class
        for sign, times in ((1, onsets[own]), (-1, ends[own])):
            times = np.sort(times)
            sounding[:, pitch_class] += sign * (_since(times, at + HISTOGRAM_SECONDS) - _since(times, at))
    sounding += _PRIOR_SECONDS
    return sounding / sounding.sum(axis=1, keepdims=True)


def _since(times: np.ndarray, at: np.ndarray) -> np.ndarray:
    """float64 (T,): how much time has passed, by each of `at`, since each of the sorted `times` before it, in sum."""
    passed = np.searchsorted(times, at)
    return passed * at - np.concatenate([[0], np.cumsum(times)])[passed]
