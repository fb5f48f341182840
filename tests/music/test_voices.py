"""Who sings what, on music whose voices a person can name."""

from __future__ import annotations

import numpy as np
import pytest

from musictool.music.grid import in_steps
from musictool.music.score import Score, Track
from musictool.music.voices import LEFT_OUT, one_at_a_time, track_voices, voices_of


def piece(*parts: list[tuple[int, float, float]], names: tuple[str, ...] = (), drums: int = -1) -> Score:
    tracks = tuple(Track(name=names[i] if names else "", is_drum=i == drums) for i in range(len(parts)))
    notes = np.concatenate([Score.from_notes(part, tracks, i).notes for i, part in enumerate(parts)])
    return Score.from_columns(*(notes[column] for column in notes.dtype.names), tracks=tracks)


def by_track(score: Score) -> dict[int, set[int]]:
    voices = voices_of(score, *in_steps(score.notes, 4))
    return {track: {*voices[score.notes["track"] == track].tolist()} for track in np.unique(score.notes["track"])}


LINES = [[(pitch, i, 1) for i in range(4)] for pitch in (48, 72, 55, 64)]


def test_tracks_that_play_one_note_at_a_time_are_the_voices_the_highest_first():
    assert by_track(piece(*LINES)) == {0: {3}, 1: {0}, 2: {2}, 3: {1}}
    assert by_track(piece(*LINES[:2])) == {0: {3}, 1: {0}}
    assert by_track(piece(*LINES[:3])) == {0: {3}, 1: {0}, 2: {1}}


def test_names_go_before_heights_and_drums_have_no_voice():
    score = piece(*LINES, names=("soprano", "Bass", "ALTO", "Tenor"))
    assert by_track(score) == {0: {0}, 1: {3}, 2: {1}, 3: {2}}
    assert by_track(piece(LINES[0], LINES[1], drums=0)) == {0: {LEFT_OUT}, 1: {0}}


def test_beside_all_four_voices_other_tracks_are_left_out():
    score = piece(*LINES, [(80, 0, 4)], names=("Bass", "Soprano", "Tenor", "Alto", "Horn"))
    assert by_track(score) == {0: {3}, 1: {0}, 2: {2}, 3: {1}, 4: {LEFT_OUT}}


def test_a_grace_note_leaves_a_track_a_voice_and_chords_do_not():
    line = [(60 + i % 5, i, 1) for i in range(40)]
    for extra, is_voice in (([(72, 3, 0.25)], True), ([(72, i, 1) for i in range(8)], False)):
        score = piece(line + extra)
        assert (track_voices(score, *in_steps(score.notes, 4)) is not None) == is_voice


def test_chords_are_shared_out_from_the_highest_down_and_of_five_notes_one_is_left_out():
    chords = [(pitch + shift, i, 1) for i, shift in enumerate((0, 2, 0)) for pitch in (72, 64, 55, 48)]
    score = piece(chords)
    voices = voices_of(score, *in_steps(score.notes, 4))
    heights = {voice: {*score.notes["pitch"][voices == voice].tolist()} for voice in range(4)}
    assert heights == {0: {72, 74}, 1: {64, 66}, 2: {55, 57}, 3: {48, 50}}
    five = piece([(pitch, 0, 1) for pitch in (48, 55, 60, 64, 72)])
    assert voices_of(five, *in_steps(five.notes, 4)).tolist() == [3, 2, LEFT_OUT, 1, 0]


def test_of_the_same_note_and_of_five_that_of_a_wanted_track_stays():
    chord = [(pitch, 0, 1) for pitch in (48, 55, 67, 72)]
    score = piece([*chord, (60, 1, 1)], [(64, 0, 1), (60, 1, 1)])
    for wanted in (0, 1):
        voices = voices_of(score, *in_steps(score.notes, 4), [wanted])
        is_wanted = score.notes["track"] == wanted
        assert (voices[is_wanted] != LEFT_OUT).all()
        assert (voices[~is_wanted & (score.notes["pitch"] == 60)] == LEFT_OUT).all()


def test_a_moving_voice_goes_on_beside_a_held_chord():
    score = piece([(48, 0, 4), (55, 0, 4), (64, 0, 4), *((72 + i, i, 1) for i in range(4))])
    voices = voices_of(score, *in_steps(score.notes, 4))
    assert {*voices[score.notes["pitch"] >= 72].tolist()} == {0}
    assert sorted(voices[score.notes["pitch"] < 72].tolist()) == [1, 2, 3]


def test_one_at_a_time_the_longest_stays_until_the_next_begins():
    voices, onsets, lengths = (
        np.array(values) for values in ([0, 0, 0, 1, LEFT_OUT], [0, 0, 2, 1, 1], [1, 4, 1, 9, 9])
    )
    kept, cut = one_at_a_time(voices, onsets, lengths)
    assert (kept.tolist(), cut.tolist()) == ([1, 2, 3], [2, 1, 9])


@pytest.mark.parametrize("parts", [[], [[(36, 0, 1)]]])
def test_without_voices_nothing_is_shared_out(parts: list):
    score = piece(*parts, drums=0) if parts else Score.from_notes([])
    assert {*voices_of(score, *in_steps(score.notes, 4)).tolist()} <= {LEFT_OUT}
