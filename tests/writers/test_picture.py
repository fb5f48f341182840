from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from matplotlib.image import imread

from musictool.drawing.layout import layout
from musictool.drawing.roll import Piece, figure_of
from musictool.music.score import METRE, Score, Track
from musictool.writing import write
from tests.strategies import examples, scores


def bars_of(count: int) -> Score:
    return Score.from_notes([(60 + i % 12, i, 1) for i in range(4 * count)])


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf", ".html"])
def test_the_same_score_gives_the_same_bytes(tmp_path, suffix):
    for folder in ("a", "b"):
        write(bars_of(4), tmp_path / folder / f"song{suffix}")
    assert (tmp_path / "a" / f"song{suffix}").read_bytes() == (tmp_path / "b" / f"song{suffix}").read_bytes()


def test_the_picture_grows_with_the_piece_up_to_a_width_and_then_downwards(tmp_path):
    sizes = []
    for bars in (2, 12, 16, 40):
        write(bars_of(bars), tmp_path / "song.png")
        height, width = imread(tmp_path / "song.png").shape[:2]
        sizes.append((width, height))
    (first, low), (second, _), (third, _), (fourth, high) = sizes
    assert first < second < third <= 1500
    assert fourth <= 1500
    assert high > 2 * low


@pytest.mark.parametrize("bars, rows", [(1, 1), (16, 1), (17, 2), (64, 4), (1000, 12)])
def test_rows_are_of_whole_bars_and_never_too_many(bars, rows):
    plan = layout(bars_of(bars))
    assert len(plan.edges_ticks) == rows + 1
    assert np.all(np.isin(plan.edges_ticks, plan.bars_ticks))
    assert plan.edges_ticks[-1] == bars * 1920


def numbers(score: Score) -> list[list[int]]:
    """The bars that have a number, row by row."""
    axes = figure_of([Piece(score, "song")]).axes
    return [[int(label.get_text()) for label in each.get_xticklabels()] for each in axes]


def with_metres(quarters: int, *metres: tuple[int, int, int]) -> Score:
    notes = Score.from_notes([(60, i, 1) for i in range(quarters)]).notes
    return Score(notes, metres=np.array([(480 * quarter, *metre) for quarter, *metre in metres], METRE))


def test_the_bar_after_a_short_one_has_its_number_too():
    assert numbers(with_metres(44, (0, 3, 4), (21, 2, 4), (23, 3, 4))) == [list(range(1, 16))]


def test_where_numbers_would_touch_each_row_has_every_second_from_its_first():
    assert numbers(with_metres(24, (0, 4, 4), (8, 1, 8), (8.5, 4, 4))) == [[1, 3, 5, 7]]
    assert numbers(with_metres(100, (0, 2, 4))) == [[*range(1, 26, 2)], [*range(26, 51, 2)]]


def test_numbers_of_a_long_piece_stand_far_enough_apart_to_be_read():
    figure = figure_of([Piece(with_metres(4 * 150, (0, 4, 4), (8, 3, 16), (8.75, 4, 4)), "song")])
    figure.canvas.draw()
    for axes in figure.axes:
        boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_every_note_lies_inside_and_drums_lie_below():
    rows = np.array([(0, 480, 0, 1, 0), (0, 480, 127, 127, 0), (0, 1, 35, 90, 1), (0, 1, 81, 90, 1)]).T
    plan = layout(Score.from_columns(*rows, tracks=(Track(), Track(is_drum=True))))
    assert plan.low <= 0
    assert plan.high >= 128
    assert plan.bottom < plan.drum_lanes[35] < plan.drum_lanes[81] < plan.low


def test_a_title_is_drawn_as_it_is_written_whatever_letters_it_has(tmp_path):
    score = Score(bars_of(1).notes, (Track(name="$\\alpha"),), title="costs $5 or $6\n\x00 月 " + "long " * 100)
    write(score, tmp_path / "song.png")
    figure = figure_of([Piece(score, score.title)])
    assert figure.texts[0].get_text().startswith("costs $5 or $6 □ □ long")
    assert figure.texts[0].get_text().endswith("…")


def test_the_legend_names_each_track_and_only_where_there_are_several():
    rows = np.array([(0, 480, 60, 90, i) for i in range(4)]).T
    parts = (Track(name="Lead"), Track(40), Track(40), Track(is_drum=True))
    score = Score.from_columns(*rows, tracks=parts)
    (legend,) = figure_of([Piece(score, "song")]).legends
    assert [text.get_text() for text in legend.get_texts()] == ["Lead", "Violin (1)", "Violin (2)", "Drums"]
    assert figure_of([Piece(bars_of(1), "song")]).legends == []


@settings(max_examples=examples(20), deadline=None)
@given(scores(min_notes=1))
def test_any_score_can_be_drawn(tmp_path_factory, score):
    path = tmp_path_factory.mktemp("picture") / "song.png"
    write(score, path, dots_per_inch=30)
    assert imread(path).shape[2] == 4


def test_drawing_leaves_pyplot_alone(tmp_path):
    code = (
        "import sys; from pathlib import Path; from musictool.music.score import Score\n"
        "from musictool.writing import write\n"
        f"write(Score.from_notes([(60, 0, 1)]), Path({str(tmp_path / 'song.png')!r}))\n"
        "assert not {'matplotlib.pyplot', 'tensorflow', 'pretty_midi'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
