from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from musictool.music.score import KEY, METRE, NOTE, TEMPO, Score, Track, bar_ticks
from tests.strategies import scores


def test_music_by_hand_is_in_quarter_notes():
    score = Score.from_notes([(64, 1, 0.5), (60, 0, 1)])
    assert score.notes.dtype == NOTE
    assert score.notes.tolist() == [(0, 480, 60, 80, 0), (480, 240, 64, 80, 0)]
    assert score.tracks == (Track(),)
    assert (score.end_ticks, score.seconds, score.bars) == (720, 0.75, 1)


def test_a_score_without_notes_has_no_length():
    score = Score.from_notes([])
    assert (len(score.notes), score.end_ticks, score.seconds, score.bars) == (0, 0, 0.0, 0)
    assert score.transpose(3).notes.dtype == NOTE
    assert score.is_drum.tolist() == []


def test_durations_and_velocities_are_at_least_one():
    columns = np.array([[0, -5, 60, 0, 0], [0, 0, 61, 300, 0]]).T
    notes = Score.from_columns(*columns).notes
    assert notes["duration_ticks"].tolist() == [1, 1]
    assert notes["velocity"].tolist() == [1, 127]


def test_notes_are_in_one_order_however_they_come():
    rows = [(0, 1, 60, 1, 0), (0, 1, 60, 2, 0), (0, 2, 60, 1, 0), (0, 1, 61, 1, 0), (0, 1, 3, 1, 1), (1, 1, 1, 1, 0)]
    for seed in range(5):
        mixed = np.array(rows)[np.random.default_rng(seed).permutation(len(rows))]
        assert Score.from_columns(*mixed.T, tracks=(Track(), Track())).notes.tolist() == rows


def test_the_tempo_map_is_followed():
    tempos = np.array([(480, 60.0), (960, 240.0)], TEMPO)
    score = Score(Score.from_notes([(60, 0, 4)]).notes, tempos=tempos)
    # The first tempo also holds before it is named: two quarters of 1 s, then two of 0.25 s.
    assert score.to_seconds(np.array([0, 240, 480, 960, 1200, 1920])).tolist() == [0, 0.5, 1, 2, 2.125, 2.5]
    assert score.seconds == 2.5


def test_bars_begin_where_the_metre_says():
    notes = Score.from_notes([(60, 0, 12)]).notes
    assert Score(notes).bar_onsets_ticks().tolist() == [0, 1920, 3840]
    metres = np.array([(1920, 3, 4), (4800, 6, 8)], METRE)
    assert Score(notes, metres=metres).bar_onsets_ticks().tolist() == [0, 1920, 3360, 4800]
    assert Score(notes, metres=np.array([(9600, 3, 4)], METRE)).bars == 3


def test_a_bar_has_a_length_even_where_the_metre_is_nonsense():
    assert [bar_ticks(4, 4), bar_ticks(6, 8), bar_ticks(7, 16)] == [1920, 1440, 840]
    assert bar_ticks(0, 4) == bar_ticks(1, 4)
    assert bar_ticks(4, 0) == bar_ticks(4, 1)
    assert bar_ticks(1, 255) > 1


def test_transposing_leaves_drums_and_folds_at_the_ends():
    tracks = (Track(), Track(is_drum=True))
    columns = np.array([[0, 1, 0, 80, 0], [0, 1, 127, 80, 0], [0, 1, 60, 80, 0], [0, 1, 36, 80, 1]]).T
    score = Score.from_columns(*columns, tracks=tracks, keys=np.array([(0, 2, False)], KEY))
    up, down = score.transpose(2), score.transpose(-2)
    assert up.notes["pitch"].tolist() == [2, 62, 117, 36]
    assert down.notes["pitch"].tolist() == [10, 58, 125, 36]
    assert (len(up.keys), len(score.keys)) == (0, 1)
    assert score.transpose(0) is score


