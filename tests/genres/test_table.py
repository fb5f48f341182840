from __future__ import annotations

from pathlib import Path

import pytest

from genres.choose import CHOICES
from genres.table import GENRES
from musictool.cli.train import command
from musictool.fetching.public import COLLECTIONS
from musictool.preparation.sources import BUILT_IN

ROOT = Path(__file__).parent.parent.parent
each_genre = pytest.mark.parametrize("name", GENRES)


@each_genre
def test_a_row_names_what_there_is(name: str):
    genre = GENRES[name]
    for data in genre.data:
        assert data.collection in {**BUILT_IN, **COLLECTIONS}
        assert data.choose in CHOICES
        assert data.licence
    assert not genre.parent or [*GENRES].index(genre.parent) < [*GENRES].index(name)
    command.make_context("train", [name, *genre.train], resilient_parsing=False)  # all are options of train


@each_genre
def test_whom_the_licences_ask_to_be_named_stands_in_the_notice(name: str):
    notice = " ".join((ROOT / "NOTICE").read_text(encoding="utf-8").split())
    assert f"{name} " in notice
    for credit in GENRES[name].credits:
        assert credit in notice


def test_nothing_is_learnt_whose_licence_forbids_commerce_or_asks_to_share_alike():
    for genre in GENRES.values():
        assert not {"NC", "SA", "GPL"} & {*genre.licences.replace("-", " ").split()}


@each_genre
def test_git_keeps_the_model_of_each_genre_and_ignores_others(name: str):
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert lines.index(f"!saved_models/{name}/") > lines.index("saved_models/*")
