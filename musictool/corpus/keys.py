"""The key of each piece of a corpus, or of one Score, by the profiles of musictool/music/key.py."""

from __future__ import annotations

import numpy as np

from musictool.corpus.packed import Packed, pack
from musictool.music.key import KEY_NAMES, NO_KEY, PROFILES
from musictool.music.score import Score


def pitch_class_ticks(packed: Packed) -> np.ndarray:
    """float64 (P, 12): how long each pitch class sounds in each piece, in ticks; drums do not count."""
    notes, counts = packed.columns["notes"], packed.pieces["notes"]
    piece = np.repeat(np.arange(len(packed)), counts)
    track = notes["track"] + packed.starts["tracks"][piece]
    weights = np.where(packed.columns["tracks"]["is_drum"][track], 0, notes["duration_ticks"])
    bins = piece * 12 + notes["pitch"] % 12
    return np.bincount(bins, weights, minlength=12 * len(packed)).reshape(-1, 12).astype(np.float64)


def keys_of(packed: Packed) -> np.ndarray:
    """int8 (P,): the key of each piece, an index into KEY_NAMES; NO_KEY where nothing but drums sounds."""
    ticks = pitch_class_ticks(packed)
    # the length of the durations' own vector scales all 24 correlations alike, so the best needs no division by it
    best = (ticks @ PROFILES.T).argmax(axis=1).astype(np.int8)
    best[np.ptp(ticks, axis=1) == 0] = NO_KEY
    return best


def key_index(score: Score) -> int:
    """The key of one piece, an index into KEY_NAMES; NO_KEY where nothing but drums sounds."""
    return int(keys_of(pack([score]))[0])


def key_of(score: Score) -> str:
    """The key of one piece, such as "F# minor"; empty where nothing but drums sounds."""
    key = key_index(score)
    return KEY_NAMES[key] if key != NO_KEY else ""
