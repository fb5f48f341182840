from __future__ import annotations

import pytest

from musictool.corpus.selection import matches
from musictool.errors import BadOption, UnknownName

ABOUT = [
    {"genre": "Jazz", "artist": "Bill Evans"},
    {"genre": "Jazz_Fusion", "artist": "Weather Report"},
    {"genre": "Baroque", "artist": "J. S. Bach (1685*)"},
    {"genre": "", "artist": "Bill Evans"},
]


@pytest.mark.parametrize(
    "where, expected",
    [
        (["genre=Jazz"], [True, False, False, False]),
        (["GENRE = jazz "], [True, False, False, False]),
        (["genre=Jazz*"], [True, True, False, False]),
        (["genre=Jazz", "genre=baroque"], [True, False, True, False]),
        (["genre=Jazz*", "artist=*evans*"], [True, False, False, False]),
        (["artist=bill evans"], [True, False, False, True]),
        (["artist=J. S. Bach (1685*)"], [False, False, True, False]),
    ],
)
def test_conditions_choose_pieces(where, expected):
    assert matches(ABOUT, where).tolist() == expected


def test_one_of_several_values_is_enough():
    about = [{"genre": "Jazz; Blues"}, {"genre": "Bluesy; Rock"}, {"genre": ""}]
    assert matches(about, ["genre=blues"]).tolist() == [True, False, False]
    assert matches(about, ["genre=jazz; blues"]).tolist() == [True, False, False]
    assert matches(about, ["genre="]).tolist() == [False, False, True]


def test_a_column_that_is_nowhere_is_named_with_those_that_are():
    with pytest.raises(UnknownName, match=r"'gerne'\. Did you mean 'genre'.*--metadata FILE"):
        matches(ABOUT, ["gerne=Jazz"])


def test_what_no_piece_has_is_refused_with_what_there_is():
    with pytest.raises(BadOption, match=r"no piece has genre=Polka; there are genre: Jazz \(1\), Jazz_Fusion \(1\)"):
        matches(ABOUT, ["genre=Polka"])


def test_text_that_is_no_condition_is_refused():
    with pytest.raises(BadOption, match="COLUMN=VALUE"):
        matches(ABOUT, ["Jazz"])
