"""Ticks <-> steps of a grid, and the re-strike rule: what a keyboard, a MIDI channel and a piano-roll can all hold.

A grid divides the quarter note into a whole number of equal steps (4: sixteenths). Rounding is half up, so that a note
exactly between two steps always goes the same way.
"""

from __future__ import annotations

import numpy as np

from musictool.score import PITCHES, TICKS_PER_QUARTER, sort_notes


def to_steps(ticks: np.ndarray, steps_per_quarter: int) -> np.ndarray:
    """int64: the nearest step of each time in ticks."""
    return (2 * np.asarray(ticks, np.int64) * steps_per_quarter + TICKS_PER_QUARTER) // (2 * TICKS_PER_QUARTER)


def to_ticks(steps: np.ndarray, steps_per_quarter: int) -> np.ndarray:
    """int64: the time in ticks at which each step begins."""
    return (np.asarray(steps, np.int64) * TICKS_PER_QUARTER + steps_per_quarter // 2) // steps_per_quarter


def restruck(notes: np.ndarray) -> np.ndarray:
    """NOTE (M,), M <= N: `notes` without overlaps of one pitch in one track.

    A key that is struck again while it sounds ends its first note there; of notes struck together the longest stays.
    MIDI cannot say which of two equal pitches a note-off ends, and every reader guesses differently.
    """
    voice = notes["track"].astype(np.int64) * PITCHES + notes["pitch"]
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
