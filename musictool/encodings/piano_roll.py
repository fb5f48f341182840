"""A piano-roll: the 88 keys of a piano, step by step.

One row per step of the grid (a sixteenth); number k of it is the key of MIDI pitch 21 + k, A0 to C8:

    0        the key is silent
    1        the key is held; the first 1 after a 0 strikes it

Notes of all tracks are played on the one keyboard; pitches outside of it come back moved by octaves.

What is lost: which track plays what, programs, drums, velocities, tempo and metre, all timing finer than a step
(triplets become uneven), and what a 0/1 roll cannot show: see musictool/music/grid.py, where two notes of one key
touch.

Source: Boulanger-Lewandowski, Bengio and Vincent, "Modeling Temporal Dependencies in High-Dimensional Sequences"
(2012), whose four sets are such rolls, and the LSTMs with a sigmoid per key that followed. Limit: most rows repeat the
one before, so that a model can be right nearly always by holding what sounds, and a model that draws each key by itself
does not know which of them make a chord.
"""

from __future__ import annotations

import numpy as np

from musictool.encodings._roll import Roll, shifted
from musictool.music.score import KEYBOARD, Score, Track


class PianoRoll(Roll):
    """A piano-roll: uint8 0/1 (T, 88), 1 while the key is held, one row per step."""

    name = "piano-roll"
    kind = "frames"
    shape = (len(KEYBOARD),)
    pitches = KEYBOARD
    tracks = (Track(),)
    key_tracks = np.zeros(len(KEYBOARD), np.int64)
    key_pitches = np.array(KEYBOARD)

    def note_tracks(self, score: Score) -> np.ndarray:
        return np.where(score.is_drum, -1, 0)

    def transpose(self, rows: np.ndarray, semitones: int) -> np.ndarray:
        """The rows (..., 88) moved by keys; those off the keyboard by octaves, onto keys that may sound already."""
        return shifted(rows, semitones, axis=-1)
