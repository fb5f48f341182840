from __future__ import annotations

import math

import numpy as np

from musictool.metrics.reconstruction import active_units, instrument_distances, note_scores, onsets, scores_of_copying
from musictool.music.instruments import BASS, DRUMS, PIANO


def segments(*notes: tuple[int, int, int, int, int], number: int = 1) -> np.ndarray:
    """Of (segment, instrument, pitch, first step, last step + 1)."""
    array = np.zeros((number, 32, 128, 5), np.uint8)
    for segment, instrument, pitch, first, end in notes:
        array[segment, first:end, pitch, instrument] = 1
    return array


def test_a_note_begins_once_and_a_drum_is_hit_in_every_step():
    assert onsets(segments((0, PIANO, 60, 0, 4), (0, PIANO, 60, 5, 8))).sum() == 2
    assert onsets(segments((0, DRUMS, 36, 0, 4))).sum() == 4
    assert onsets(segments((0, PIANO, 60, 30, 32), (1, PIANO, 60, 0, 2), number=2)).sum() == 2


def test_a_note_is_right_where_pitch_and_beginning_are_whatever_its_length():
    original = segments((0, PIANO, 60, 0, 4), (0, PIANO, 64, 4, 8), (0, BASS, 36, 0, 8))
    decoded = segments((0, PIANO, 60, 0, 9), (0, PIANO, 64, 5, 8), (0, PIANO, 67, 8, 9), (0, BASS, 36, 0, 8))
    scores = note_scores(decoded, original)
    np.testing.assert_allclose(scores["piano"], (1 / 3, 1 / 2, 2 / 5))
    assert scores["bass"] == (1, 1, 1)
    assert all(map(math.isnan, scores["drums"]))
    np.testing.assert_allclose(scores["all"], (2 / 4, 2 / 3, 4 / 7))


def test_an_instrument_that_was_only_decoded_has_no_recall_and_no_precision():
    precision, recall, f1 = note_scores(segments((0, PIANO, 60, 0, 4)), segments())["piano"]
    assert (precision, f1) == (0, 0)
    assert math.isnan(recall)


def test_copying_gives_every_segment_the_one_before_and_the_first_silence():
    piece = segments((0, PIANO, 60, 0, 4), (1, PIANO, 60, 0, 4), (2, PIANO, 62, 0, 4), number=3)
    assert scores_of_copying([piece])["piano"] == (1 / 2, 1 / 3, 2 / 5)
    assert scores_of_copying([piece[:1], piece[1:2]])["piano"][1] == 0


def test_a_number_that_says_the_same_of_all_segments_is_not_active():
    means = np.zeros((50, 5, 3), np.float32)
    means[::2, PIANO, :2] = (1, 0.1)
    means[::2, BASS, 2] = 1
    assert active_units(means).tolist() == [1, 0, 1, 0, 0]


def test_segments_lie_apart_by_what_sounds_in_one_and_not_in_the_other():
    a = segments((0, PIANO, 60, 0, 4), (1, PIANO, 60, 0, 2), number=2)
    b = segments((0, PIANO, 60, 0, 4), (1, PIANO, 60, 2, 4), (2, BASS, 40, 0, 4), number=3)
    distances = instrument_distances(a, b)
    np.testing.assert_allclose(distances[..., PIANO], [[0, 1 / 2, 1], [1 / 2, 1, 1]], atol=1e-6)
    np.testing.assert_allclose(distances[..., BASS], [[0, 0, 1], [0, 0, 1]], atol=1e-6)
    assert not distances[..., DRUMS].any()  # silence in both is no distance
