"""REMI: bars, positions in the bar, and notes of pitch, velocity and duration, as MidiTok writes them.

A piece is a line of tokens, one per row. A bar begins with Bar; what happens at a time stands behind its Position:

    Bar_None                      the next bar
    TimeSig_3/4                   with metre=true: behind each Bar, the metre; it lasts until another one is named
    Position_24                   steps from the beginning of the bar; the time of what follows
    Tempo_120.0                   with tempo=true: quarter notes per minute, from here on
    Program_40                    with programs=true: who plays the next note, General MIDI, 0..127; -1 is the drums
    Chord_min                     with chords=true: the next notes of this program are such a chord (14 qualities)
    Pitch_60 Velocity_79          a note: MIDI number, loudness in 32 levels (with velocity=true) ...
    Duration_1.0.12               ... and length: beats, and steps of so many to the beat
    PitchDrum_36                  in place of Pitch: a drum sound

A beat is a quarter note; in metres that count eighths it is an eighth, so that the grid is twice as fine there.

What survives: onsets on the grid (12 steps per beat hold sixteenths and triplets); lengths on the grid up to 4 beats,
on every third step of 12 up to 16, which is the longest; velocities in 32 levels; programs and drums, where tracks of
one program become one; tempos in steps of 5 from 20 to 260; metres of 1..12 quarters or eighths, from the next bar
line; pitches but 127, which becomes 115 unless it is a drum.

What is lost: all finer timing, overlaps of one pitch in one program (the first note ends where the second begins; of
two that begin together the longest stays), names, keys, other metres (they become one with equal bars, else 4/4), tempo
and metre changes behind the last onset; with programs=false also the drums, and all that remains is one piano.

With vocabulary=4096, say, tokens that often stand together are merged until there are so many (byte pair encoding).
Tokens with a pitch never are, so that training can go on transposing (see _merges.py). Real pieces become half as many
rows; merging pitches too, as others do, would leave about a third.

Source: Huang and Yang, "Pop Music Transformer" (2020), which has bars of 4/4, 16 positions in each and one piano;
programs and metres as in von Rütte et al., FIGARO (2022); written and read by MidiTok (Fradet et al. 2021). Limit: a
note costs three to five tokens, so a model sees a quarter as much music in one window as with one token per note.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musictool.encodings._miditok import MidiTokEncoding, MidiTokOptions
from musictool.options import option


@dataclass(frozen=True)
class Options(MidiTokOptions):
    """What can be set."""

    metre: bool = option(True, "whether metres are kept; false: every bar has four quarters")


class Remi(MidiTokEncoding):
    """Bars, positions and notes: int32 (T,), three to five tokens per note; a fixed vocabulary unless it is merged."""

    name = "remi"
    Options = Options
    tokenizer_name = "REMI"
    opener = "Bar"

    def clock(self, numbers: np.ndarray) -> np.ndarray:
        """int64 (B,), units: a Bar moves on by the metre's bar, a Position to a step of it."""
        bar_units, step_units = self._metres(numbers)
        kinds = self.kinds[numbers]
        is_bar, is_position = kinds == "Bar", kinds == "Position"
        moves = is_bar.copy()
        moves[np.flatnonzero(is_bar | is_position)[:1]] = False  # the first bar begins where the piece does
        bar_onset = np.cumsum(np.where(moves, np.append(bar_units[:1], bar_units[:-1]), 0))
        steps = np.zeros(len(numbers), np.int64)
        steps[is_position] = self.values[numbers[is_position]].astype(np.int64)
        at = bar_onset + steps * step_units
        last = np.maximum.accumulate(np.where(is_bar | is_position, np.arange(len(numbers)), -1))
        return np.where(last < 0, 0, at[last])

    def _metres(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """int64 (B,) each, units: the length of a bar and of a step behind each token.

        The first metre holds from the beginning if no note stands before it.
        """
        per_quarter, kinds = self.grid.units_per_quarter, self.kinds[numbers]
        named = np.flatnonzero(kinds == "TimeSig")
        metres = [(4, 4), *(tuple(map(int, value.split("/"))) for value in self.values[numbers[named]])]
        if len(named) and not np.isin(kinds[: named[0]], ("Pitch", "PitchDrum", "Velocity", "Duration")).any():
            metres[0] = metres[1]
        beats, beat = np.array(metres).T
        which = np.searchsorted(named, np.arange(len(numbers)), side="right")
        beat_units = per_quarter * 4 // beat
        return (beats * beat_units)[which], (beat_units // self.grid.steps_per_beat)[which]
