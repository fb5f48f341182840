"""The piano's 88 keys, for encodings that write down no other pitches."""

from __future__ import annotations

import numpy as np

from musictool.music.score import PITCHES, fold_octaves

KEYBOARD = range(21, 109)  # A0..C8
ON_KEYBOARD = fold_octaves(
    np.arange(PITCHES), KEYBOARD
)  # int64 (P,): each pitch, those off the keyboard moved by octaves
