"""How loud each note is, for music whose encoding keeps no velocities.

Played with one velocity, a song sounds like a typewriter. `Dynamics` says how loud a corpus plays, in MIDI velocities:

    velocity = mean + levels[where in the bar] + per_octave * octaves above the middle of the piece
               + top, if it is the highest of several notes + a drift from bar to bar

It is measured in the pieces of a corpus whose velocities change (least squares, after the mean of each bar is taken
off). Where there are none, which is so of scores, it is DEFAULT: `per_octave` and `top` are those of 80 performances of
GiantMIDI-Piano (2.5 and 1.2), the drift half of theirs (13), since they are of all kinds of pieces; they know no bars.
The levels are about those of MMA's example arrangements (2.0, 2.4, -1.0, -2.2 and -4.0), the first beat put first.

The drift goes from bar to bar by a random walk that returns to 0 (autoregressive, of first order); the seed fixes it.
What the formula does not explain, some 11 velocities in a performance, is not imitated: chance is not expression.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from musictool.music.score import DEFAULT_VELOCITY, TICKS_PER_QUARTER, Score, bar_ticks

LEVELS = 5  # first beat of the bar, its middle, another beat, half a beat, between these
RETURN = 0.7  # share of the drift that a bar takes over from the bar before
QUIETEST, LOUDEST = 24, 116
MOST = 40.0  # that any part of the formula adds
_NEAR_TICKS = 30  # by which a note may miss the place that it is heard on
_LEAST_DEVIATION, _LEAST_NOTES = 3.0, 1000  # of velocities within a piece, and of notes in all, to be measured


@dataclass(frozen=True)
class Dynamics:
    """How loud the notes of a corpus are.

    Attributes:
        mean: velocity.
        levels: added on each of LEVELS.
        per_octave: added for each octave above the mean pitch of the piece, and taken off below.
        top: added to the highest of several notes that begin together.
        drift: standard deviation of what is added to all notes of a bar.
    """

    mean: float = float(DEFAULT_VELOCITY)
    levels: tuple[float, ...] = (4.0, 2.0, -1.0, -2.0, -4.0)
    per_octave: float = 2.5
    top: float = 1.2
    drift: float = 6.0

    def played(self, score: Score, seed: int) -> Score:
        """The piece with velocities, if it has none: if all its notes have DEFAULT_VELOCITY."""
        notes = score.notes
        if not len(notes) or (notes["velocity"] != DEFAULT_VELOCITY).any():
            return score
        bar, level = metrical_levels(score)
        velocity = self.mean + np.array(self.levels)[level]
        # by pitch, drums aside
        is_pitched, pitch = ~score.is_drum, notes["pitch"].astype(np.float64)
        middle = pitch[is_pitched].mean() if is_pitched.any() else 0.0
        velocity += np.where(is_pitched, self.per_octave * (pitch - middle) / 12 + self.top * is_top(score), 0)
        # and by the bar
        velocity += self._walk(int(bar.max()) + 1, seed)[bar]
        loud = np.clip(np.round(velocity), QUIETEST, LOUDEST).astype(np.uint8)
        return replace(score, notes=_with_velocities(notes, loud))

    def _walk(self, bars: int, seed: int) -> np.ndarray:
        """float64 (bars,): the drift."""
        steps = np.random.default_rng(seed).normal(0, self.drift, bars)
        walk = np.zeros(bars)
        for i, step in enumerate(steps.tolist()):
            walk[i] = RETURN * walk[i - 1] + (1 - RETURN**2) ** 0.5 * step if i else step
        return walk

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {**asdict(self), "levels": list(self.levels)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Dynamics:
        """The inverse of to_json. Raises ValueError for what is none."""
        try:
            plain: dict[str, Any] = {**values}
            if "levels" in plain:
                plain["levels"] = tuple(map(float, plain["levels"]))
            dynamics = cls(**plain)
        except TypeError as error:  # another name
            raise ValueError(f"no dynamics: {error}") from None
        parts = np.array([*dynamics.levels, dynamics.per_octave, dynamics.top, dynamics.drift], np.float64)
        if len(dynamics.levels) != LEVELS or not (np.abs(parts) <= MOST).all() or not 1 <= dynamics.mean <= 127:
            raise ValueError("dynamics that are out of range")
        return dynamics


DEFAULT = Dynamics()


def measured(scores: Iterable[Score]) -> Dynamics:
    """Those of a corpus; DEFAULT for one whose velocities never change."""
    rows, targets, means, drifts = [], [], [], []
    for score in scores:
        score = replace(score, notes=score.notes[~score.is_drum])
        velocity = score.notes["velocity"].astype(np.float64)
        if len(velocity) < 2 or velocity.std() < _LEAST_DEVIATION:
            continue
        bar, level = metrical_levels(score)
        # the mean of each bar, and what is left
        of_bar = np.bincount(bar, velocity) / np.maximum(np.bincount(bar), 1)
        pitch = score.notes["pitch"].astype(np.float64)
        columns = [level == i for i in range(LEVELS)] + [(pitch - pitch.mean()) / 12, is_top(score)]
        rows.append(np.stack(columns, axis=1).astype(np.float64))
        targets.append(velocity - of_bar[bar])
        means.append(velocity.mean())
        drifts.append(of_bar[np.unique(bar)].std())
    if sum(map(len, targets)) < _LEAST_NOTES:
        return DEFAULT
    solution: np.ndarray = np.linalg.lstsq(np.concatenate(rows), np.concatenate(targets), rcond=None)[0]
    parts: list[float] = np.clip(np.round(solution, 2), -MOST, MOST).tolist()
    mean, drift = float(np.round(np.mean(means), 1)), float(np.round(min(np.median(drifts), MOST), 2))
    return Dynamics(mean, tuple(parts[:LEVELS]), parts[-2], parts[-1], drift)


def metrical_levels(score: Score) -> tuple[np.ndarray, np.ndarray]:
    """int64 (N,) each: the bar that each note begins in, and which of LEVELS it is on."""
    onsets = score.notes["onset_ticks"].astype(np.int64)
    lines = score.bar_onsets_ticks(int(onsets.max(initial=0)) + _NEAR_TICKS + 1)
    bar = np.maximum(np.searchsorted(lines, onsets + _NEAR_TICKS, side="right") - 1, 0)
    # the metre of each note: its bar, and its beat, which has three eighths in a compound metre
    metres = [(0, 4, 4), *((int(m["onset_ticks"]), int(m["numerator"]), int(m["denominator"])) for m in score.metres)]
    holds = np.searchsorted([onset for onset, *_ in metres], onsets + _NEAR_TICKS, side="right") - 1
    length = np.array([bar_ticks(*metre) for _, *metre in metres])[holds]
    beat = np.array([_beat_ticks(*metre) for _, *metre in metres])[holds]
    # how far behind its bar line, and the first of the levels that fits
    since = onsets - lines[bar]
    is_even = length // beat % 2 == 0
    fits = [_is_near(since, length), is_even & _is_near(since, length // 2), _is_near(since, beat)]
    level = np.select([*fits, _is_near(since, np.maximum(beat // 2, 1))], range(LEVELS - 1), LEVELS - 1)
    return bar, level


def is_top(score: Score) -> np.ndarray:
    """bool (N,): the notes, drums aside, that are the highest of several that begin together."""
    onsets, pitches = score.notes["onset_ticks"], np.where(score.is_drum, 0, score.notes["pitch"] + 1)
    _, first, group, count = np.unique(onsets, return_index=True, return_inverse=True, return_counts=True)
    highest = np.maximum.reduceat(pitches, first) if len(first) else pitches
    return np.asarray((pitches == highest[group]) & (count[group] > 1) & (pitches > 0))


def _beat_ticks(numerator: int, denominator: int) -> int:
    eighths = 3 if numerator > 3 and numerator % 3 == 0 else 1
    return max(1, eighths * 4 * TICKS_PER_QUARTER // max(1, denominator))


def _is_near(ticks: np.ndarray, period: np.ndarray) -> np.ndarray:
    """bool (N,): whether a time is about a multiple of a period."""
    near = np.minimum(_NEAR_TICKS, period // 8)
    return (ticks + near) % np.maximum(period, 1) <= 2 * near


def _with_velocities(notes: np.ndarray, velocities: np.ndarray) -> np.ndarray:
    """NOTE (N,) with other velocities; sorted, as they were."""
    notes = notes.copy()
    notes["velocity"] = velocities
    return notes
