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


def test_an_entry_is_found_by_name_by_path_and_by_its_marker(tmp_path):
    inside = made(tmp_path / "corpora", "bach", 1)
    outside = made(tmp_path / "elsewhere", "verdi", 1)
    folder = tmp_path / "corpora"
    assert home.find(folder, home.CORPUS_MARKER, "bach", "corpus") == inside
    assert home.find(folder, home.CORPUS_MARKER, str(outside), "corpus") == outside
    assert home.find(folder, home.CORPUS_MARKER, outside / home.CORPUS_MARKER, "corpus") == outside


def test_an_unknown_name_gets_the_nearest_one_that_exists(tmp_path):
    made(tmp_path, "bach", 1)
    with pytest.raises(UnknownName, match=r"unknown corpus 'bahc'. Did you mean 'bach'\? Known: bach"):
        home.find(tmp_path, home.CORPUS_MARKER, "bahc", "corpus")


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
            home.find(home.models_folder(), home.MODEL_MARKER, name, "model")
    with pytest.raises(UnknownName, match=r"it is a model; let it write: musictool sample 'my bach'$"):
        home.find(home.corpora_folder(), home.CORPUS_MARKER, "my bach", "corpus")


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
