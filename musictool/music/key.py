"""In which key a piece stands, from how long each pitch class sounds.

The Krumhansl-Schmuckler way: correlate the twelve durations with a profile of each of the 24 keys, take the best. The
profiles are those of Aarden and Essen, music21's default, so that the answer is that of its `analyze("key")`, a few
thousand times faster. Limit: a piece that modulates gets one key all the same.
"""

from __future__ import annotations

import numpy as np

from musictool.music.pitches import MAJOR_TONICS, MINOR_TONICS

MAJOR = (17.7661, 0.145624, 14.9265, 0.160186, 19.8049, 11.3587, 0.291248, 22.062, 0.145624, 8.15494, 0.232998, 4.95122)
MINOR = (18.2648, 0.737619, 14.0499, 16.8599, 0.702494, 14.4362, 0.702494, 18.6161, 4.56621, 1.93186, 7.37619, 1.75623)

NO_KEY = -1  # of a piece in which nothing but drums sounds

KEY_NAMES = tuple(
    f"{tonic} {mode}" for mode, tonics in (("major", MAJOR_TONICS), ("minor", MINOR_TONICS)) for tonic in tonics
)


def _profiles() -> np.ndarray:
    rows = np.array([np.roll(profile, tonic) for profile in (MAJOR, MINOR) for tonic in range(12)])
    rows -= rows.mean(axis=1, keepdims=True)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


PROFILES = _profiles()  # (24, 12), each of mean 0 and length 1, in the order of KEY_NAMES


def semitones_to_c(key: int) -> int:
    """-5..6: from a key, an index into KEY_NAMES, to C major or, from a minor one, to A minor; from NO_KEY 0."""
    if key == NO_KEY:
        return 0
    tonic = key if key < 12 else key - 12 + 3  # of the major key with the same notes
    up = -tonic % 12
    return up - 12 if up > 6 else up
