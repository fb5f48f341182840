from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from musictool.encodings._roll import shifted
from musictool.encodings.piano_roll import PianoRoll
from musictool.errors import BadOption
from musictool.music.score import Score, Track, fold_octaves
from musictool.options import from_settings

HELD = PianoRoll.Options(onsets=False)


def keys(score: Score, **options) -> dict[int, str]:
    """The keys that sound at all, by MIDI pitch: what each does step by step, without onsets."""
    rows = PianoRoll(replace(HELD, **options)).encode(score)
    return {21 + int(k): "".join(".#"[cell] for cell in rows[:, k]) for k in np.flatnonzero(rows.any(axis=0))}


def notes(score: Score) -> list[tuple[int, float, float]]:
    """(pitch, onset, duration), the last two in quarter notes."""
    return [(n["pitch"], n["onset_ticks"] / 480, n["duration_ticks"] / 480) for n in score.notes]


def and_back(played: list[tuple[int, float, float]], **options) -> list[tuple[int, float, float]]:
    encoding = PianoRoll(replace(HELD, **options))
    return notes(encoding.decode(encoding.encode(Score.from_notes(played))))


def test_a_row_is_a_sixteenth_and_a_number_a_key():
    assert keys(Score.from_notes([(60, 0, 1), (64, 0.5, 0.75), (67, 1.5, 0.25)])) == {
        60: "####...",
        64: "..###..",
        67: "......#",
    }


def test_the_ends_of_the_keyboard_are_the_ends_of_the_row():
    rows = PianoRoll(HELD).encode(Score.from_notes([(21, 0, 0.25), (108, 0.25, 0.25)]))
    np.testing.assert_array_equal(np.argwhere(rows), [[0, 0], [1, 87]])


def test_pitches_off_the_keyboard_move_by_octaves():
    assert keys(Score.from_notes([(20, 0, 1), (0, 1, 1), (109, 2, 1), (127, 3, 1)])).keys() == {32, 24, 97, 103}


def test_what_fits_the_grid_comes_back_as_it_was():
    melody = [(60, 0, 1), (64, 0, 0.5), (64, 1, 0.25), (67, 1.5, 4), (60, 3, 0.5)]
    assert and_back(melody) == sorted(melody, key=lambda note: (note[1], note[0]))


def test_a_repeated_note_is_two_notes_of_full_length():
    assert keys(Score.from_notes([(60, 0, 1), (60, 1, 1)])) == {60: "###.####"}
    assert and_back([(60, 0, 1), (60, 1, 1)]) == [(60, 0, 1), (60, 1, 1)]


def test_a_rest_of_one_step_between_two_notes_of_a_key_is_lost_without_onsets():
    rested = [(60, 0, 0.5), (60, 0.75, 0.25), (60, 1.5, 0.25)]
    assert and_back(rested) == [(60, 0, 0.75), (60, 0.75, 0.25), (60, 1.5, 0.25)]
    assert and_back(rested, onsets=True) == rested


def test_onsets_are_numbers_of_their_own_and_keep_every_repetition():
    sixteenths = [(60, i / 4, 1 / 4) for i in range(4)]
    encoding = PianoRoll()
    rows = encoding.encode(Score.from_notes([*sixteenths, (64, 0.25, 0.5)]))
    assert rows.shape == (4, 176)
    key = 60 - 21
    assert rows[:, [key, 88 + key, key + 4, 88 + key + 4]].T.tolist() == [[1] * 4, [1] * 4, [0, 1, 1, 0], [0, 1, 0, 0]]
    assert notes(encoding.decode(rows)) == [sixteenths[0], sixteenths[1], (64, 0.25, 0.5), *sixteenths[2:]]
    assert np.flatnonzero(encoding.transpose(rows, 2)[0]).tolist() == [key + 2, 88 + key + 2]


def test_a_strike_that_a_model_does_not_hold_sounds_and_what_it_holds_unstruck_begins():
    rows = np.zeros((4, 176), np.uint8)
    rows[1, 88] = rows[2, 5] = rows[3, 5] = 1
    assert notes(PianoRoll().decode(rows)) == [(21, 0.25, 0.25), (26, 0.5, 0.5)]


