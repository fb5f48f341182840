"""Chords as people write them."""

from __future__ import annotations

import numpy as np
import pytest

from musictool.errors import BadOption
from musictool.music.chords import (
    CLASS_OF_PITCH,
    NONE,
    TRIAD_WEIGHTS,
    VECTORS,
    chord_name,
    parse_chords,
    symbols,
    whole_bars,
)
from musictool.music.score import transposed_chords


@pytest.mark.parametrize(
    "text, names",
    [
        ("C G/B Am F", "C G Am F"),
        ("Bb7 F#m7b5 Ebmaj7 Csus4 d", "Bb F#m Eb C D"),
        ("Cb B# Gdim Gaug A- A+ D°7 Emin Fadd9", "B C Gm G Am A Dm Em F"),
    ],
)
def test_a_name_is_the_triad_of_its_root(text: str, names: str):
    assert " ".join(map(chord_name, whole_bars(parse_chords(text)) or ())) == names


def test_two_chords_with_a_comma_stand_in_the_halves_of_a_bar():
    halves = parse_chords("C,G/B Am *,F")
    assert " ".join(map(chord_name, halves)) == "C G Am Am - F"
    assert whole_bars(halves) is None
    assert whole_bars(parse_chords("C,C Am")) == (0, 21)


@pytest.mark.parametrize(
    "text, message",
    [("C H", "'H' is no chord"), ("C/", "'C/'"), ("Cx", "'Cx'"), (" ", "at least one")]
    + [("C,G,F", "'C,G,F' has 3 chords in a bar"), ("C,", "'C,' is no chord"), (",", "',' is no chord")],
)
def test_what_is_no_chord_is_refused(text: str, message: str):
    with pytest.raises(BadOption, match=message):
        parse_chords(text)


def test_higher_by_some_semitones_a_chord_keeps_its_mode():
    chords = parse_chords("C B Am Bm")[::2]
    assert [chord_name(int(chord)) for chord in transposed_chords(np.array((*chords, NONE)), 2)] == [
        "D",
        "C#",
        "Bm",
        "C#m",
        "-",
    ]
    assert tuple(transposed_chords(np.array(chords[:1]), -13)) == parse_chords("B")[:1]


def test_the_keys_of_a_triad_come_nearest_to_it_and_so_do_those_of_its_seventh():
    for name, pitches in {"C": (60, 64, 67), "Am": (57, 60, 64), "F#m": (54, 61, 69), "G": (55, 59, 62, 65)}.items():
        weights = CLASS_OF_PITCH[list(pitches)].sum(axis=0)
        assert chord_name(int(np.argmax(weights @ TRIAD_WEIGHTS))) == name


def test_each_chord_has_a_vector_of_its_root_and_mode():
    assert len(np.unique(VECTORS, axis=0)) == 25
    assert VECTORS[NONE].sum() == 0
    assert (VECTORS[:12, :12] == VECTORS[12:24, :12]).all()
    assert VECTORS[:, 12].tolist() == [0] * 12 + [1] * 12 + [0]


def test_no_chord_is_a_place_where_none_is_asked_for():
    assert parse_chords("C * N.C. nc") == (0, 0, *[NONE] * 6)


def test_symbols_above_notes_are_chords_and_other_text_is_none():
    assert symbols([(0, "Am7"), (480, "^slowly"), (960, "N.C."), (1440, "Fine")]) == [(0, 21), (960, NONE)]
