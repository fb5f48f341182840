from __future__ import annotations

import subprocess
import sys

import pytest

from musictool.errors import UnknownName
from musictool.preparation import sources


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def test_a_folder_is_read_with_all_folders_in_it_and_in_sorted_order(tmp_path):
    touch(tmp_path / "songs", "b.mid", "a/z.MIDI", "a/a.Kar", "Ab.mid", "notes.txt", "README")
    source = sources.find(tmp_path / "songs")
    assert source.files == ["Ab.mid", "a/a.Kar", "a/z.MIDI", "b.mid"]
    assert source.others == {".txt": 1, "(none)": 1}
    assert (source.name, source.kind, source.root) == ("songs", "folder", tmp_path / "songs")


def test_hidden_files_and_what_macs_leave_in_archives_are_passed_over(tmp_path):
    touch(tmp_path, "a.mid", "._a.mid", ".git/b.mid", "__MACOSX/a.mid", "sub/.c.mid")
    assert sources.find(tmp_path).files == ["a.mid"]


def test_links_are_followed_but_never_in_a_circle(tmp_path):
    touch(tmp_path / "songs", "sub/a.mid")
    touch(tmp_path / "far", "b.mid")
    (tmp_path / "songs" / "sub" / "up").symlink_to(tmp_path / "songs")
    (tmp_path / "songs" / "more").symlink_to(tmp_path / "far")
    assert sources.find(tmp_path / "songs").files == ["more/b.mid", "sub/a.mid"]


def test_a_single_file_is_a_source_too(tmp_path):
    touch(tmp_path, "my song.mid", "other.mid", "text.txt")
    source = sources.find(tmp_path / "my song.mid")
    assert (source.name, source.kind, source.files) == ("my song", "file", ["my song.mid"])
    assert sources.find(tmp_path / "text.txt").files == []


def test_without_a_source_it_is_bach():
    source = sources.find()
    assert (source.name, source.kind) == ("bach", "built-in")
    assert source.licence
    assert (source.root / "bach").is_dir()


@pytest.mark.parametrize("name", sorted({*sources.BUILT_IN} - {"minimalist"}))
def test_each_built_in_corpus_has_files_a_description_and_a_licence(name):
    source = sources.find(name)
    assert len(source.files) > 5
    assert all((source.root / file).is_file() for file in source.files)
    assert source.description
    assert source.licence


def test_what_is_written_by_rule_is_known_before_it_is_written(at_new_home):
    source = sources.find("minimalist")
    assert (source.kind, source.by_rule) == ("built-in", True)
    assert source.root == at_new_home.resolve() / "downloads" / "minimalist" / "music"
    assert source.description.startswith(f"{len(source.files)} pieces")
    assert "by rule" in source.description
    assert source.licence.startswith("CC0")
    assert not source.root.exists()


def test_no_chorale_is_there_twice_and_analyses_are_not_music():
    files = sources.find("bach").files
    assert len(files) > 390
    assert not [file for file in files if "rntxt" in file or file.endswith(".krn")]


def test_a_folder_called_like_a_built_in_corpus_is_written_as_a_path(tmp_path, monkeypatch):
    touch(tmp_path, "bach/mine.mid")
    monkeypatch.chdir(tmp_path)
    assert sources.find("bach").kind == "built-in"
    assert sources.find("./bach").files == ["mine.mid"]


def test_what_is_neither_path_nor_name_gets_a_suggestion():
    with pytest.raises(UnknownName, match=r"^unknown folder, file or corpus 'bahc'\. Did you mean 'bach'\?"):
        sources.find("bahc")
    with pytest.raises(UnknownName, match=r"Did you mean 'maestro'\?"):
        sources.find("maestr")


def test_finding_a_built_in_corpus_does_not_import_music21():
    program = (
        "import sys; from musictool.preparation import sources; sources.find('folk'); print('music21' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
