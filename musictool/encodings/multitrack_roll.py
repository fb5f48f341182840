"""Five piano-rolls side by side: piano, guitar, bass, strings, drums, step by step.

One row per step of the grid (a sixteenth); number instrument * 128 + pitch of it is that pitch of that instrument:

    0..127     piano        0 silent, 1 held; the first 1 after a 0 strikes the key
    128..255   guitar       the same
    256..383   bass         the same
    384..511   strings      the same: every instrument that is none of the others
    512..639   drums        1 where a drum is hit; each 1 is a hit of its own

Numbers 640 + k are 1 where number k is struck. With onsets=false, as in the original, there are the first 640 alone: a
key that is struck again while it sounds is then 0 for the step before, and decoding closes such a gap of one step: the
note before it has its full length again.

musictool/music/instruments.py says which track belongs to which instrument; notes of two tracks of one instrument share
its keys. An octave at either end, pitches 0..11 and 116..127, is left free (not of drums): such notes come back moved
by octaves. So transposition by up to an octave moves no two keys onto one, which nothing could part again.

What is lost: which of an instrument's tracks plays what, its program, sound effects, velocities, the lengths of drum
hits, tempo and metre, and all timing finer than a step (triplets become uneven). With onsets=false also rests of one
step between two notes of one key, and every other one of notes that repeat step after step (musictool/music/grid.py).

Source: Tham and Kim's multi-instrument RNN (2021), on the Lakh Pianoroll Dataset of Dong et al., "MuseGAN" (2018).
Limit: the melody has no place of its own; it is in the strings, or in the piano among its chords.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from musictool.encodings._roll import BandRoll, FrameOptions, shifted
from musictool.music.instruments import DRUMS, INSTRUMENTS
from musictool.music.score import PITCHES


class MultitrackRoll(BandRoll):
    """Five piano-rolls, held and struck: uint8 0/1 (T, 1280), one row per step; without onsets (T, 640)."""

    name = "multitrack-roll"
    kind = "frames"
    Options = FrameOptions
    UNNAMED: ClassVar = {"onsets": False}
    shape = (len(INSTRUMENTS) * PITCHES,)
    key_tracks = np.repeat(np.arange(len(INSTRUMENTS)), PITCHES)
    key_pitches = np.tile(np.arange(PITCHES), len(INSTRUMENTS))

    def transpose(self, rows: np.ndarray, semitones: int) -> np.ndarray:
        """The rows (..., 640 or 1280), pitches off the end of 0..127 moved by octaves; drums stay."""
        steps = rows.reshape(*rows.shape[:-1], rows.shape[-1] // self.shape[0], len(INSTRUMENTS), PITCHES)
        transposed = shifted(steps, semitones, axis=-1)
        transposed[..., DRUMS, :] = steps[..., DRUMS, :]
        return transposed.reshape(rows.shape)
