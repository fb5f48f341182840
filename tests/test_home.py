from __future__ import annotations

import os
from pathlib import Path

import pytest

from musictool import home
from musictool.errors import BadOption, UnknownName


def made(folder: Path, name: str, when: int) -> Path:
    (folder / name).mkdir(parents=True)
    marker = folder / name / home.CORPUS_MARKER
    marker.write_text("{}")
    os.utime(marker, (when, when))
    return folder / name


def test_both_folders_lie_under_the_variable_or_else_in_the_working_directory(monkeypatch, tmp_path):
    monkeypatch.setenv("MUSICTOOL_HOME", str(tmp_path))
    assert home.corpora_folder() == tmp_path / "corpora"
    assert home.models_folder() == tmp_path / "saved_models"
    for nothing in ("", None):
        if nothing is None:
            monkeypatch.delenv("MUSICTOOL_HOME")
        else:
            monkeypatch.setenv("MUSICTOOL_HOME", nothing)
        assert home.corpora_folder() == Path("corpora")


def test_the_latest_is_the_one_whose_marker_was_written_last(tmp_path):
    made(tmp_path, "new", 2000)
    made(tmp_path, "old", 1000)
    made(tmp_path, ".hidden", 3000)
    (tmp_path / "unfinished").mkdir()
    assert home.latest(tmp_path, home.CORPUS_MARKER) == tmp_path / "new"
    assert home.names(tmp_path, home.CORPUS_MARKER) == ["new", "old"]


def test_there_is_no_latest_where_there_is_nothing(tmp_path):
    assert home.latest(tmp_path / "nowhere", home.CORPUS_MARKER) is None
    assert home.names(tmp_path / "nowhere", home.CORPUS_MARKER) == []


def test_an_entry_is_found_by_name_by_path_and_by_its_marker(at_new_home: Path):
    inside = made(at_new_home / "corpora", "bach", 1)
    outside = made(at_new_home / "elsewhere", "verdi", 1)
    assert home.find_corpus("bach") == inside
    assert home.find_corpus(str(outside)) == outside
    assert home.find_corpus(outside / home.CORPUS_MARKER) == outside


def test_an_unknown_name_gets_the_nearest_one_that_exists(at_new_home: Path):
    made(at_new_home / "corpora", "bach", 1)
    with pytest.raises(UnknownName, match=r"unknown corpus 'bahc'. Did you mean 'bach'\? Known: bach"):
        home.find_corpus("bahc")


def test_what_is_something_else_is_told_what_it_is(at_new_home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(at_new_home)
    for folder, marker in (("corpora/bach", home.CORPUS_MARKER), ("saved_models/my bach", home.MODEL_MARKER)):
        (at_new_home / folder).mkdir(parents=True)
        (at_new_home / folder / marker).touch()
    (at_new_home / "song.mid").touch()
    for name, words in (
        ("bach", "no model is called 'bach': it is a corpus; train it: musictool train bach"),
        ("song.mid", "no model is called 'song.mid': it is a file"),
    ):
        with pytest.raises(UnknownName, match=f"^{words}$"):
            home.find_model(name)
    with pytest.raises(UnknownName, match=r"it is a model; let it write: musictool sample 'my bach'$"):
        home.find_corpus("my bach")


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "..", "a\\b"])
def test_a_corpus_cannot_be_called_what_is_no_folder_name(name):
    with pytest.raises(BadOption, match="--name"):
        home.check_name(name)


def test_what_a_name_means_is_a_file_a_corpus_or_a_model(at_new_home: Path):
    for folder, marker in (("corpora/bach", home.CORPUS_MARKER), ("saved_models/bach-lstm", home.MODEL_MARKER)):
        (at_new_home / folder).mkdir(parents=True)
        (at_new_home / folder / marker).touch()
    (at_new_home / "song.mid").touch()
    corpus, model = at_new_home / "corpora" / "bach", at_new_home / "saved_models" / "bach-lstm"
    assert home.locate("bach") == ("corpus", corpus)
    assert home.locate("bach-lstm") == ("model", model)
    assert home.locate(model / home.MODEL_MARKER) == ("model", model)
    assert home.locate(at_new_home / "song.mid") == ("file", at_new_home / "song.mid")
    with pytest.raises(UnknownName, match=r"unknown file, corpus or model 'bahc'\. Did you mean 'bach'"):
        home.locate("bahc")


def model(folder: Path, *files: str) -> Path:
    folder.mkdir(parents=True)
    for name in (home.MODEL_MARKER, *files):
        (folder / name).touch()
    return folder


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where models ship in these tests, with one of them: waltz."""
    folder = tmp_path.resolve() / "package" / "shipped"
    monkeypatch.setattr(home, "shipped_folder", lambda: folder)
    return model(folder / "waltz", home.MODEL_CARD)


def test_models_ship_in_the_installed_package_or_else_in_the_checkout_around_it(tmp_path, monkeypatch):
    package = tmp_path.resolve() / "musictool"
    (package / "shipped").mkdir(parents=True)
    monkeypatch.setattr(home, "__file__", str(package / "home.py"))
    assert home.shipped_folder() == package / "shipped"
    (package / "shipped").rmdir()
    assert home.shipped_folder() == tmp_path.resolve() / "saved_models"


def test_a_model_that_ships_is_found_by_its_name_from_anywhere(at_new_home: Path, shipped: Path):
    assert home.find_model("waltz") == shipped
    assert home.locate("waltz") == ("model", shipped)
    assert home.models() == home.shipped_models() == {"waltz": shipped}
    assert home.user_models() == {}
    with pytest.raises(UnknownName, match=r"unknown model 'walz'\. Did you mean 'waltz'"):
        home.find_model("walz")
    with pytest.raises(UnknownName, match="no corpus is called 'waltz': it is a model"):
        home.find_corpus("waltz")


def test_ones_own_model_goes_before_one_that_ships_and_that_is_said_once(at_new_home: Path, shipped: Path, caplog):
    own = model(at_new_home / "saved_models" / "waltz")
    assert home.find_model("waltz") == home.find_model("waltz") == own
    (said,) = caplog.messages
    assert said == f"{own} is your own model; it goes before the waltz that ships with musictool"
    assert home.models() == {"waltz": own}
    assert home.find_model(shipped) == shipped


def test_in_a_checkout_ones_own_models_lie_beside_those_that_ship(shipped: Path, monkeypatch, caplog):
    monkeypatch.setattr(home, "models_folder", home.shipped_folder)
    own = model(shipped.parent / "mine")
    assert home.user_models() == {"mine": own}
    assert home.shipped_models() == {"waltz": shipped}
    assert home.find_model("waltz") == shipped
    assert home.is_shipped(shipped)
    assert not home.is_shipped(own)
    assert not caplog.messages
