"""Four voices, soprano to bass, step by step: each sings one pitch, or is silent.

One row per step of the grid (a sixteenth); number voice * 88 + k of it is the key of MIDI pitch 21 + k, A0 to C8:

    0..87       soprano   1 while the voice sings that pitch; all 0 for a rest
    88..175     alto      the same
    176..263    tenor     the same
    264..351    bass      the same

Numbers 352 + n are 1 where number n is struck; a 1 of n behind a 0 strikes it in any case. With onsets=false there are
the first 352 alone, and a repeated note is one long one.

musictool/music/voices.py says who sings what: tracks of these names, or up to four tracks that play one note at a time,
are the voices; the notes of any other music are shared out. Of a track that is a voice the longest of notes that begin
together stays, and a note ends where the next begins.

What is lost: drums and every note that no voice sings, programs, velocities, tempo and metre, and all timing finer than
a step; pitches outside of the keyboard come back moved by octaves.

Source: Huang et al., "Counterpoint by Convolution" (2017), where a chorale is a roll for each of four voices, with
onsets=false. Limit: a piano's chords of five notes are not here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musictool.encodings._roll import FrameOptions, Roll, shifted
from musictool.music.grid import in_steps, to_roll
from musictool.music.score import KEYBOARD, Score, Track
from musictool.music.voices import NAMES, VOICES, one_at_a_time, voices_of
from musictool.options import option


@dataclass(frozen=True)
class VoiceOptions(FrameOptions):
    """What can be set."""

    onsets: bool = option(
        True, "a second number per key, 1 where it is struck; false makes repeated notes one long one"
    )


class Voices(Roll):
    """Four keyboards, held and struck: uint8 0/1 (T, 704), one row per step; without onsets (T, 352)."""

    name = "voices"
    kind = "frames"
    Options = VoiceOptions
    shape = (VOICES * len(KEYBOARD),)
    pitches = KEYBOARD
    parts = NAMES
    tracks = tuple(Track(name=name) for name in NAMES)
    key_tracks = np.repeat(np.arange(VOICES), len(KEYBOARD))
    key_pitches = np.tile(np.array(KEYBOARD), VOICES)

    def note_tracks(self, score: Score) -> np.ndarray:
        return voices_of(score, *in_steps(score.notes, self.options.steps_per_quarter))

    def encode(self, score: Score) -> np.ndarray:
        """uint8 0/1 (T, 704) or (T, 352): from tick 0 to the end of the last note."""
        return self.rows_of(score, self.note_tracks(score))

    def rows_of(self, score: Score, voices: np.ndarray) -> np.ndarray:
        """The same, for voices int64 (N,) of the notes that are given; LEFT_OUT leaves one out."""
        onsets, lengths = in_steps(score.notes, self.options.steps_per_quarter)
        kept, lengths = one_at_a_time(voices, onsets, lengths)
        keys, onsets = self._keys[voices[kept], score.notes["pitch"][kept]], onsets[kept]
        steps = int((onsets + lengths).max(initial=0))
        held = to_roll((keys, onsets, lengths), steps, self.shape[0])
        if not self.has_onsets:
            return held
        return np.concatenate([held, to_roll((keys, onsets, np.ones_like(lengths)), steps, self.shape[0])], axis=1)

    def decode(self, rows: np.ndarray) -> Score:
        """Each run of ones is a note, with onsets as many as it has strikes; velocity 80."""
        if self.has_onsets:
            return super().decode(rows)
        # where Roll closes rests of a step, which separate a key's notes there, these are rests here
        strikes = np.diff(np.concatenate([np.zeros((1, self.shape[0]), rows.dtype), rows]).astype(np.int8), axis=0) > 0
        both = Voices(VoiceOptions(self.options.steps_per_quarter))
        return both.decode(np.concatenate([rows, strikes.astype(rows.dtype)], axis=1))

    def numbers_of(self, voices: np.ndarray) -> np.ndarray:
        """bool (T, VOICES) -> bool (T, *spec.shape): the numbers of a row that say what these voices do."""
        return np.tile(np.repeat(voices, len(KEYBOARD), axis=1), (1, 1 + self.has_onsets))

    def transpose(self, rows: np.ndarray, semitones: int) -> np.ndarray:
        """The rows (..., 704 or 352) moved by keys; those off the keyboard by octaves."""
        planes = rows.reshape(*rows.shape[:-1], rows.shape[-1] // len(KEYBOARD), len(KEYBOARD))
        return shifted(planes, semitones, axis=-1).reshape(rows.shape)
