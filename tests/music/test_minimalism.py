"""What every process keeps, and what makes each of them what it is."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from musictool.music.draft import LONGEST_SECONDS, SHORTEST_SECONDS, Draft, Scale, nearest, voiced
from musictool.music.minimalism import PIECES, PROCESSES, compose, pieces
from musictool.music.score import TICKS_PER_QUARTER, Score

each_process = pytest.mark.parametrize("process", PROCESSES)


def bytes_of(score: Score) -> bytes:
    return hashlib.sha256(score.notes.tobytes() + score.tempos.tobytes() + score.metres.tobytes()).digest()


def of_track(score: Score, track: int) -> np.ndarray:
    return score.notes[score.notes["track"] == track]


@each_process
def test_a_piece_lasts_two_to_four_minutes_with_dynamics_and_within_the_keyboard(process: str):
    for number in (1, 2):
        score = compose(process, number)
        assert SHORTEST_SECONDS * 0.9 <= score.seconds <= LONGEST_SECONDS * 1.15
        assert score.notes["pitch"].min() >= 28
        assert score.notes["pitch"].max() <= 103
        assert np.ptp(score.notes["velocity"]) >= 15
        assert score.title == f"{process} {number}"
        assert not (score.notes["onset_ticks"] % 40).any()  # on twelfths of a beat


@each_process
def test_a_piece_keeps_to_one_mode_of_seven_tones_at_most(process: str):
    for number in (1, 2):
        pitches = compose(process, number).notes["pitch"]
        assert len(np.unique(pitches % 12)) <= 7


@each_process
def test_the_same_number_is_the_same_piece_and_another_is_not(process: str):
    assert bytes_of(compose(process, 1)) == bytes_of(compose(process, 1))
    assert bytes_of(compose(process, 1)) != bytes_of(compose(process, 2))


def test_there_are_three_hundred_pieces_or_more_each_once():
    all_pieces = list(pieces())
    assert len(set(all_pieces)) == len(all_pieces) == PIECES * len(PROCESSES) >= 300


def test_phasing_brings_the_second_player_ahead_by_a_note_each_section_and_home_again():
    score = compose("phasing", 1)
    length = int(score.metres["numerator"][0])
    first, second = of_track(score, 0), of_track(score, 1)
    pattern = first["pitch"][:length]
    shifts = []
    for begin in range(0, len(second) - length, length):
        bar = second["pitch"][begin : begin + length]
        shifts.append(next(shift for shift in range(length) if (np.roll(pattern, -shift) == bar).all()))
    changes = [b for a, b in zip([None, *shifts], shifts, strict=False) if a != b]
    assert changes[: length // 2 + 1] == list(range(length // 2 + 1))


def test_additive_bars_grow_by_an_eighth_and_shrink_again():
    eighths = [int(metre["numerator"]) for metre in compose("additive", 1).metres]
    top = max(eighths)
    assert eighths == [*range(2, top + 1), *range(top - 1, 1, -1)]


def test_in_a_slow_canon_all_voices_have_one_melody_and_meet_in_consonances():
    score = compose("slow-canon", 2)
    leader = of_track(score, 0)
    for track in (1, 2):
        follower = of_track(score, track)
        delay = follower["onset_ticks"][0] - leader["onset_ticks"][0]
        assert delay > 0
        assert (follower["onset_ticks"] - delay == leader["onset_ticks"]).all()
        contour = np.sign(np.diff(leader["pitch"].astype(int)))
        assert (np.sign(np.diff(follower["pitch"].astype(int))) == contour).mean() > 0.99


def test_drones_move_one_voice_at_a_time():
    score = compose("drones", 1)
    begins = score.notes["onset_ticks"][(score.notes["track"] < 4) & (score.notes["onset_ticks"] > 0)]
    assert len(begins) == len(np.unique(begins))


def test_the_voices_of_a_mensuration_canon_go_half_as_fast_each():
    score = compose("mensuration", 1)
    medians = [np.median(of_track(score, track)["duration_ticks"]) for track in (1, 3, 5)]
    assert medians[1] / medians[0] == medians[2] / medians[1] == 2


def test_tintinnabuli_have_a_tone_of_the_triad_beside_each_of_the_melody():
    score = compose("tintinnabuli", 1)
    melody, bells = of_track(score, 0), of_track(score, 1)
    assert len(np.unique(bells["pitch"] % 12)) == 3
    at = np.searchsorted(melody["onset_ticks"], bells["onset_ticks"])
    distance = np.abs(melody["pitch"][at].astype(int) - bells["pitch"])
    assert ((distance > 0) & (distance <= 7)).all()


def test_a_chord_moves_no_further_than_it_must():
    assert voiced([0, 4, 7], [60, 64, 67], 55, 80) == [60, 64, 67]
    assert voiced([5, 9, 0], [60, 64, 67], 55, 80) == [60, 65, 69]


def test_a_scale_goes_on_through_the_octaves():
    major = Scale(60, (0, 2, 4, 5, 7, 9, 11))
    assert [major[degree] for degree in (-1, 0, 4, 7, 9)] == [59, 60, 67, 72, 76]
    assert major.within(60, 72, (0, 4)) == [60, 67, 72]
    assert (nearest(62, [60, 64], above=True), nearest(62, [60, 64], above=False)) == (64, 60)


def test_notes_beyond_the_keyboard_are_brought_back_by_octaves():
    draft = Draft("phasing", 1, ("dorian",), (60, 60))
    draft.track(0)
    for pitch in (110, 20):
        draft.note(0, 0, 1, pitch)
    assert sorted(draft.score("").notes["pitch"]) == [32, 98]
    assert draft.end * TICKS_PER_QUARTER == draft.score("").end_ticks
