"""Faults of voice leading, one at a time, in a few chords."""

from __future__ import annotations

import numpy as np
import pytest

from musictool.apps.chorales.pieces import REST
from musictool.apps.chorales.voice_leading import FAULTS, faults, ranges_of, score_of

WIDE = [(0, 127)] * 4
GOOD = [[72, 67, 64, 48], [71, 67, 62, 55], [72, 67, 64, 48]]


def of(piece: list, ranges: list = WIDE) -> dict[str, float]:
    return {name: value for name, value in faults([np.array(piece)], ranges).items() if value}


def test_a_cadence_has_no_faults():
    assert of(GOOD) == {}


@pytest.mark.parametrize(
    "name, piece, value",
    [
        ("parallel fifths", [[72, 67, 64, 60], [74, 69, 62, 67]], None),
        ("parallel octaves", [[72, 67, 64, 48], [74, 65, 62, 50]], 100),
        ("spacing", [[79, 65, 60, 48], [79, 67, 60, 48]], 50),
        ("crossing", [[72, 60, 64, 48], [72, 64, 60, 48]], 50),
    ],
)
def test_each_fault_is_found(name: str, piece: list, value: float | None):
    found = of(piece)
    if value is None:  # soprano and alto stay a fourth apart, which is none
        assert name not in found
    else:
        assert found[name] == value


def test_fifths_are_counted_where_both_voices_move_and_both_sing():
    assert of([[67, 64, 62, 60], [69, 65, 64, 62]])["parallel fifths"] == 100
    assert "parallel fifths" not in of([[67, 64, 62, 60]] * 2)
    assert "parallel fifths" not in of([[67, 64, 62, 60], [REST, 65, 64, 62]])


def test_a_range_is_that_of_the_training_pieces():
    ranges = ranges_of([np.array(GOOD)])
    assert ranges == [(71, 72), (67, 67), (62, 64), (48, 55)]
    assert of([[73, 67, 64, 48]], ranges)["range"] == 25


def test_a_doubled_leading_note_is_counted_where_one_is_sung():
    scale = [[72 + i, 67, 64, 48] for i in (0, 2, 4, 5, 7, 5, 4, 2, 0)]
    assert of([*scale, [71, 67, 62, 59], [71, 67, 62, 55]])["leading note doubled"] == 50


def test_a_piece_is_music_whose_notes_last_until_a_voice_changes():
    score = score_of(np.array([[72, REST, 60, 48], [72, 67, 60, 50], [72, 67, 60, 50]]))
    notes = sorted(
        zip(
            *(score.notes[column].tolist() for column in ("track", "pitch", "onset_ticks", "duration_ticks")),
            strict=True,
        )
    )
    assert notes == [(0, 72, 0, 360), (1, 67, 120, 240), (2, 60, 0, 360), (3, 48, 0, 120), (3, 50, 120, 240)]
    assert len(FAULTS) == 6
