from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musictool.encodings.multitrack_roll import MultitrackRoll
from musictool.music.instruments import INSTRUMENTS
from musictool.music.score import Score, Track
from tests.strategies import scores

Played = list[tuple[int, float, float]]  # (pitch, onset, duration), the last two in quarter notes


def band(*parts: tuple[Track, Played]) -> Score:
    """Tracks and what each of them plays."""
    tracks = tuple(track for track, _ in parts)
    return Score(np.concatenate([Score.from_notes(part, tracks, i).notes for i, (_, part) in enumerate(parts)]), tracks)


def held() -> MultitrackRoll:
    return MultitrackRoll(MultitrackRoll.Options(onsets=False))


def steps(score: Score) -> dict[tuple[str, int], str]:
    """(instrument, pitch) -> what it does step by step, of those that sound at all."""
    rows = held().encode(score)
    cells = {divmod(int(at), 128): rows[:, at] for at in np.flatnonzero(rows.any(axis=0))}
    return {(INSTRUMENTS[i], pitch): "".join(".#"[cell] for cell in column) for (i, pitch), column in cells.items()}


def test_each_instrument_has_128_numbers_of_a_row():
    score = band(
        (Track(0), [(60, 0, 1)]),
        (Track(25), [(64, 0, 0.5)]),
        (Track(33), [(36, 0, 0.25)]),
        (Track(73), [(72, 0, 0.75)]),
        (Track(is_drum=True), [(42, 0, 0.25), (42, 0.25, 0.25)]),
    )
    rows = held().encode(score)
    assert rows.shape == (4, 640)
    assert np.flatnonzero(rows[0]).tolist() == [60, 128 + 64, 256 + 36, 384 + 72, 512 + 42]
    assert steps(score) == {
        ("piano", 60): "####",
        ("guitar", 64): "##..",
        ("bass", 36): "#...",
        ("strings", 72): "###.",
        ("drums", 42): "##..",
    }


def test_onsets_are_five_rolls_of_their_own_and_keep_every_repetition():
    sixteenths = [(60, i / 4, 1 / 4) for i in range(3)]
    encoding = MultitrackRoll()
    rows = encoding.encode(band((Track(24), sixteenths), (Track(is_drum=True), [(36, 0.5, 1)])))
    guitar, drum = 128 + 60, 512 + 36
    expected = {(step, number) for step in range(3) for number in (guitar, 640 + guitar)} | {(2, drum), (2, 640 + drum)}
    assert {tuple(at) for at in np.argwhere(rows).tolist()} == expected
    music = encoding.decode(rows)
    assert music.notes["onset_ticks"].tolist() == [0, 120, 240, 240]
    moved = encoding.transpose(rows, 2)
    assert np.flatnonzero(moved[2]).tolist() == [guitar + 2, drum, 640 + guitar + 2, 640 + drum]


def test_sound_effects_are_left_out():
    assert steps(band((Track(124), [(60, 0, 1)]), (Track(1), [(62, 0, 0.25)]))) == {("piano", 62): "#"}


def test_tracks_of_one_instrument_share_its_keys():
    score = band((Track(40), [(60, 0, 1)]), (Track(56), [(60, 1, 1), (64, 0, 2)]))
    assert steps(score) == {("strings", 60): "###.####", ("strings", 64): "########"}


def test_one_key_of_two_instruments_is_two_keys():
    score = band((Track(0), [(60, 0, 1)]), (Track(24), [(60, 0.5, 1)]))
    assert steps(score) == {("piano", 60): "####..", ("guitar", 60): "..####"}


def test_every_drum_hit_survives_and_has_the_length_of_a_step():
    encoding = held()
    hats = [(42, i / 4, 2) for i in range(8)]
    music = encoding.decode(encoding.encode(band((Track(is_drum=True), [*hats, (36, 0, 8), (127, 1, 1), (3, 1, 1)]))))
    onsets = {pitch: music.notes["onset_ticks"][music.notes["pitch"] == pitch].tolist() for pitch in (42, 36, 127, 3)}
    assert onsets == {42: [i * 120 for i in range(8)], 36: [0], 127: [480], 3: [480]}
    assert (music.notes["duration_ticks"] == 120).all()
    assert music.is_drum.all()


def test_decoding_plays_on_the_five_instruments():
    music = held().decode(np.eye(640, dtype=np.uint8)[[60, 188, 316, 444, 572]])
    assert music.notes["track"].tolist() == [0, 1, 2, 3, 4]
    assert (music.notes["pitch"] == 60).all()
    assert [(track.name, track.program, track.is_drum) for track in music.tracks] == [
        ("Piano", 0, False),
        ("Guitar", 24, False),
        ("Bass", 32, False),
        ("Strings", 48, False),
        ("Drums", 0, True),
    ]


def test_the_outermost_octaves_are_left_free_but_for_drums():
    score = band((Track(0), [(11, 0, 1), (12, 0, 1), (115, 0, 1), (116, 0, 1)]), (Track(is_drum=True), [(1, 0, 1)]))
    assert steps(score).keys() == {("piano", 12), ("piano", 23), ("piano", 104), ("piano", 115), ("drums", 1)}


@given(scores(), st.integers(-12, 12))
def test_transposing_by_up_to_an_octave_loses_nothing(score, semitones):
    encoding = held()
    rows = encoding.encode(score)
    np.testing.assert_array_equal(encoding.transpose(encoding.transpose(rows, semitones), -semitones), rows)


@pytest.mark.parametrize("semitones, pitches", [(12, [127, 127, 24]), (13, [116, 116, 25]), (-13, [102, 102, 11])])
def test_transposing_moves_pitches_within_their_instrument(semitones, pitches):
    encoding = held()
    rows = encoding.encode(band((Track(0), [(115, 0, 1)]), (Track(24), [(115, 0, 1), (12, 0, 1)])))
    moved = encoding.transpose(rows, semitones)
    assert moved.dtype == np.uint8
    assert sorted(at % 128 for at in np.flatnonzero(moved[0])) == sorted(pitches)
    assert sorted(at // 128 for at in np.flatnonzero(moved[0])) == [0, 1, 1]


def test_transposing_leaves_drums_and_its_input_alone():
    encoding = held()
    rows = encoding.encode(band((Track(0), [(60, 0, 1)]), (Track(is_drum=True), [(36, 0, 1)])))
    rows.setflags(write=False)
    assert np.flatnonzero(encoding.transpose(rows, 5)[0]).tolist() == [65, 512 + 36]
    assert np.flatnonzero(encoding.transpose(rows[::2], 5)[0]).tolist() == [65, 512 + 36]
