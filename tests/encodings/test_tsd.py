from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from musictool.encoding import FIRST_TOKEN, from_json
from musictool.encodings.tsd import Tsd
from musictool.music.score import METRE, TEMPO, Score, Track

BARE = {"programs": False, "tempo": False, "velocity": False}


def encoding_of(*pieces: Score, **options) -> Tsd:
    encoding = Tsd(Tsd.Options(**options))
    encoding.fit(pieces)
    return encoding


def texts(score: Score, **options) -> list[str]:
    encoding = encoding_of(**options)
    return [encoding.base_texts[row - FIRST_TOKEN] for row in encoding.encode(score)]


def notes(score: Score) -> list[tuple[int, float, float]]:
    """(pitch, onset in quarters, duration in quarters)."""
    return [(n["pitch"], n["onset_ticks"] / 480, n["duration_ticks"] / 480) for n in score.notes]


def test_time_shifts_and_notes():
    assert texts(Score.from_notes([(60, 0, 1), (64, 0, 1), (62, 1.5, 0.25)]), **BARE) == [
        *("Pitch_60", "Duration_1.0.12", "Pitch_64", "Duration_1.0.12"),
        *("TimeShift_1.6.12", "Pitch_62", "Duration_0.3.12"),
    ]


def test_a_long_way_is_several_shifts():
    score = Score.from_notes([(60, 20.25, 1)])
    assert texts(score, **BARE) == ["TimeShift_16.0.4", "TimeShift_4.1.4", "Pitch_60", "Duration_1.0.12"]


def test_each_option_adds_its_tokens():
    score = Score.from_columns(
        *np.array([(0, 480, 60, 80, 0), (0, 480, 36, 80, 1)]).T,
        tracks=(Track(40), Track(is_drum=True)),
        tempos=np.array([(0, 91.0)], TEMPO),
    )
    assert texts(score) == [
        *("Tempo_90.0", "Program_40", "Pitch_60", "Velocity_79", "Duration_1.0.12"),
        *("Program_-1", "PitchDrum_36", "Velocity_79", "Duration_1.0.12"),
    ]


def test_metres_are_lost_and_all_else_stays():
    score = Score.from_notes([(60, 0, 1), (61, 1 / 3, 1 / 3), (62, 7.25, 2)], [Track(12)])
    encoding = encoding_of()
    music = encoding.decode(encoding.encode(Score(score.notes, score.tracks, metres=np.array([(0, 3, 8)], METRE))))
    assert notes(music) == notes(score)
    assert not len(music.metres)
    assert [track.program for track in music.tracks] == [12]


def test_positions_count_the_shifts():
    encoding = encoding_of(**BARE)
    rows = encoding.encode(Score.from_notes([(60, 0, 1), (62, 20.25, 1)]))
    np.testing.assert_array_equal(encoding.positions(rows), np.array([0, 0, 16, 20.25, 20.25, 20.25]) * 480)


@pytest.mark.parametrize("seed", range(10))
def test_the_clock_is_that_of_miditok(seed):
    encoding = encoding_of()
    shifts = FIRST_TOKEN + np.flatnonzero(encoding.kinds == "TimeShift")
    rows = np.random.default_rng(seed).choice(shifts, 10)
    note = [FIRST_TOKEN + encoding.base_texts.index(name) for name in ("Pitch_60", "Velocity_79", "Duration_1.0.12")]
    by_miditok = [encoding.decode([*rows[:t], *note]).notes["onset_ticks"][0] for t in range(1, 11)]
    np.testing.assert_array_equal(encoding.grid.to_ticks(encoding.clock(rows - FIRST_TOKEN)), by_miditok)


def test_merged_tokens_play_the_same_and_come_back_from_json():
    pieces = [Score.from_notes([(60 + i % k, i / 2, 1 / 2) for i in range(64)], [Track(k)]) for k in (3, 5)]
    drums = Score.from_notes([(36 + i % 3, i / 4, 1 / 4) for i in range(64)], [Track(is_drum=True)])
    encoding = encoding_of(*pieces, drums, vocabulary=800)
    for piece in (*pieces, drums):
        rows = encoding.encode(piece)
        assert len(rows) < 0.6 * len(encoding_of().encode(piece))
        assert notes(encoding.decode(rows)) == notes(piece)
        again = from_json(*json.loads(json.dumps([encoding.to_json(), encoding.vocabulary()])))
        np.testing.assert_array_equal(again.encode(piece), rows)
        np.testing.assert_array_equal(encoding.transpose(rows, 3), encoding.encode(piece.transpose(3)))
    assert encoding.vocabulary() == encoding_of(drums, *pieces[::-1], vocabulary=800).vocabulary()


def test_listing_imports_no_miditok():
    code = (
        "import sys; sys.modules['miditok'] = None; from musictool.catalogue import entries; "
        "from musictool.registry import ENCODINGS; import musictool.encodings.tsd, musictool.encodings.remi; "
        "print(*(entry.name for entry in entries(ENCODINGS)))"
    )
    listed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"remi", "tsd"} <= set(listed)
