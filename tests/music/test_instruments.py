from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from musictool.music.instruments import INSTRUMENTS, TRACKS, instrument_of, note_instruments
from musictool.music.score import Score, Track
from tests.strategies import scores


def lpd_rule(program: int) -> str | None:
    """As the paper says it, a program at a time."""
    if program <= 7:
        return "piano"
    if 24 <= program <= 31:
        return "guitar"
    if 32 <= program <= 39:
        return "bass"
    if program < 96 or 104 <= program <= 111:
        return "strings"
    return None


def name_of(track: Track) -> str | None:
    index = instrument_of(track)
    return None if index == -1 else INSTRUMENTS[index]


def test_every_program_has_the_instrument_of_the_lakh_pianoroll_dataset():
    assert [name_of(Track(program)) for program in range(128)] == [lpd_rule(program) for program in range(128)]


@given(st.integers(0, 127))
def test_a_drum_track_is_drums_whatever_its_program(program):
    assert name_of(Track(program, is_drum=True)) == "drums"


def test_what_decoding_plays_on_is_the_instrument_itself():
    assert [name_of(track) for track in TRACKS] == list(INSTRUMENTS)
    assert [track.program for track in TRACKS if not track.is_drum] == [0, 24, 32, 48]


@given(scores())
def test_each_note_has_the_instrument_of_its_track(score):
    expected = [instrument_of(score.tracks[note["track"]]) for note in score.notes]
    assert note_instruments(score).tolist() == expected


def test_a_score_without_tracks_has_no_instruments():
    assert note_instruments(Score(Score.from_notes([]).notes, tracks=())).tolist() == []
