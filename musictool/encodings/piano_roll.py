"""A piano-roll: the 88 keys of a piano, step by step.

One row per step of the grid (a sixteenth); two numbers of it are the key of MIDI pitch 21 + k, A0 to C8:

    k         1 while the key is held, 0 while it is silent
    88 + k    1 where it is struck; a 1 of k behind a 0 strikes it in any case

With onsets=false there are the first 88 alone, as in the published sets. A key that is struck again while it sounds is
then 0 for the step before, and decoding closes such a gap of one step: the note before it has its full length again.

Notes of all tracks are played on the one keyboard; pitches outside of it come back moved by octaves.

What is lost: which track plays what, programs, drums, velocities, tempo and metre, and all timing finer than a step
(triplets become uneven). With onsets=false also rests of one step between two notes of one key, and every other one of
notes that repeat step after step (musictool/music/grid.py).

Why onsets are the default: without them 1 to 2% of the notes of Bach's chorales lose a rest behind them, by which a
classifier tells eight bars from Bach's with an AUC of 0.82; with them not at all (0.50). A network that decides key by
key takes both numbers of a key at once, and mostly the second follows from the first.

Source: Boulanger-Lewandowski, Bengio and Vincent, "Modeling Temporal Dependencies in High-Dimensional Sequences"
(2012), whose four sets are such rolls, and the LSTMs with a sigmoid per key that followed. Limit: most rows repeat the
one before, so that a model can be right nearly always by holding what sounds, and a model that draws each key by itself
does not know which of them make a chord.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from musictool.encodings._roll import FrameOptions, Roll, shifted
from musictool.music.score import KEYBOARD, Score, Track


class PianoRoll(Roll):
    """A piano-roll: uint8 0/1 (T, 176), which keys are held and which are struck, one row per step; or (T, 88)."""

    name = "piano-roll"
    kind = "frames"
    Options = FrameOptions
    UNNAMED: ClassVar = {"onsets": False}
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
