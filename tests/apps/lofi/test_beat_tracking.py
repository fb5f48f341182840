from __future__ import annotations

import numpy as np
import pytest

from musictool.apps.lofi.beat_tracking import is_on_grid, track_beats
from musictool.apps.lofi.tempo import with_tempo
from musictool.music.score import Score


def performed(period: float, drift: float = 0.0, jitter: float = 0.0, bars: int = 16) -> Score:
    """A performance off the ticks of the file: chords low on the first beat of a bar and higher on the third, a
    tune of eighths; `drift`: the share by which the tempo changes.
    """
    rng = np.random.default_rng(1)
    places = np.arange(0, bars * 4, 0.5)
    pace = period * (1 + drift * np.sin(places / 10))
    seconds = 0.377 + np.concatenate([[0], np.cumsum(pace[:-1] * 0.5)])
    notes = []
    for place, second in zip(places, seconds, strict=True):
        played = second + rng.normal(0, jitter)
        if place % 4 == 0:
            notes += [(40, played, 0.5), (47, played, 0.5)]
        if place % 4 == 2:
            notes += [(60, played, 0.5), (64, played, 0.5)]
        if place % 1 == 0 or rng.random() < 0.7:
            notes.append((72 + int(rng.integers(0, 5)), played, 0.2))
    return Score.from_notes([(pitch, onset * 2, length * 2) for pitch, onset, length in notes])


@pytest.mark.parametrize("period", [0.547, 0.631, 0.747])
@pytest.mark.parametrize("drift, jitter", [(0, 0), (0, 0.012), (0.04, 0.008)])
def test_the_beats_of_a_performance_become_quarter_notes_and_its_low_chords_bar_lines(period, drift, jitter):
    score = performed(period, drift, jitter)
    assert not is_on_grid(score)
    grid = track_beats(score)
    assert is_on_grid(grid)
    assert grid.tempos["bpm"][0] == pytest.approx(60 / period, rel=0.05)
    assert len(grid.notes) == len(score.notes)
    low = grid.notes[grid.notes["pitch"] == 40]["onset_ticks"]
    assert np.diff(low) == pytest.approx(1920, abs=100)
    off = (low + 960) % 1920 - 960
    assert np.abs(off).max() < 60  # 60 ms at this pace


def test_music_on_the_grid_is_left_as_it_is():
    score = Score.from_notes([(60, i / 3, 1 / 3) for i in range(30)])
    assert is_on_grid(score)
    assert np.array_equal(with_tempo(score, 80).notes, score.notes)


def test_one_note_and_two_are_tracked_too():
    for count in (1, 2):
        score = Score.from_notes([(60, 0.377 + 1.931 * i, 1) for i in range(count)])
        assert len(track_beats(score).notes) == count
