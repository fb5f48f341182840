"""One voice a pitch: what a keyboard, a MIDI channel and a piano-roll can all hold."""

from __future__ import annotations

import numpy as np

from musictool.score import sort_notes


def restruck(notes: np.ndarray) -> np.ndarray:
    """NOTE (M,), M <= N: `notes` without overlaps of one pitch in one track.

    A key that is struck again while it sounds ends its first note there; of notes struck together the longest stays.
    MIDI cannot say which of two equal pitches a note-off ends, and every reader guesses differently.
    """
    voice = notes["track"].astype(np.int64) * 128 + notes["pitch"]
    order = np.lexsort((notes["velocity"], notes["duration_ticks"], notes["onset_ticks"], voice))
    notes, voice = notes[order], voice[order]
    onsets = notes["onset_ticks"].astype(np.int64)
    same_voice = voice[1:] == voice[:-1]
    last_of_onset = np.ones(len(notes), bool)
    last_of_onset[:-1] = ~(same_voice & (onsets[1:] == onsets[:-1]))
    notes, voice, onsets = notes[last_of_onset], voice[last_of_onset], onsets[last_of_onset]
    gaps = np.where(voice[1:] == voice[:-1], onsets[1:] - onsets[:-1], np.iinfo(np.int32).max)
    notes["duration_ticks"][:-1] = np.minimum(notes["duration_ticks"][:-1], gaps)
    return sort_notes(notes)
