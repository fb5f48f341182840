from __future__ import annotations

import numpy as np
import pytest

from musictool.errors import BadOption, UnknownName
from musictool.generation.request import Constraints
from musictool.music.key import KEY_NAMES
from musictool.music.pitches import pitch_of
from musictool.music.scales import SCALES, classes_of, parse_key, pitches_of


@pytest.mark.parametrize(
    "name, pitch", [("C4", 60), ("c4", 60), ("F#3", 54), ("Bb5", 82), ("B♭5", 82), ("C-1", 0), ("G9", 127), ("Cb4", 59)]
)
def test_note_names_are_midi_numbers(name: str, pitch: int):
    assert pitch_of(name) == pitch


@pytest.mark.parametrize("name", ["", "H4", "C", "4", "C#", "G#9", "Cb-1", "C44", "C4 "])
def test_what_is_no_note_is_none(name: str):
    with pytest.raises(ValueError, match="no note"):
        pitch_of(name)


@pytest.mark.parametrize(
    "name, key",
    [("A minor", "A minor"), ("Am", "A minor"), ("F# major", "F# major"), ("Bb minor", "Bb minor"), ("C", "C major")]
    + [("d MIN", "D minor"), ("Gb", "F# major"), ("ebm", "Eb minor"), ("AM", "A major"), ("a-minor", "A minor")]
    + [("F sharp minor", "F# minor"), ("B-flat major", "Bb major"), ("e Flat", "Eb major")],
)
def test_keys_as_people_write_them(name: str, key: str):
    tonic, minor = parse_key(name)
    assert KEY_NAMES[tonic + 12 * minor] == key


def test_every_name_that_a_piece_can_be_given_is_understood():
    assert [tonic + 12 * minor for tonic, minor in map(parse_key, KEY_NAMES)] == list(range(24))


@pytest.mark.parametrize("name", ["", "H", "A blues", "A minor minor", "12"])
def test_what_is_no_key_is_refused(name: str):
    with pytest.raises(BadOption, match=r"--key.*A minor"):
        parse_key(name)


@pytest.mark.parametrize(
    "key, scale, names",
    [
        ("A minor", None, "A B C D E F G"),
        ("D", None, "D E F# G A B C#"),
        ("A minor", "harmonic-minor", "A B C D E F G#"),
        ("D", "dorian", "D E F G A B C"),
        ("C", "pentatonic", "C D E G A"),
        ("Am", "pentatonic", "A C D E G"),
        ("C", "blues", "C Eb F F# G Bb"),
        (None, "chromatic", "C C# D Eb E F F# G Ab A Bb B"),
        ("A minor", "chromatic", "C C# D Eb E F F# G Ab A Bb B"),
    ],
)
def test_a_scale_stands_on_the_tonic_of_its_key(key: str | None, scale: str | None, names: str):
    assert set(np.flatnonzero(classes_of(key and parse_key(key), scale))) == {
        pitch_of(f"{name}4") % 12 for name in names.split()
    }


def test_without_a_key_all_is_allowed_and_a_scale_has_no_tonic():
    assert classes_of(None, None).all()
    with pytest.raises(BadOption, match="--key"):
        classes_of(None, "dorian")
    with pytest.raises(UnknownName, match="Did you mean 'dorian'"):
        classes_of((0, False), "dorain")


@pytest.mark.parametrize("name", ["harmonic-minor", "Harmonic Minor", " harmonic_MINOR "])
def test_a_scale_may_be_spelled_with_capitals_and_spaces(name: str):
    assert classes_of((9, True), name).tolist() == classes_of((9, True), "harmonic-minor").tolist()
    assert Constraints("Am", "Chromatic").key_index is None


@pytest.mark.parametrize(
    "name, say", [("D dorian", "--key D --scale dorian"), ("a harmonic minor", "--key Am --scale harmonic-minor")]
)
def test_a_scale_in_the_place_of_a_key_is_told_its_own_option(name: str, say: str):
    with pytest.raises(BadOption, match=say):
        parse_key(name)


def test_every_scale_begins_on_its_tonic_and_climbs():
    for steps in SCALES.values():
        assert steps[0] == 0
        assert all(0 < step < 12 for step in np.diff(steps))


@pytest.mark.parametrize(
    "text, low, high",
    [("C3-C6", 48, 84), ("48-84", 48, 84), ("C-1-G9", 0, 127), ("Bb2 - 60", 46, 60), ("60-60", 60, 60)],
)
def test_ranges_of_notes_and_of_numbers(text: str, low: int, high: int):
    assert pitches_of(text) == range(low, high + 1)


@pytest.mark.parametrize("text", ["", "C3", "C6-C3", "0-128", "C3-H4", "a-b", "C3..C4"])
def test_what_is_no_range_is_refused(text: str):
    with pytest.raises(BadOption, match="--pitch-range"):
        pitches_of(text)