def test_repeated_sixteenths_become_repeated_eighths():
    assert keys(Score.from_notes([(60, i / 4, 1 / 4) for i in range(8)])) == {60: "#.#.#.#"}
    assert and_back([(60, i / 4, 1 / 4) for i in range(4)]) == [(60, 0, 0.5), (60, 0.5, 0.25)]


def test_a_finer_grid_has_room_for_repeated_sixteenths():
    assert keys(Score.from_notes([(60, i / 4, 1 / 4) for i in range(4)]), steps_per_quarter=8) == {60: "#.#.#.##"}


def test_all_tracks_but_drums_share_the_keyboard():
    tracks = (Track(0), Track(40), Track(is_drum=True))
    parts = [
        Score.from_notes(part, tracks, i).notes for i, part in enumerate(([(60, 0, 1)], [(64, 0, 1)], [(36, 0, 1)]))
    ]
    both = Score(np.concatenate(parts), tracks)
    assert keys(both) == {60: "####", 64: "####"}


def test_two_parts_on_one_key_strike_it_anew_and_it_sounds_until_both_have_left_it():
    tracks = (Track(0), Track(40))
    held, moving = Score.from_notes([(60, 0, 2)], tracks, 0), Score.from_notes([(60, 0, 1), (60, 1, 0.5)], tracks, 1)
    assert keys(Score(np.concatenate([held.notes, moving.notes]), tracks)) == {60: "###.####"}


def test_silence_stands_as_steps():
    rows = PianoRoll(HELD).encode(Score.from_notes([(60, 2, 1), (62, 50, 1)]))
    assert len(rows) == 51 * 4
    assert not rows[:8].any()
    assert not rows[12:200].any()


def test_triplets_need_a_grid_of_their_own():
    triplets = [(60 + i, i / 3, 1 / 3) for i in range(3)]
    assert and_back(triplets, steps_per_quarter=3) == triplets
    assert and_back(triplets) == [(60, 0, 0.25), (61, 0.25, 0.5), (62, 0.75, 0.25)]


def test_rows_stand_a_step_apart():
    assert PianoRoll().positions(np.zeros((3, 88), np.uint8)).tolist() == [0, 120, 240]
    assert PianoRoll(PianoRoll.Options(steps_per_quarter=7)).positions(np.zeros((3, 88), np.uint8)).tolist() == [
        0,
        69,
        137,
    ]


@pytest.mark.parametrize("steps_per_quarter", [0, 49, "many"])
def test_a_grid_that_is_none_is_refused(steps_per_quarter):
    with pytest.raises(BadOption, match="steps_per_quarter"):
        from_settings(PianoRoll.Options, [f"steps_per_quarter={steps_per_quarter}"])


def test_transposing_off_the_keyboard_moves_by_octaves_onto_keys_that_may_sound():
    encoding = PianoRoll(HELD)
    rows = encoding.encode(Score.from_notes([(108, 0, 0.5), (96, 0.25, 0.5)]))
    moved = encoding.transpose(rows, 2)
    assert notes(encoding.decode(moved)) == [(98, 0, 0.75)]  # 110 has come down on 98, and two are one


@given(arrays(np.uint8, (3, 2, 15), elements=st.integers(0, 1)), st.integers(-40, 40))
def test_shifting_moves_each_pitch_by_semitones_and_then_by_octaves(rows, semitones):
    expected = np.zeros_like(rows)
    for pitch in range(15):
        target = pitch + semitones
        while target < 0:
            target += 12
        while target >= 15:
            target -= 12
        expected[..., target] |= rows[..., pitch]
    np.testing.assert_array_equal(shifted(rows, semitones, axis=-1), expected)
    np.testing.assert_array_equal(shifted(np.moveaxis(rows, -1, 1), semitones, axis=-2), np.moveaxis(expected, -1, 1))


def test_folding_leaves_what_is_inside():
    assert fold_octaves(np.arange(128), range(128)).tolist() == list(range(128))
    assert fold_octaves(np.array([11, 12, 115, 116, 127, 0]), range(12, 116)).tolist() == [23, 12, 115, 104, 115, 12]
