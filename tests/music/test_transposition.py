from __future__ import annotations

from typing import Any

import pytest

from musictool.music.transposition import Transposition


@pytest.mark.parametrize(
    "value, expected",
    [
        ("-3..3", Transposition(-3, 3)),
        ("3", Transposition(0, 3)),
        ("-3", Transposition(-3, 0)),
        (" 0 ", Transposition(0, 0)),
        ("to-c", Transposition(0, 0, to_c=True)),
        ((-1, 2), Transposition(-1, 2)),
        ([0, 0], Transposition(0, 0)),
    ],
)
def test_it_is_parsed_and_written_again(value: Any, expected: Transposition):
    assert Transposition.parse(value) == expected
    assert Transposition.parse(str(expected)) == expected


@pytest.mark.parametrize("value", ["1..3", "-25..0", "up", "-3..", "", (1, 3), (1, 2, 3), "3..-3"])
def test_what_does_not_hold_no_shift_is_refused(value: Any):
    with pytest.raises(ValueError, match=r"does not hold 0|is not like|values to unpack"):
        Transposition.parse(value)


def test_the_shifts_are_all_between_and_none_where_pieces_are_moved_to_c():
    assert [*Transposition(-1, 2).semitones] == [-1, 0, 1, 2]
    assert [*Transposition.parse("to-c").semitones] == [0]
