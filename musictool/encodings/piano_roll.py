"""A piano-roll: the 88 keys of a piano, step by step.

One row per step of the grid (a sixteenth); number k of it is the key of MIDI pitch 21 + k, A0 to C8:

    0        the key is silent
    1        the key is held; the first 1 after a 0 strikes it

A key that is struck again while it sounds is 0 for the step before, and decoding closes such a gap of one step: the
note before it comes back with its full length. With onsets=true numbers 88 + k are 1 where key k is struck, and no step
is taken away.

Notes of all tracks are played on the one keyboard; pitches outside of it come back moved by octaves.

What is lost: which track plays what, programs, drums, velocities, tempo and metre, and all timing finer than a step
(triplets become uneven). Without onsets also rests of one step between two notes of one key, and every other one of
notes that repeat step after step (musictool/music/grid.py).

Which to take: without onsets a frame is half as large, a network that predicts it key by key has one question for each
key (88, and not 176 of which half follow from the others), and of what Bach's chorales play nothing but one rest in a
hundred notes is lost. Fast repetitions, as a band or a pianist plays them, need onsets, or more steps per quarter note.

Source: Boulanger-Lewandowski, Bengio and Vincent, "Modeling Temporal Dependencies in High-Dimensional Sequences"
(2012), whose four sets are such rolls, and the LSTMs with a sigmoid per key that followed. Limit: most rows repeat the
one before, so that a model can be right nearly always by holding what sounds, and a model that draws each key by itself
does not know which of them make a chord.
"""

from __future__ import annotations

import numpy as np

from musictool.encodings._roll import FrameOptions, Roll, shifted
from musictool.music.score import KEYBOARD, Score, Track


class PianoRoll(Roll):
    """A piano-roll: uint8 0/1 (T, 88), 1 while the key is held, one row per step; with onsets (T, 176)."""

    name = "piano-roll"
    kind = "frames"
    Options = FrameOptions
    shape = (len(KEYBOARD),)
    pitches = KEYBOARD
    tracks = (Track(),)
    key_tracks = np.zeros(len(KEYBOARD), np.int64)
    key_pitches = np.array(KEYBOARD)

    def note_tracks(self, score: Score) -> np.ndarray:
        return np.where(score.is_drum, -1, 0)

    def transpose(self, rows: np.ndarray, semitones: int) -> np.ndarray:
        """The rows (..., 88 or 176) moved by keys; those off the keyboard by octaves, onto keys that may sound."""
        planes = rows.reshape(*rows.shape[:-1], rows.shape[-1] // len(KEYBOARD), len(KEYBOARD))
        return shifted(planes, semitones, axis=-1).reshape(rows.shape)
