"""Models of frames: where in the bar each frame is, from the primer on to the bar lines of the song."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musictool.encodings.piano_roll import PianoRoll
from musictool.generation.request import Request
from musictool.generation.sample import sample
from musictool.generation.scoring import score_piece
from musictool.models.model import Model
from musictool.music.bar_positions import BarPositions
from musictool.music.score import METRE, Score
from musictool.writing import write

WALTZ = np.array([(0, 3, 4), (480, 3, 4)], METRE)  # with an upbeat of a quarter note
FRAMES = 16


class Recorder:
    """An arch that strikes middle C on every step, and records what it is given."""

    def __init__(self) -> None:
        self.given: list[tuple[int, BarPositions]] = []

    def continuation(self, primer: np.ndarray, sampler: Any, seed: int, guidance: Any) -> Any:
        self.given.append((primer.shape[1], guidance.bar_positions))
        frame = np.zeros(PianoRoll().spec.size, np.uint8)
        frame[[60 - 21, 88 + 60 - 21]] = 1
        while True:
            yield np.tile(frame, (len(primer), FRAMES, 1))

    def surprisal_in_parts(self, rows: np.ndarray, guidance: Any) -> Iterator[np.ndarray]:
        self.given.append((len(rows), guidance.bar_positions))
        yield np.ones(len(rows))


@pytest.fixture
def model(tiny_home: Path) -> Model:
    """With one opening of 20 sixteenths: an upbeat, a bar of three quarter notes, and a quarter note."""
    trained = Model.open(tiny_home / "saved_models" / "tunes-lstm")
    opening = PianoRoll().encode(Score.from_notes([(72, i, 1) for i in range(5)]))
    recording = Model(trained.folder, trained.info, PianoRoll())
    recording.__dict__.update({"arch": Recorder(), "primers": [opening], "primer_metres": [WALTZ]})
    return recording


def test_what_follows_an_opening_is_in_its_bars(model: Model):
    (song,) = sample(model, Request(bars=2))
    ((read, positions),) = model.arch.given  # type: ignore[attr-defined]
    assert read == 1 + 16  # up to the last bar line
    np.testing.assert_array_equal(positions.of_rows(0, 24)[:, 0], BarPositions((WALTZ,)).of_rows(0, 24)[:, 0])
    assert song.metres.tolist() == [(0, 3, 4)]
    assert song.notes["onset_ticks"].tolist() == [*range(0, 2 * 3 * 480, 120)]


def test_behind_a_primer_that_ends_within_a_bar_it_begins_on_the_line_before(model: Model):
    (song,) = sample(model, Request(bars=2, primer="C5 C5 C5 C5 C5"))
    assert song.notes["onset_ticks"].tolist() == [*range(480, 2 * 4 * 480, 120)]


def test_openings_of_several_lengths_are_continued_each_in_its_bars(model: Model):
    openings = [PianoRoll().encode(Score.from_notes([(72, i, 1) for i in range(n)])) for n in (5, 9)]
    model.__dict__.update({"primers": openings, "primer_metres": [WALTZ, np.array([(0, 4, 4)], METRE)]})
    songs = sample(model, Request(bars=2, num=6, seed=3))
    ((read, positions),) = model.arch.given  # type: ignore[attr-defined]
    assert (read, {*positions.first_rows}) == (1 + 16, {0, 32 - 16})
    assert {tuple(song.metres.tolist()[0]) for song in songs} == {(0, 3, 4), (0, 4, 4)}
    assert all(song.notes["onset_ticks"].tolist() == [*range(0, song.end_ticks, 120)] for song in songs)


def test_of_a_primer_of_which_the_end_is_read_the_bars_stay(model: Model, tmp_path: Path):
    path = tmp_path / "primer.mid"
    write(replace(Score.from_notes([(72, i, 1) for i in range(5)]), metres=WALTZ), path)
    sample(model, Request(bars=2, primer=path, primer_length=7))
    ((read, positions),) = model.arch.given  # type: ignore[attr-defined]
    assert (read, positions.first_rows) == (1 + 7, [13])
    np.testing.assert_array_equal(positions.of_rows(0, 9)[:, 0], BarPositions((WALTZ,)).of_rows(13, 22)[:, 0])


def test_from_scratch_it_begins_as_an_opening_does(model: Model):
    (song,) = sample(model, Request(bars=3, from_scratch=True))
    ((read, positions),) = model.arch.given  # type: ignore[attr-defined]
    assert read == 1
    assert [table.tolist() for table in positions.metres] == [WALTZ.tolist()]
    assert song.metres.tolist() == WALTZ.tolist()
    assert song.end_ticks == (1 + 2 * 3) * 480


def test_a_typed_primer_is_in_the_metre_of_the_corpus(model: Model):
    sample(model, Request(bars=1, primer="C4 E4 G4"))
    ((_, positions),) = model.arch.given  # type: ignore[attr-defined]
    assert positions.metres[0].tolist() == [(0, *model.info["music"]["metre"])]


def test_a_piece_is_scored_in_its_own_bars(model: Model):
    tune = replace(Score.from_notes([(60 + i, i, 1) for i in range(4)]), metres=WALTZ)
    assert score_piece(model, tune, "tune") is not None
    ((rows, positions),) = model.arch.given  # type: ignore[attr-defined]
    assert (rows, positions.metres[0].tolist()) == (16, WALTZ.tolist())
