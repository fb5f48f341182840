"""In which key a piece stands, from how long each pitch class sounds.

The Krumhansl-Schmuckler way: correlate the twelve durations with a profile of each of the 24 keys, take the best. The
profiles are those of Aarden and Essen, music21's default, so that the answer is that of its `analyze("key")`, a few
thousand times faster. One honest limit: a piece that modulates gets one key all the same.
"""

from __future__ import annotations

import numpy as np

from musictool.corpus.packed import NO_KEY, Packed, pack
from musictool.music.score import Score

MAJOR = (17.7661, 0.145624, 14.9265, 0.160186, 19.8049, 11.3587, 0.291248, 22.062, 0.145624, 8.15494, 0.232998, 4.95122)
MINOR = (18.2648, 0.737619, 14.0499, 16.8599, 0.702494, 14.4362, 0.702494, 18.6161, 4.56621, 1.93186, 7.37619, 1.75623)

KEY_NAMES = tuple(
    f"{tonic} {mode}"
    for mode, tonics in (("major", "C Db D Eb E F F# G Ab A Bb B"), ("minor", "C C# D Eb E F F# G G# A Bb B"))
    for tonic in tonics.split()
)


def _profiles() -> np.ndarray:
    rows = np.array([np.roll(profile, tonic) for profile in (MAJOR, MINOR) for tonic in range(12)])
    rows -= rows.mean(axis=1, keepdims=True)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


PROFILES = _profiles()  # (24, 12), each of mean 0 and length 1, in the order of KEY_NAMES


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


def semitones_to_c(key: int) -> int:
    """-5..6: from a key, an index into KEY_NAMES, to C major or, from a minor one, to A minor; from NO_KEY 0."""
    if key == NO_KEY:
        return 0
    tonic = key if key < 12 else key - 12 + 3  # of the major key with the same notes
    up = -tonic % 12
    return up - 12 if up > 6 else up
