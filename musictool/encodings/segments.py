"""Pictures of two bars: 32 steps x 128 pitches x 5 instruments.

One row is 32 steps of the grid; in sixteenths, two bars of 4/4. Number [step, pitch, instrument] of it:

    0    silent
    1    piano, guitar, bass, strings (0..3): held; the first 1 after a 0 strikes the key, across segments too
    1    drums (4): the drum is hit; each 1 is a hit of its own

Segments are cut every 32 steps from the beginning of the piece, and silence fills up the last one. A piece whose bar
lines do not come round with them, such as one in 3/4, is left out, unless any_metre=true cuts it across its bars.
Decoding glues segments together: a note that sounds over the edge of one is one note.

A key that is struck again while it sounds is 0 for the step before, and decoding closes such a gap of one step: the
note before it comes back with its full length.

Which track belongs to which instrument says musictool/music/instruments.py; notes of two tracks of one instrument share
its keys. An octave at either end, pitches 0..11 and 116..127, is left free (not of drums): such notes come back moved
by octaves. So transposition by up to an octave moves no two keys onto one, which nothing could part again.

What is lost: which of an instrument's tracks plays what, its program, sound effects, velocities, the lengths of drum
hits, tempo and metre, all timing finer than a step (triplets become uneven), rests of one step between two notes of one
key, and every other one of notes that repeat step after step (musictool/music/grid.py).

Source: the five-instrument CNNs, VAEs and GANs on the Lakh Pianoroll Dataset: Tham and Kim's MelodyCNN and HarmonyCNN
(2021), and before them Dong et al., "MuseGAN" (2018), with other sizes. Limit: an upbeat that the
file's metre does not tell shifts the bars against the segments, and the same music then looks different from piece to
piece.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from musictool.encodings._roll import BandRoll, Options, shifted
from musictool.music.instruments import DRUMS, INSTRUMENTS
from musictool.music.score import PITCHES, TICKS_PER_QUARTER, Score
from musictool.options import option

STEPS = 32


@dataclass(frozen=True)
class SegmentOptions(Options):
    """What can be set."""

    any_metre: bool = option(False, "take pieces in 3/4, 6/8 and the like too, cut across their bars")


class Segments(BandRoll):
    """Pictures of two bars: uint8 0/1 (T, 32, 128, 5), step by pitch by instrument."""

    name = "segments"
    kind = "segments"
    Options = SegmentOptions
    UNNAMED: ClassVar[dict[str, Any]] = {"any_metre": True}
    shape = (STEPS, PITCHES, len(INSTRUMENTS))
    steps_per_row = STEPS
    key_tracks = np.tile(np.arange(len(INSTRUMENTS)), PITCHES)
    key_pitches = np.repeat(np.arange(PITCHES), len(INSTRUMENTS))

    def encode(self, score: Score) -> np.ndarray:
        """uint8 0/1 (T, 32, 128, 5); T = 0 for a piece whose bars do not fit."""
        return super().encode(score if self.why_not(score) == "" else score.until(0))

    def why_not(self, score: Score) -> str:
        if self.options.any_metre or score.has_bars_within(STEPS * TICKS_PER_QUARTER // self.options.steps_per_quarter):
            return ""
        metres = ", ".join(dict.fromkeys(f"{metre['numerator']}/{metre['denominator']}" for metre in score.metres))
        return (
            f"its metre ({metres}) does not fit into segments of {STEPS} steps; --encoding-set any_metre=true cuts them"
        )

    def transpose(self, rows: np.ndarray, semitones: int) -> np.ndarray:
        """The rows (..., 32, 128, 5), pitches off the end of 0..127 moved by octaves; drums stay."""
        transposed = shifted(rows, semitones, axis=-2)
        transposed[..., DRUMS] = rows[..., DRUMS]
        return transposed
