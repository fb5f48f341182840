"""Which chord each bar of a piece stands on: its symbols where it has some, else what its notes make likely.

The chords of musictool/music/chords.py. Of notes, the chord of each bar is a step of the best path through all bars
(Viterbi, as in A. Sheh and D. Ellis, "Chord Segmentation and Recognition using EM-Trained Hidden Markov Models", 2003):
a bar speaks for a triad by the cosine of how long each pitch class sounds in it with the weights of the triad
(Fujishima 1999), and by its lowest note, if it is low, for the triad on it; a triad is likelier the nearer it stands to
the key of the piece, and behind one whose root is a fifth away. The same is done of half bars where the metre is even,
as 4/4 and 6/8. Limit: one chord per bar, or per half of it, the one that holds longest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from musictool.music.chords import CLASS_OF_PITCH, NONE, TRIAD_WEIGHTS, TRIADS, whole_bars
from musictool.music.key import PROFILES
from musictool.music.score import PITCHES, Score

BASS_BELOW = 53  # F3: a lowest note below it is a bass
_NOTES, _BASS, _KEY, _FIFTH, _SAME = 6.0, 0.8, 1.0, 0.4, 0.3  # weights
# how near the triads on each degree stand to a major key and to a minor one: {semitones above the tonic: weight}
_MAJOR = ({0: 1.0, 5: 0.7, 7: 1.0, 2: 0.2, 10: 0.1}, {2: 0.3, 9: 0.3, 4: 0.1})
_MINOR = ({7: 0.9, 3: 0.6, 8: 0.4, 10: 0.5}, {0: 1.0, 5: 0.7, 7: 0.2})


def bar_chords(score: Score, end_ticks: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """int64 (bars,), ticks, where each bar begins; int64 (bars,), the chord of each. At least one bar.

    Args:
        end_ticks: where the last bar ends, at the earliest; None for the end of the last note.
    """
    end = max(1, score.end_ticks if end_ticks is None else end_ticks)
    lines = score.bar_onsets_ticks(end)
    return lines, _between(score, np.append(lines, end))


def half_bar_chords(score: Score, end_ticks: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The same of each half of a bar, int64 (2 bars,) each. Where the metre is odd, as 3/4, both halves have the chord
    of the bar."""
    end = max(1, score.end_ticks if end_ticks is None else end_ticks)
    lines = half_bar_onsets(score, end)
    # which halves have a chord of their own
    last = np.searchsorted(score.metres["onset_ticks"], lines[::2], side="right") - 1
    beats = np.append(score.metres["numerator"], 4)[last]  # 4/4 before the first metre
    is_separate = np.ones(len(lines), bool)
    is_separate[1::2] = (beats % 2 == 0) & (lines[1::2] < end)
    chords = _between(score, np.append(lines[is_separate], end))
    return lines, chords[np.cumsum(is_separate) - 1]


def half_bar_onsets(score: Score, end_ticks: int) -> np.ndarray:
    """int64 (2 bars,), ticks: where each half of a bar begins, of the bars that begin before a time above 0."""
    lines = score.bar_onsets_ticks(end_ticks)
    middles = (lines + np.append(lines[1:], score.bar_line_ticks(len(lines)))) // 2
    return np.stack([lines, middles], axis=1).reshape(-1)


class ChordAgreement(NamedTuple):
    """How far a piece sounds as the chords that were asked for.

    Attributes:
        unit: what is counted: "bars", or "half bars" where a bar was asked for two chords.
        requested: how many of them were asked for a chord.
        matching: how many of these sound as that chord.
        shuffled: how many would, on average, if the same chords had been asked for in any other order.
    """

    unit: str
    requested: int
    matching: int
    shuffled: float

    @property
    def text(self) -> str:
        """For people."""
        return (
            f"{self.matching:,} of {self.requested:,} {self.unit} sound as the chord that was asked for; in any other "
            f"order of these chords {self.shuffled:,.1f} would"
        )

    @classmethod
    def sum(cls, pieces: Sequence[ChordAgreement]) -> ChordAgreement:
        """That of several pieces, of which the same was asked."""
        return cls(
            pieces[0].unit,
            sum(each.requested for each in pieces),
            sum(each.matching for each in pieces),
            sum(each.shuffled for each in pieces),
        )


def chord_agreement(score: Score, halves: Sequence[int]) -> ChordAgreement:
    """Of the chords of half bars, see chords.parse_chords, asked for one after another and over again; NONE asks for
    nothing."""
    bars = whole_bars(halves)
    unit, chords = ("half bars", halves) if bars is None else ("bars", bars)
    _, sounding = (half_bar_chords if bars is None else bar_chords)(score)
    requested = np.resize(chords, len(sounding))
    sounding, requested = sounding[requested != NONE], requested[requested != NONE]
    pairs = np.bincount(sounding, minlength=NONE + 1) @ np.bincount(requested, minlength=NONE + 1)
    matching, count = int((sounding == requested).sum()), len(requested)
    return ChordAgreement(unit, count, matching, float(pairs) / max(1, count))


