"""The notes of a piece as one keyboard sounds them, and the slices between its onsets.

The notes of all tracks are taken together, two of one pitch as one, and onsets within TOGETHER_TICKS as struck
together. At each onset there is a slice, as music21's `chordify` makes them: the notes that sound there, struck or held
over.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from musictool.music.score import PITCHES

TOGETHER_TICKS = 30  # onsets no further apart are struck together: 31 ms at 120 quarter notes a minute
MAX_VOICES = 6  # of a slice, from the top, that are followed for parallels


@dataclass(frozen=True)
class KeyboardSlices:
    """The notes of a piece as a keyboard sounds them, N, and the S times at which any are struck.

    Attributes:
        pitches, onsets, lengths: int64 (N,), ticks; an onset is that of its slice.
        until_again: int64 (N,), ticks until the same pitch is struck again; 0 for never.
        first, last: int64 (N,), the slices in which each note sounds, half-open.
        times: int64 (S,), ticks.
        sounding, struck: bool (S, P).
        classes, above_bass: bool (S, 12), pitch classes, counted from C and from the bass.
        top, bass: int64 (S,), pitches.
        doubled_bass: bool (S,), whether the bass sounds in a higher octave too.
    """

    pitches: np.ndarray
    onsets: np.ndarray
    lengths: np.ndarray
    until_again: np.ndarray
    first: np.ndarray
    last: np.ndarray
    times: np.ndarray
    sounding: np.ndarray
    struck: np.ndarray
    classes: np.ndarray
    above_bass: np.ndarray
    top: np.ndarray
    bass: np.ndarray
    doubled_bass: np.ndarray

    @classmethod
    def of(cls, notes: np.ndarray, end_ticks: int) -> KeyboardSlices:
        """The slices of NOTE (N,)."""
        pitches, onsets = notes["pitch"].astype(np.int64), notes["onset_ticks"].astype(np.int64)
        ends = onsets + notes["duration_ticks"]
        # onsets that follow each other within TOGETHER_TICKS are the first of them
        times = np.unique(onsets)
        times = times[np.append(True, np.diff(times) > TOGETHER_TICKS)] if len(times) else times
        onsets = times[np.searchsorted(times, onsets, side="right") - 1] if len(times) else onsets
        # of a pitch that is struck twice at once the longest; a pitch that is struck while it sounds ends there, and
        # the later end of both counts
        stride = end_ticks + 1
        places = pitches * stride + onsets
        order = np.lexsort((ends, places))
        places, end_places = places[order], (pitches * stride + ends)[order]
        kept = np.diff(places, append=-1) != 0
        places, end_places = places[kept], np.maximum.accumulate(end_places[kept])
        pitches, onsets = np.divmod(places, stride)
        again = np.diff(pitches, append=-1) == 0
        until_again = np.where(again, np.diff(places, append=0), 0)
        lengths = end_places - places
        lengths = np.where(again, np.minimum(lengths, until_again), lengths)
        # what sounds and what is struck in each slice
        first = np.asarray(np.searchsorted(times, onsets))
        last = np.maximum(np.searchsorted(times, onsets + lengths - TOGETHER_TICKS), first + 1)
        change = np.zeros((len(times) + 1, PITCHES), np.int16)
        np.add.at(change, (first, pitches), 1)
        np.add.at(change, (last, pitches), -1)
        sounding = np.asarray(np.cumsum(change, axis=0)[:-1] > 0)
        struck = np.zeros_like(sounding)
        struck[first, pitches] = True
        top, bass = PITCHES - 1 - sounding[:, ::-1].argmax(axis=1), sounding.argmax(axis=1)
        # its outer voices and pitch classes
        octaves = np.pad(sounding, ((0, 0), (0, -PITCHES % 12))).reshape(len(times), -(-PITCHES // 12), 12)
        classes = np.asarray(octaves.any(axis=1))
        rows = np.arange(len(times))
        above = classes[rows[:, None], (bass[:, None] + np.arange(12)) % 12]
        doubled = octaves.sum(axis=1)[rows, bass % 12] > 1
        return cls(
            pitches=pitches,
            onsets=onsets,
            lengths=lengths,
            until_again=until_again,
            first=first,
            last=last,
            times=times,
            sounding=sounding,
            struck=struck,
            classes=classes,
            above_bass=above,
            top=top,
            bass=bass,
            doubled_bass=doubled,
        )

    def voices(self) -> np.ndarray:
        """int64 (S, MAX_VOICES): the pitches of each slice from the top down, -1 for none."""
        pitches = np.where(self.sounding, np.arange(PITCHES), -1)
        return -np.sort(-pitches, axis=1)[:, :MAX_VOICES]


def bits(classes: np.ndarray) -> np.ndarray:
    """int64 (S,): bool (S, 12) as one number each."""
    return classes.astype(np.int64) @ (1 << np.arange(12))


@cache
def roughness() -> np.ndarray:
    """float64 (P, P): of each two pitches, by Sethares (1993), from six partials that fade by 0.88; 0 for one pitch."""
    partials = np.arange(1, 7)
    hertz = 440.0 * 2 ** ((np.arange(PITCHES) - 69) / 12)[:, None] * partials  # (P, 6)
    loud = 0.88 ** (partials - 1)
    rough = np.zeros((PITCHES, PITCHES))
    for pitch in range(PITCHES):
        one, other = hertz[pitch][None, :, None], hertz[:, None, :]  # (P, 6, 6)
        distance = np.abs(one - other) * 0.24 / (0.0207 * np.minimum(one, other) + 18.96)
        both = loud[:, None] * loud
        rough[pitch] = (both * (np.exp(-3.51 * distance) - np.exp(-5.75 * distance))).sum(axis=(1, 2))
    np.fill_diagonal(rough, 0.0)
    return rough
