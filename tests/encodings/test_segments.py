from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musictool.dataset.encode import encode_corpus
from musictool.encodings.multitrack_roll import MultitrackRoll
from musictool.encodings.segments import Segments
from musictool.music.instruments import TRACKS
from musictool.music.score import METRE, Score, Track
from musictool.preparation.prepare import prepare
from musictool.writing import write
from tests.strategies import scores


def notes(score: Score) -> list[tuple[int, float, float]]:
    """(pitch, onset, duration), the last two in quarter notes."""
    return [(n["pitch"], n["onset_ticks"] / 480, n["duration_ticks"] / 480) for n in score.notes]


def test_two_bars_are_a_segment_and_the_last_is_filled_up_with_silence():
    rows = Segments().encode(Score.from_notes([(60, 0, 1), (64, 8, 0.5)], [Track(24)]))
    assert rows.shape == (2, 32, 128, 5)
    expected = [(0, step, 60, 1) for step in range(4)] + [(1, step, 64, 1) for step in range(2)]
    assert [tuple(at) for at in np.argwhere(rows).tolist()] == expected


def test_a_note_that_ends_with_the_segment_begins_no_other():
    assert len(Segments().encode(Score.from_notes([(60, 0, 8)]))) == 1
    assert len(Segments().encode(Score.from_notes([(60, 0, 8.25)]))) == 2


def test_a_note_over_the_edge_is_one_note():
    played = [(60, 7, 2), (64, 15.5, 1)]
    encoding = Segments()
    assert notes(encoding.decode(encoding.encode(Score.from_notes(played)))) == played


def test_a_drum_over_the_edge_is_two_hits():
    rows = np.zeros((2, 32, 128, 5), np.uint8)
    rows[0, 31, 38, 4] = rows[1, 0, 38, 4] = 1
    assert notes(Segments().decode(rows)) == [(38, 7.75, 0.25), (38, 8, 0.25)]


@pytest.mark.parametrize(
    "metres, fits",
    [
        ((), True),
        (((0, 4, 4),), True),
        (((0, 2, 2),), True),
        (((0, 2, 4),), True),
        (((0, 3, 4),), False),
        (((0, 6, 8),), False),
        (((0, 4, 4), (4, 3, 4)), False),
        (((0, 2, 4), (8, 4, 4)), True),
        (((0, 2, 4), (2, 4, 4)), False),  # an upbeat: each bar of 4/4 from there on is cut through
    ],
)
def test_pieces_whose_bars_are_cut_through_are_left_out_unless_any_will_do(metres: tuple[Any, ...], fits: bool):
    table = np.array([(480 * quarter, over, under) for quarter, over, under in metres], METRE)
    score = replace(Score.from_notes([(60 + i, i, 1) for i in range(12)], TRACKS), metres=table)
    segments = Segments()
    assert (len(segments.encode(score)) == 2) == fits
    assert (segments.why_not(score) == "") == fits
    assert len(Segments(Segments.Options(any_metre=True)).encode(score)) == 2


def test_a_corpus_says_which_pieces_are_left_out(at_new_home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    for tonic, (name, metre) in enumerate({"a": (4, 4), "b": (3, 4), "c": (4, 4)}.items(), 60):
        score = Score.from_notes([(tonic + i, i, 1) for i in range(12)], TRACKS)
        write(replace(score, metres=np.array([(0, *metre)], METRE)), tmp_path / "music" / name / f"{name}.mid")
    corpus = prepare(tmp_path / "music", encode=False).corpus
    encoded = encode_corpus(corpus, "segments", transpositions=(0,))
    assert sorted(np.diff(encoded.offsets).tolist()) == [0, 2, 2]
    assert "1 of 3 pieces are left out; of the first: its metre (3/4) does not fit" in caplog.text


def test_another_grid_makes_segments_of_other_lengths():
    encoding = Segments(Segments.Options(steps_per_quarter=8))
    rows = encoding.encode(Score.from_notes([(60, 0, 4), (62, 4, 1 / 8)]))
    assert rows.shape == (2, 32, 128, 5)
    assert encoding.positions(rows).tolist() == [0, 4 * 480]
    assert Segments().positions(rows).tolist() == [0, 8 * 480]


@given(scores(), st.integers(-12, 12))
def test_a_segment_holds_the_rows_of_the_multitrack_roll(score, semitones):
    frames = MultitrackRoll(MultitrackRoll.Options(onsets=False))
    segments = Segments(Segments.Options(any_metre=True))
    roll, rows = frames.encode(score), segments.encode(score)
    assert len(rows) == -(-len(roll) // 32)
    padded = np.zeros((len(rows) * 32, 640), np.uint8)
    padded[: len(roll)] = roll

    def by_instrument(rows: np.ndarray) -> np.ndarray:
        return rows.reshape(-1, 128, 5).swapaxes(1, 2).reshape(-1, 640)

    np.testing.assert_array_equal(by_instrument(rows), padded)
    np.testing.assert_array_equal(
        by_instrument(segments.transpose(rows, semitones)), frames.transpose(padded, semitones)
    )
    np.testing.assert_array_equal(segments.decode(rows).notes, frames.decode(roll).notes)
    assert segments.decode(rows).tracks == frames.decode(roll).tracks
