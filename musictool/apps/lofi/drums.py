"""A drum part on the beats and bars of a piece, from patterns that are MIDI files in the folder patterns/.

`boom-bap-4-4.mid` is the style boom-bap in 4/4: its last bar is the fill that ends a phrase of four bars, the ones
before it are played in turn. A bar of another metre takes as many beats of the style's 4/4 (of its 3/4 where they go in
threes, of its 6/8 in compound metres) as it has. A new style is new files, of each of the three metres one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from musictool.apps.lofi.tempo import beat_ticks, is_compound
from musictool.errors import UnknownName
from musictool.music.score import NOTE, TICKS_PER_QUARTER, Score, Track, bar_ticks, sort_notes
from musictool.reading import read

PATTERNS = Path(__file__).with_name("patterns")
PHRASE_BARS = 4
LONG_BARS = 16  # a piece of this length begins with a phrase without drums
KICKS = (35, 36)
VELOCITY_SPREAD = 5  # random, up and down


@dataclass(frozen=True)
class Pattern:
    """Bars of one style in one metre.

    Attributes:
        bars: NOTE (N,) of each, from its own beginning; the last one is the fill.
        length_ticks: of a bar.
        track: with the drum kit.
    """

    bars: tuple[np.ndarray, ...]
    length_ticks: int
    track: Track


@cache
def styles() -> tuple[str, ...]:
    """The names of all styles, sorted."""
    return tuple(sorted({path.stem.rsplit("-", 2)[0] for path in PATTERNS.glob("*.mid")}))


@cache
def pattern(style: str, numerator: int, denominator: int) -> Pattern:
    """The bars of a style in 4/4, 3/4 or 6/8. Raises UnknownName for an unknown style."""
    if style not in styles():
        raise UnknownName.of("drums", style, styles())
    score = read(PATTERNS / f"{style}-{numerator}-{denominator}.mid").scores[0]
    length = bar_ticks(numerator, denominator)
    bars = []
    for start in score.bar_onsets_ticks().tolist():
        inside = (score.notes["onset_ticks"] >= start) & (score.notes["onset_ticks"] < start + length)
        notes = score.notes[inside].copy()
        notes["onset_ticks"] -= start
        bars.append(notes)
    return Pattern(tuple(bars), length, score.tracks[0])


def drum_part(score: Score, style: str, seed: int) -> Score:
    """The drums of a piece of steady tempo: a Score of one track with its tempos and metres, maybe without a note."""
    rng = np.random.default_rng((seed, 1))
    onsets = score.bar_onsets_ticks()
    ends = np.append(onsets[1:], score.bar_line_ticks(len(onsets)))
    silent = PHRASE_BARS if len(onsets) >= LONG_BARS else 0
    parts = [
        _bar(style, *_metre_at(score, onset), onset, end - onset, number)
        for number, (onset, end) in enumerate(zip(onsets.tolist(), ends.tolist(), strict=True))
        if number >= silent
    ]
    notes = np.concatenate([np.zeros(0, NOTE), *parts])
    spread = rng.integers(-VELOCITY_SPREAD, VELOCITY_SPREAD + 1, len(notes))
    notes["velocity"] = np.clip(notes["velocity"] + spread, 1, 127)
    track = pattern(style, 4, 4).track
    return Score(sort_notes(notes), (track,), score.tempos, score.metres)


def _metre_at(score: Score, ticks: int) -> tuple[int, int]:
    at = int(np.searchsorted(score.metres["onset_ticks"], ticks, side="right")) - 1
    return int(score.metres["numerator"][at]), int(score.metres["denominator"][at])


def _bar(style: str, numerator: int, denominator: int, onset: int, length: int, number: int) -> np.ndarray:
    """NOTE (N,): the notes of one bar."""
    compound = is_compound(numerator, denominator)
    of_style = pattern(style, *((6, 8) if compound else (3, 4) if numerator % 3 == 0 else (4, 4)))
    is_fill = number % PHRASE_BARS == PHRASE_BARS - 1
    notes = of_style.bars[-1] if is_fill else of_style.bars[number % PHRASE_BARS % (len(of_style.bars) - 1)]
    # the beat of the pattern is stretched to that of the bar
    stretch = beat_ticks(numerator, denominator) / (TICKS_PER_QUARTER * (1.5 if compound else 1))
    rounds = int(np.ceil(length / (of_style.length_ticks * stretch)))
    played = np.tile(notes, rounds)
    at = played["onset_ticks"] + np.repeat(np.arange(rounds) * of_style.length_ticks, len(notes))
    played["onset_ticks"] = np.round(at * stretch) + onset
    played["duration_ticks"] = np.round(played["duration_ticks"] * stretch)
    played["track"] = 0
    return played[played["onset_ticks"] < onset + length]


def kick_seconds(drums: Score) -> np.ndarray:
    """float64 (kicks,): the times of the bass drum."""
    return drums.to_seconds(drums.notes["onset_ticks"][np.isin(drums.notes["pitch"], KICKS)])
