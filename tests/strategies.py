"""Random music for property tests: `@given(scores())`.

Every score is one that a reader could have made: notes sorted, durations and velocities in range, each note's track
existing. It holds what breaks encodings and writers: simultaneous and repeated notes, triplets, onsets off every grid,
the ends of the ranges, drums, two tracks of one name, changes of tempo, metre and key.
"""

from __future__ import annotations

import os

import numpy as np
from hypothesis import strategies as st

from musictool.music.score import KEY, METRE, TEMPO, Score, Track

GRID_TICKS = 120  # a sixteenth
TRIPLET_TICKS = 160
BARS = 4
NAMES = ("", "Piano", "Violine I", "drums & bass", "Größe", "旋律")


def examples(number: int) -> int:
    """How many cases a property is tried on: `number`, new each time, in `make test-all`, and a quarter of that, the
    same each time, in `make test`."""
    return number if os.environ.get("MUSICTOOL_HYPOTHESIS") == "explore" else max(10, number // 4)


def ticks(off_grid: bool = True, smallest: int = 0, quarters: int = 4 * BARS) -> st.SearchStrategy[int]:
    """Times or durations: mostly on sixteenths and triplets, sometimes on no grid at all."""
    last = quarters * 480
    on_grid = st.integers(-(-smallest // GRID_TICKS), last // GRID_TICKS).map(lambda n: n * GRID_TICKS)
    triplets = st.integers(-(-smallest // TRIPLET_TICKS), last // TRIPLET_TICKS).map(lambda n: n * TRIPLET_TICKS)
    if not off_grid:
        return on_grid
    return st.one_of(on_grid, triplets, st.integers(smallest, last))


def pitches() -> st.SearchStrategy[int]:
    """MIDI numbers 0..127, often the extremes and often a few common ones, so that notes repeat and collide."""
    return st.one_of(st.sampled_from((0, 60, 64, 67, 127)), st.integers(21, 108), st.integers(0, 127))


def tracks(drums: bool = True) -> st.SearchStrategy[Track]:
    """A part of any program, sometimes drums, sometimes of a name that another part has too."""
    is_drum = st.sampled_from((False, False, False, True)) if drums else st.just(False)
    return st.builds(Track, program=st.integers(0, 127), is_drum=is_drum, name=st.sampled_from(NAMES))


@st.composite
def scores(
    draw: st.DrawFn,
    *,
    min_notes: int = 0,
    max_notes: int = 40,
    max_tracks: int = 4,
    drums: bool = True,
    off_grid: bool = True,
    overlaps: bool = True,
    changes: bool = True,
) -> Score:
    """A Score.

    Args:
        min_notes, max_notes: how many notes; fewer than `min_notes` can remain where `overlaps` is off, never 0 then.
        max_tracks: at least 1 track, some possibly without notes.
        drums: whether a track may be a drum track.
        off_grid: whether times may lie off the sixteenth grid (triplets and any tick).
        overlaps: whether a track may strike a pitch again while it still sounds; otherwise such notes are left out.
        changes: whether to draw tempos, metres, keys and a title.
    """
    parts = tuple(draw(st.lists(tracks(drums), min_size=1, max_size=max_tracks)))
    row = st.tuples(
        ticks(off_grid),
        ticks(off_grid, smallest=1, quarters=4),
        pitches(),
        st.one_of(st.integers(1, 127), st.sampled_from((1, 127))),
        st.integers(0, len(parts) - 1),
    )
    rows = draw(st.lists(row, min_size=min_notes, max_size=max_notes))
    columns = np.array(rows, dtype=np.int64).reshape(-1, 5).T
    rest = draw(_changes()) if changes else {}
    score = Score.from_columns(*columns, tracks=parts, **rest)
    return score if overlaps else without_overlaps(score)


@st.composite
def _changes(draw: st.DrawFn) -> dict[str, object]:
    bpm = st.one_of(st.sampled_from((60.0, 120.0, 90.0)), st.floats(20, 300).map(lambda x: round(x, 2)))
    metre = st.sampled_from(((4, 4), (3, 4), (6, 8), (2, 2), (5, 8), (7, 16)))
    return {
        "tempos": _table(draw, TEMPO, st.tuples(bpm)),
        "metres": _table(draw, METRE, metre),
        "keys": _table(draw, KEY, st.tuples(st.integers(-7, 7), st.booleans())),
        "title": draw(st.sampled_from(("", "Lied ohne Worte", "月"))),
    }


def _table(draw: st.DrawFn, dtype: np.dtype, row: st.SearchStrategy[tuple]) -> np.ndarray:
    """Up to three rows at different bars, the first of them at the beginning."""
    bars = sorted(draw(st.sets(st.integers(1, BARS - 1), max_size=2)))
    onsets = draw(st.sampled_from(([], [0, *bars])))
    return np.array([(onset * 1920, *draw(row)) for onset in onsets], dtype=dtype)


def without_overlaps(score: Score) -> Score:
    """`score` without the notes that begin while their pitch still sounds in their track."""
    ends: dict[tuple[int, int], int] = {}
    keep = np.zeros(len(score.notes), bool)
    for i, (onset, duration, pitch, _, track) in enumerate(score.notes.tolist()):
        if onset >= ends.get((track, pitch), 0):
            keep[i] = True
            ends[track, pitch] = onset + duration
    return Score(score.notes[keep], score.tracks, score.tempos, score.metres, score.keys, score.title)
