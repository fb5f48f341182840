"""TSD: time shifts, and notes of pitch, velocity and duration, as MidiTok writes them.

A piece is a line of tokens, one per row. What happens together stands together; a TimeShift goes on to the next time:

    TimeShift_0.6.12              go on: beats, and steps of so many to the beat; a long way is several of them
    Tempo_120.0                   with tempo=true: quarter notes per minute, from here on
    Program_40                    with programs=true: who plays the next note, General MIDI, 0..127; -1 is the drums
    Chord_min                     with chords=true: the next notes of this program are such a chord (14 qualities)
    Pitch_60 Velocity_79          a note: MIDI number, loudness in 32 levels (with velocity=true) ...
    Duration_1.0.12               ... and length, as time shifts are written
    PitchDrum_36                  in place of Pitch: a drum sound

A beat is a quarter note. What survives: onsets on the grid (12 steps per beat hold sixteenths and triplets); lengths on
the grid up to 4 beats, on every third step of 12 up to 16, which is the longest; velocities in 32 levels; programs and
drums, where tracks of one program become one; tempos in steps of 5 from 20 to 260; pitches but 127, which becomes 115
unless it is a drum.

What is lost: all finer timing, overlaps of one pitch in one program (the first note ends where the second begins; of
two that begin together the longest stays), names, keys, metres, tempo changes behind the last onset; with
programs=false also the drums, and all that remains is one piano.

With vocabulary=4096, say, tokens that often stand together are merged until there are so many (byte pair encoding).
Tokens with a pitch never are, so that training can go on transposing (see _merges.py).

Source: Fradet, Briot, Chhel, El Fallah Seghrouchni and Gutowski, "MidiTok" (2021), who write and read it: the MIDI-like
tokens of Oore et al. (2018) with durations in place of note-offs. Limit: nothing says where a bar begins; a model
has to count time shifts, where REMI names the position.
"""

from __future__ import annotations

import numpy as np

from musictool.encodings._miditok import MidiTokEncoding


class Tsd(MidiTokEncoding):
    """Time shifts and notes: int32 (T,), three to five tokens per note; a fixed vocabulary unless it is merged."""

    name = "tsd"
    tokenizer_name = "TSD"

    def clock(self, numbers: np.ndarray) -> np.ndarray:
        """int64 (B,), units: the sum of the time shifts so far."""
        shifts = np.zeros(len(self.base_texts), np.int64)
        for number in np.flatnonzero(self.kinds == "TimeShift"):
            beats, steps, of = map(int, self.values[number].split("."))
            shifts[number] = (beats * of + steps) * self.grid.units_per_quarter // of
        return np.cumsum(shifts[numbers])
