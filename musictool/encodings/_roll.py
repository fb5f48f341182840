"""What the encodings that are 0/1 grids share: a step of the grid is a row of keys, 1 where a key sounds.

A key is one pitch of one track. An encoding of this family says which keys a step has and in which order, how many
steps make a row, and which notes of a piece belong to which track; the rest is done here. musictool/music/grid.py says
what becomes of notes that a grid cannot tell apart.

Frames can say more (`onsets`): each key has a second number, behind those of all keys, that is 1 where it is struck.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from musictool.encoding import Encoding, Spec
from musictool.music.grid import from_roll, in_steps, rejoin_repeats, separate_repeats, strikes_of, to_roll, to_ticks
from musictool.music.instruments import TRACKS, note_instruments
from musictool.music.score import DEFAULT_VELOCITY, PITCHES, Score, Track, fold_octaves
from musictool.options import option


@dataclass(frozen=True)
class Options:
    """What can be set."""

    steps_per_quarter: int = option(
        4,
        "steps of the grid in a quarter note; 4: sixteenths, of which repeated ones and rests between them are lost; "
        "8 keeps these",
        least=1,
        most=48,
    )


@dataclass(frozen=True)
class FrameOptions:
    """What can be set where a row is one step."""

    steps_per_quarter: int = option(4, "steps of the grid in a quarter note; 4: sixteenths", least=1, most=48)

    onsets: bool = option(
        True,
        "a second number per key, 1 where it is struck; false loses rests of one step between two notes of a key, and "
        "every other one of strikes step after step",
    )


class Roll(Encoding):
    """An encoding whose rows are uint8 0/1, one or more steps each.

    Class attributes:
        shape: of one row without onsets.
        steps_per_row: steps in it.
        tracks: what decoding plays on.
        key_tracks, key_pitches: int64 (keys of a step,): the track, as an index into `tracks`, and the pitch of each.
    """

    Options: ClassVar[type] = Options
    shape: ClassVar[tuple[int, ...]]
    steps_per_row: ClassVar[int] = 1
    tracks: ClassVar[tuple[Track, ...]]
    key_tracks: ClassVar[np.ndarray]
    key_pitches: ClassVar[np.ndarray]

    def __init__(self, settings: Any = None):
        super().__init__(settings)
        is_drum = np.array([track.is_drum for track in self.tracks])
        self._is_percussive = is_drum[self.key_tracks]
        self._keys = np.full((len(self.tracks) + 1, PITCHES), -1)  # of each track and pitch; the last row: left out
        self._keys[self.key_tracks, self.key_pitches] = np.arange(len(self._is_percussive))
        self._keys[:-1][~is_drum] = self._keys[:-1][~is_drum][:, fold_octaves(np.arange(PITCHES), self.pitches)]

    @abstractmethod
    def note_tracks(self, score: Score) -> np.ndarray:
        """int64 (N,): the track that plays each note, an index into `tracks`; -1 where it is left out."""

    @property
    def rows_per_quarter(self) -> int | None:
        return int(self.options.steps_per_quarter) if self.steps_per_row == 1 else None

    @property
    def has_onsets(self) -> bool:
        """Whether each key has a second number, 1 where it is struck."""
        return bool(getattr(self.options, "onsets", False))

    @property
    def spec(self) -> Spec:
        shape = (2 * self.shape[0],) if self.has_onsets else self.shape
        return Spec(self.kind, shape, int(np.prod(shape)))

    def encode(self, score: Score) -> np.ndarray:
        """uint8 0/1 (T, *spec.shape): from tick 0 to the end of the last note, silence filling up the last row."""
        keys = self._keys[self.note_tracks(score), score.notes["pitch"]]
        known = keys >= 0
        rule = strikes_of if self.has_onsets else separate_repeats
        strikes = rule(keys[known], *in_steps(score.notes[known], self.options.steps_per_quarter), self._is_percussive)
        steps = int((strikes[1] + strikes[2]).max(initial=0))
        rows = -(-steps // self.steps_per_row)
        held = to_roll(strikes, rows * self.steps_per_row, len(self._is_percussive))
        if self.has_onsets:
            struck = to_roll((*strikes[:2], np.ones_like(strikes[2])), rows, len(self._is_percussive))
            return np.concatenate([held, struck], axis=1)
        return held.reshape(rows, *self.shape)

    def decode(self, rows: np.ndarray) -> Score:
        """Each run of ones is a note, up to a rest of one step and the next; each 1 of a drum is a hit of one step.

        With onsets a run is as many notes as it has strikes, and every rest is kept; velocity 80.
        """
        num_keys = len(self._is_percussive)
        if self.has_onsets:
            held, struck = np.split(np.asarray(rows).reshape(-1, 2 * num_keys), 2, axis=1)
            strikes = from_roll(held | struck, self._is_percussive, struck)
        else:
            held = np.asarray(rows).reshape(-1, num_keys)
            strikes = rejoin_repeats(from_roll(held, self._is_percussive), self._is_percussive)
        keys, onsets, lengths = strikes
        begin, end = (to_ticks(steps, self.options.steps_per_quarter) for steps in (onsets, onsets + lengths))
        return Score.from_columns(
            begin,
            end - begin,
            self.key_pitches[keys],
            np.full(len(keys), DEFAULT_VELOCITY),
            self.key_tracks[keys],
            tracks=self.tracks,
        )

    def positions(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,), ticks: the first step of each row."""
        return to_ticks(np.arange(len(rows)) * self.steps_per_row, self.options.steps_per_quarter)

    def reached(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,), ticks: the end of each row."""
        return to_ticks((np.arange(len(rows)) + 1) * self.steps_per_row, self.options.steps_per_quarter)

    def onset_pitches(self) -> np.ndarray:
        """bool (numbers in a row, P): the pitch of each key."""
        keys = ~self._is_percussive[:, None] & (self.key_pitches[:, None] == np.arange(PITCHES))
        return np.tile(keys, (self.spec.size // len(keys), 1))


class BandRoll(Roll):
    """A roll of the five instruments, with an octave left free at either end (not of drums)."""

    pitches = range(12, 116)
    tracks = TRACKS

    def note_tracks(self, score: Score) -> np.ndarray:
        return note_instruments(score)

    def instruments(self) -> Sequence[Track | None]:
        """That of each key; of the struck ones behind them, too."""
        return [TRACKS[track] for track in self.key_tracks.tolist()] * (self.spec.size // len(self.key_tracks))


def shifted(rows: np.ndarray, semitones: int, axis: int) -> np.ndarray:
    """A copy of 0/1 `rows` whose pitches, along `axis`, are moved; those off its ends by octaves."""
    transposed = np.zeros_like(rows)
    to, by_pitch = np.moveaxis(transposed, axis, 0), np.moveaxis(rows, axis, 0)
    for first, last, target in _pieces(rows.shape[axis], semitones):
        to[target : target + last - first] |= by_pitch[first:last]
    return transposed


@cache
def _pieces(size: int, semitones: int) -> list[tuple[int, int, int]]:
    """(first, last + 1, where the first goes) of neighbours among `size` pitches that stay neighbours when moved."""
    targets = fold_octaves(np.arange(size) + semitones, range(size))
    edges = [0, *(np.flatnonzero(np.diff(targets) != 1) + 1).tolist(), size]
    return [(first, last, int(targets[first])) for first, last in pairwise(edges)]
