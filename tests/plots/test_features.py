from __future__ import annotations

from pathlib import Path

import pytest

from musictool.drawing.plot import PlotInput, PlotOptions, inputs_of
from musictool.errors import NoMusic
from musictool.plots.features import draw
from musictool.preparation.prepare import prepare


def legend(figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_files_are_one_set_against_the_corpus(at_tiny_home: Path, tunes: Path):
    drawn = draw(inputs_of(tunes)[:5], PlotOptions(corpus="tunes"))
    assert legend(drawn.figure) == ["tunes (12)", f"{tunes.name} (5)"]
    assert drawn.title == f"{tunes.name} against tunes"


def test_without_a_corpus_it_is_the_one_prepared_last(at_tiny_home: Path, tunes: Path):
    assert legend(draw(inputs_of(tunes)[:5], PlotOptions()).figure)[0] == "tunes (12)"


def test_a_corpus_alone_is_its_training_against_its_validation_pieces(at_new_home: Path, tunes: Path):
    prepare(str(tunes), name="half", workers=1, val_split=0.5)
    first, second = legend(draw(inputs_of("half"), PlotOptions()).figure)
    assert first.startswith("half's training pieces (")
    assert second.startswith("half's validation pieces (")


def test_a_corpus_without_pieces_on_either_side_is_drawn_as_one(at_tiny_home: Path):
    drawn = draw(inputs_of("tunes"), PlotOptions())
    assert legend(drawn.figure) == ["tunes (12)"]
    assert {axes.get_title(loc="right") for axes in drawn.figure.axes} == {""}


def test_the_same_music_overlaps_wholly(at_tiny_home: Path, tunes: Path):
    figure = draw(inputs_of(tunes), PlotOptions(corpus="tunes")).figure
    numbers = {axes.get_title(loc="right") for axes in figure.axes if axes.get_title(loc="left")}
    assert numbers == {"1.00"}


def test_one_piece_has_no_distribution(at_tiny_home: Path, tunes: Path):
    with pytest.raises(NoMusic, match="tune-00: 1 is too few pieces"):
        draw([PlotInput("file", tunes / "tune-00.mid")], PlotOptions(corpus="tunes"))
