from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from musictool.apps.lofi.tempo import beat_ticks, delay_by_a_bar, repeat_to_bars, with_swing, with_tempo
from musictool.music.score import METRE, TEMPO, Score


def piece(metre: tuple[int, int], bpm: float, bars: int = 8) -> Score:
    """A note on each eighth."""
    quarters = bars * metre[0] * 4 // metre[1]
    score = Score.from_notes([(60 + i % 12, i / 2, 0.5) for i in range(2 * quarters)])
    return replace(score, tempos=np.array([(0, bpm)], TEMPO), metres=np.array([(0, *metre)], METRE))


@pytest.mark.parametrize(
    "metre, ticks",
    [((4, 4), 480), ((3, 4), 480), ((6, 8), 720), ((12, 8), 720), ((3, 8), 720), ((2, 2), 960), ((7, 8), 480)],
)
def test_the_beat_is_that_of_the_metre(metre, ticks):
    assert beat_ticks(*metre) == ticks


@pytest.mark.parametrize(
    "metre, bpm, seconds_per_bar, bars",
    [
        ((4, 4), 120, 3.0, 8),
        ((3, 4), 120, 2.25, 8),
        ((6, 8), 180, 1.5, 8),
        ((4, 4), 160, 3.0, 4),  # two bars have become one
        ((4, 4), 40, 3.0, 16),
        ((3, 4), 210, 1.5, 4),  # one bar of 6/8
        ((7, 8), 120, 2.625, 8),
    ],
)
def test_a_piece_has_eighty_beats_per_minute_whatever_its_own_tempo(metre, bpm, seconds_per_bar, bars):
    steady = with_tempo(piece(metre, bpm), 80)
    assert steady.bars == bars
    assert np.diff(steady.to_seconds(steady.bar_onsets_ticks())) == pytest.approx(seconds_per_bar)
    assert steady.seconds == pytest.approx(seconds_per_bar * bars)


def test_changes_of_tempo_go_and_changes_of_metre_stay():
    score = replace(
        piece((4, 4), 100, 4),
        tempos=np.array([(0, 100.0), (960, 70.0), (3000, 140.0)], TEMPO),
        metres=np.array([(0, 4, 4), (3840, 6, 8)], METRE),
    )
    steady = with_tempo(score, 75)
    assert steady.tempos.tolist() == [(0, 75.0), (3840, 112.5)]
    assert steady.metres.tolist() == score.metres.tolist()


def test_empty_bars_before_the_first_note_go_and_a_pickup_stays():
    score = replace(piece((4, 4), 100).later(2 * 1920 + 1440), metres=np.array([(0, 4, 4)], METRE))
    assert with_tempo(score, 80).notes["onset_ticks"][0] == 1440


@pytest.mark.parametrize("bars", [1, 3, 8, 9, 20])
def test_a_piece_is_cut_or_repeated(bars):
    steady = with_tempo(piece((3, 4), 90), 80)
    longer = repeat_to_bars(steady, bars)
    assert longer.bars == bars
    assert len(longer.notes) == 6 * bars
    again = longer.notes[longer.notes["onset_ticks"] >= 8 * 1440]
    assert again["pitch"].tolist() == steady.notes["pitch"].tolist()[:6] * (bars == 9) or bars != 9


def test_an_empty_bar_comes_first():
    later = delay_by_a_bar(with_tempo(piece((6, 8), 150), 80))
    assert later.notes["onset_ticks"][0] == 1440
    assert later.to_seconds(np.array([1440])) == pytest.approx(1.5)
    assert later.tempos["onset_ticks"].tolist() == [0]


@pytest.mark.parametrize("swing, offbeat", [(0.5, 240), (0.6, 288), (2 / 3, 320)])
def test_swing_moves_what_is_off_the_beat(swing, offbeat):
    moved = with_swing(with_tempo(piece((4, 4), 100, 1), 80), swing)
    onsets = moved.notes["onset_ticks"].tolist()
    assert onsets == [0, offbeat, 480, 480 + offbeat, 960, 960 + offbeat, 1440, 1440 + offbeat]
    assert moved.notes["duration_ticks"].tolist() == [offbeat, 480 - offbeat] * 4


def test_compound_metres_do_not_swing():
    steady = with_tempo(piece((6, 8), 150), 80)
    assert np.array_equal(with_swing(steady, 0.66).notes, steady.notes)