@given(scores(), st.integers(-30, 30))
def test_transposing_keeps_all_but_pitch(score, semitones):
    moved = score.transpose(semitones)
    for column in ("onset_ticks", "track"):
        assert moved.notes[column].tolist() == score.notes[column].tolist()
    assert sorted(moved.notes["pitch"] % 12) == sorted(
        (score.notes["pitch"].astype(int) + np.where(score.is_drum, 0, semitones)) % 12
    )
    assert moved.end_ticks == score.end_ticks
    assert moved.tracks == score.tracks


@given(scores(min_notes=1))
def test_time_runs_forward(score):
    ticks = np.arange(0, score.end_ticks + 480, 60)
    assert (np.diff(score.to_seconds(ticks)) > 0).all()
    bars = score.bar_onsets_ticks()
    assert (np.diff(bars) > 0).all()
    assert bars[0] == 0
    assert bars[-1] < score.end_ticks


def test_what_is_cut_off_takes_its_changes_of_tempo_and_metre_with_it():
    score = Score.from_notes([(60, 0, 1), (62, 1, 1), (64, 2, 1)])
    score = replace(
        score,
        tempos=np.array([(0, 90), (480, 60), (960, 30)], TEMPO),
        metres=np.array([(0, 4, 4), (960, 3, 4)], METRE),
    )
    assert score.until(960).tempos["bpm"].tolist() == [90, 60]
    assert score.until(960).metres["numerator"].tolist() == [4]
    assert score.until(0).tempos["bpm"].tolist() == [90]


def test_a_piece_can_be_cut():
    cut = Score.from_notes([(60, 0, 4), (62, 1, 1), (64, 2, 1)]).until(960)
    assert cut.notes[["pitch", "duration_ticks"]].tolist() == [(60, 960), (62, 480)]


def test_any_bar_line_can_be_asked_for():
    metres = np.array([(1920, 3, 4), (4800, 6, 8), (5000, 4, 4)], METRE)
    score = Score(Score.from_notes([(60, 0, 1)]).notes, metres=metres)
    assert [score.bar_line_ticks(bar) for bar in range(7)] == [0, 1920, 3360, 4800, 5000, 6920, 8840]
    assert score.bar_onsets_ticks(5001).tolist() == [0, 1920, 3360, 4800, 5000]
    assert Score.from_notes([]).bar_line_ticks(3) == 5760


def test_a_piece_can_begin_later_and_what_holds_there_still_holds():
    tempos = np.array([(0, 60.0), (960, 90.0), (1440, 120.0)], TEMPO)
    metres = np.array([(480, 3, 4)], METRE)
    score = replace(Score.from_notes([(60, 0, 4), (62, 2, 1), (64, 3, 1)]), tempos=tempos, metres=metres)
    later = score.since(1200)
    assert later.notes[["pitch", "onset_ticks", "duration_ticks"]].tolist() == [(64, 240, 480)]
    assert later.tempos.tolist() == [(0, 90.0), (240, 120.0)]
    assert later.metres.tolist() == [(0, 3, 4)]
    assert len(later.keys) == 0
    assert score.since(0).notes.tolist() == score.notes.tolist()
    assert score.since(240).metres.tolist() == [(240, 3, 4)]


def test_seconds_and_ticks_are_each_others_inverse_across_tempo_changes():
    tempos = np.array([(0, 60.0), (960, 120.0), (1920, 30.0)], TEMPO)
    score = Score(Score.from_notes([(60, 0, 8)]).notes, tempos=tempos)
    for tick in (0, 1, 479, 960, 961, 1500, 1920, 3000):
        assert score.to_ticks(float(score.to_seconds(np.array([tick]))[0]) + 1e-9) == tick
    assert Score.from_notes([(60, 0, 8)]).to_ticks(1.0) == 960


def test_a_note_later_than_a_score_can_say_is_left_out():
    score = Score.from_columns(
        *(np.array(column) for column in ([0, 2**31 - 2, 2**33], [1, 5, 1], [60] * 3, [80] * 3, [0] * 3))
    )
    assert score.notes["onset_ticks"].tolist() == [0]
