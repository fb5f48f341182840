from __future__ import annotations

from pathlib import Path

import pytest

from musictool.drawing.plot import Thing, Wishes, located
from musictool.errors import NoMusic
from musictool.plots.features import draw
from musictool.preparation.prepare import prepare


def legend(figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_files_are_one_set_against_the_corpus(at_tiny_home: Path, tunes: Path):
    drawn = draw(located(tunes)[:5], Wishes(corpus="tunes"))
    assert legend(drawn.figure) == ["tunes (12)", f"{tunes.name} (5)"]
    assert drawn.title == f"{tunes.name} against tunes"


def test_without_a_corpus_it_is_the_one_prepared_last(at_tiny_home: Path, tunes: Path):
    assert legend(draw(located(tunes)[:5], Wishes()).figure)[0] == "tunes (12)"


def test_a_corpus_alone_is_its_training_against_its_validation_pieces(at_new_home: Path, tunes: Path):
    prepare(str(tunes), name="half", workers=1, val_split=0.5)
    first, second = legend(draw(located("half"), Wishes()).figure)
    assert first.startswith("half's training pieces (")
    assert second.startswith("half's validation pieces (")


def test_a_corpus_without_pieces_on_either_side_is_drawn_as_one(at_tiny_home: Path):
    drawn = draw(located("tunes"), Wishes())
    assert legend(drawn.figure) == ["tunes (12)"]
    assert {axes.get_title(loc="right") for axes in drawn.figure.axes} == {""}


def test_the_same_music_overlaps_wholly(at_tiny_home: Path, tunes: Path):
    figure = draw(located(tunes), Wishes(corpus="tunes")).figure
    numbers = {axes.get_title(loc="right") for axes in figure.axes if axes.get_title(loc="left")}
    assert numbers == {"1.00"}


def test_one_piece_has_no_distribution(at_tiny_home: Path, tunes: Path):
    with pytest.raises(NoMusic, match="tune-00: 1 is too few pieces"):
        draw([Thing("file", tunes / "tune-00.mid")], Wishes(corpus="tunes"))