def _between(score: Score, lines: np.ndarray) -> np.ndarray:
    """int64 (bars,): the chords between lines, int64 (bars + 1,)."""
    chords = estimated(score, lines)
    if len(score.chords):
        named = _longest(score.chords, lines)
        chords = np.where(named < 0, chords, named)
    return chords


def estimated(score: Score, lines: np.ndarray) -> np.ndarray:
    """int64 (bars,): what the notes between bar lines, int64 (bars + 1,), make likely; NONE where none sounds."""
    is_pitched = ~score.is_drum
    notes = score.notes[is_pitched]
    onsets = notes["onset_ticks"].astype(np.int64)
    ends = onsets + notes["duration_ticks"]

    # how long each pitch class sounds in each bar: what sounds by a time is what had begun, less what had ended
    sounding = np.zeros((len(lines) - 1, 12))
    for pitch_class in range(12):
        of_class = notes["pitch"] % 12 == pitch_class
        passed = time_since(np.sort(onsets[of_class]), lines) - time_since(np.sort(ends[of_class]), lines)
        sounding[:, pitch_class] = np.diff(passed)

    # what each bar speaks for: the cosine with each triad, and the bass
    cosine = sounding @ TRIAD_WEIGHTS / np.maximum(np.linalg.norm(sounding, axis=1, keepdims=True), 1e-9)
    lowest = np.full(len(sounding), PITCHES)
    bar = np.searchsorted(lines, onsets, side="right") - 1
    is_inside = (bar >= 0) & (bar < len(sounding))
    np.minimum.at(lowest, bar[is_inside], notes["pitch"][is_inside])
    bass = np.tile(CLASS_OF_PITCH[np.minimum(lowest, PITCHES - 1)], 2) * (lowest < BASS_BELOW)[:, None]
    scores = _NOTES * cosine + _BASS * bass + _KEY * _NEARNESS[int((sounding.sum(axis=0) @ PROFILES.T).argmax())]
    return np.where(sounding.any(axis=1), _best_path(scores), NONE)


def time_since(times: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(T,): how much time has passed, by each of `at`, since each of the sorted `times` before it, in sum."""
    passed = np.searchsorted(times, at)
    return passed * at - np.concatenate([[0], np.cumsum(times)])[passed]


def _longest(symbols: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """int64 (bars,): of CHORD, the symbol that holds longest in each bar; -1 before the first."""
    cuts = np.unique(np.concatenate([symbols["onset_ticks"], lines]))
    at = np.searchsorted(symbols["onset_ticks"], cuts[:-1], side="right") - 1
    bar = np.searchsorted(lines, cuts[:-1], side="right") - 1
    is_inside = (at >= 0) & (bar >= 0) & (bar < len(lines) - 1)
    holds = np.zeros((len(lines) - 1, NONE + 1))
    np.add.at(holds, (bar[is_inside], symbols["chord"][at[is_inside]]), np.diff(cuts)[is_inside])
    return np.where(holds.any(axis=1), holds.argmax(axis=1), -1)


def _best_path(scores: np.ndarray) -> np.ndarray:
    """int64 (bars,): the chords whose scores (bars, TRIADS) and transitions add up to the most."""
    total, origins = scores[0], []
    for row in scores[1:]:
        through = total[:, None] + _TRANSITIONS
        origins.append(through.argmax(axis=0))
        total = through.max(axis=0) + row
    path = [int(total.argmax())]
    for origin in reversed(origins):
        path.append(int(origin[path[-1]]))
    return np.array(path[::-1], np.int64)


def _transitions() -> np.ndarray:
    """float64 (TRIADS, TRIADS): what it is worth that one chord follows another."""
    roots = np.arange(TRIADS) % 12
    up = (roots[None] - roots[:, None]) % 12
    return _FIFTH * np.isin(up, (5, 7)) + _SAME * np.eye(TRIADS)


def _nearness() -> np.ndarray:
    """float64 (24, TRIADS): how near each triad stands to each key."""
    near = np.zeros((24, TRIADS))
    for key in range(24):
        for minor, degrees in enumerate(_MINOR if key >= 12 else _MAJOR):
            for above, weight in degrees.items():
                near[key, 12 * minor + (key + above) % 12] = weight
    return near


_TRANSITIONS, _NEARNESS = _transitions(), _nearness()
