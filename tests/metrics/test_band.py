"""MuseGAN's numbers, counted by hand and by the authors' way of counting."""

from __future__ import annotations

import math

import numpy as np
import pytest

from musictool.metrics.band import TONAL, band_features, playing
from musictool.music.instruments import TRACKS
from musictool.music.score import Score

PIANO, GUITAR, BASS, STRINGS, DRUMS = range(5)


def band(*notes: tuple[int, float, float, int]) -> Score:
    """(pitch, onset, duration in quarter notes, instrument)."""
    rows = np.array(notes, np.float64).reshape(-1, 4)
    ticks = np.round(rows[:, 1:3] * 480).astype(np.int64)
    pitch, track = rows[:, 0].astype(int), rows[:, 3].astype(int)
    return Score.from_columns(ticks[:, 0], ticks[:, 1], pitch, np.full(len(rows), 80), track, tracks=TRACKS)


def test_bars_notes_and_pitch_classes_are_counted_for_each_instrument():
    features = band_features(
        band((60, 0, 4, PIANO), (64, 0, 1, PIANO), (72, 4, 4, PIANO), (36, 8, 0.1, BASS), (38, 9, 1, BASS))
    )
    assert features["empty_bars:piano"] == pytest.approx(1 / 3)  # the third
    assert features["empty_bars:bass"] == pytest.approx(2 / 3)
    assert features["empty_bars:strings"] == 1
    assert features["used_pitch_classes:piano"] == 1.5  # C and E, then C
    assert features["used_pitch_classes:bass"] == 2
    assert features["qualified_notes:bass"] == 0.5  # 0.1 of a quarter note are 2 steps
    assert math.isnan(features["used_pitch_classes:strings"])
    assert math.isnan(features["qualified_notes:guitar"])


def test_a_note_that_ends_on_the_bar_line_does_not_fill_the_next_bar():
    features = band_features(band((60, 0, 4, PIANO), (60, 4, 4, BASS)))
    assert (features["empty_bars:piano"], features["empty_bars:bass"]) == (0.5, 0.5)


def test_who_plays_in_which_bar_is_counted_up_to_the_bars_that_are_asked_for():
    score = band((60, 0, 4, PIANO), (72, 6, 4, PIANO), (36, 16, 1, BASS), (38, 4, 0.1, DRUMS))
    plays = playing(score, 4)
    assert plays.shape == (4, 5)
    assert plays[:, PIANO].tolist() == [True, True, True, False]  # held into the third
    assert not plays[:, BASS].any()
    assert plays[:, DRUMS].tolist() == [False, True, False, False]
    assert playing(score, 6)[:, BASS].tolist() == [False] * 4 + [True, False]


def test_hits_on_sixteenths_are_in_the_pattern_and_those_beside_it_count_a_third():
    step = 1 / 24
    assert band_features(band(*((36, i / 4, 0.1, DRUMS) for i in range(16))))["drum_pattern:drums"] == 1
    hits = [(36, 0, 0.1, DRUMS), (36, 1, 0.1, DRUMS), (36, 2 + step, 0.1, DRUMS), (36, 3 + 3 * step, 0.1, DRUMS)]
    assert band_features(band(*hits))["drum_pattern:drums"] == pytest.approx((1 + 1 + 0.3 + 0) / 4)


def test_a_pattern_that_is_late_as_a_whole_is_one_still():
    late = [(36, i / 4 + 2 / 24, 0.1, DRUMS) for i in range(16)]
    assert band_features(band(*late))["drum_pattern:drums"] == 1


def test_instruments_that_play_the_same_pitch_classes_have_no_distance():
    same = band((60, 0, 1, PIANO), (64, 0, 1, PIANO), (36, 0, 1, BASS), (40, 0, 1, BASS))
    assert band_features(same)["tonal_distance:bass-piano"] == pytest.approx(0, abs=1e-12)


def test_the_tonal_distance_is_harte_sandler_and_gassers():
    features = band_features(band((60, 0, 2, PIANO), (43, 0, 1, BASS)))  # C against G, then C against nothing
    angles = {name: np.array([0, 7]) * turn * np.pi for name, turn in (("r1", 7 / 6), ("r2", 3 / 2), ("r3", 2 / 3))}
    radii = {"r1": 1.0, "r2": 1.0, "r3": 0.5}
    points = [[radii[name] * wave(angles[name][i]) for name in radii for wave in (np.sin, np.cos)] for i in range(2)]
    assert features["tonal_distance:bass-piano"] == pytest.approx(math.dist(*points))
    assert math.isnan(features["tonal_distance:guitar-piano"])
    assert TONAL.shape == (6, 12)


def test_a_score_without_notes_has_nothing_to_count():
    assert all(math.isnan(value) for value in band_features(Score.from_notes([])).values())
