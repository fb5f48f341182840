from __future__ import annotations

import pytest
from pretty_midi.constants import INSTRUMENT_MAP

from musictool.errors import BadOption, UnknownName
from musictool.music.gm import PROGRAMS, program_name, program_number


def test_the_table_is_pretty_midis():
    def letters(names):
        return ["".join(filter(str.isalnum, name.lower())) for name in names]

    assert letters(PROGRAMS) == letters(INSTRUMENT_MAP)


def test_every_name_and_number_leads_back():
    assert [program_number(name) for name in PROGRAMS] == [*range(128)]
    assert [program_number(str(number)) for number in range(128)] == [*range(128)]


@pytest.mark.parametrize(
    "name, number",
    [
        ("violin", 40),
        ("piano", 0),
        (" ACOUSTIC grand-piano ", 0),
        ("flute", 73),
        ("organ", 16),
        ("strings", 48),
        ("fx 2 soundtrack", 97),
    ],
)
def test_a_part_of_a_name_will_do(name, number):
    assert program_number(name) == number


def test_a_misspelt_name_gets_a_suggestion():
    with pytest.raises(UnknownName, match=r"unknown instrument 'voilin'\. Did you mean 'Violin'"):
        program_number("voilin")


@pytest.mark.parametrize("name", ["", "  ", "?!"])
def test_no_name_is_an_error(name):
    with pytest.raises(UnknownName):
        program_number(name)


@pytest.mark.parametrize("name", ["128", "-1", "1000"])
def test_a_number_outside_the_range_is_an_error(name):
    with pytest.raises(BadOption, match=r"0\.\.127"):
        program_number(name)


def test_drums_are_no_program():
    with pytest.raises(BadOption, match="drums"):
        program_number("Drums")


def test_drums_are_called_drums():
    assert program_name(40) == "Violin"
    assert program_name(40, is_drum=True) == "Drums"
