"""Where files may be written: checked for every command in one place."""

from __future__ import annotations

from pathlib import Path

import pytest

from musictool.errors import BadFile, BadOption
from musictool.writing import checked_places


def test_each_place_comes_once_and_its_folder_is_made(tmp_path: Path):
    a, b = tmp_path / "new" / "a.mid", tmp_path / "b.PNG"
    assert checked_places(a) == (a,)
    assert checked_places([b, a, b], tmp_path / "nowhere.mid") == (b, a)
    assert (tmp_path / "new").is_dir()


@pytest.mark.parametrize(
    "wrong, error, words",
    [
        ("song.doc", BadOption, r"song\.doc: unknown suffix; writable are \.abc \.flac"),
        ("folder.mid", BadOption, r"folder\.mid is a folder"),
        ("read.mid/song.mid", BadOption, r"--out .*song\.mid: .*read\.mid is a file, not a folder"),
        ("read.mid/new/song.mid", BadOption, r"--out .*song\.mid: .*read\.mid is a file, not a folder"),
        ("read.mid", BadFile, r"same file: .*read\.mid would be written over"),
        ("link.mid", BadFile, r"same file: .*link\.mid would be written over"),
    ],
)
def test_one_wrong_place_among_several_is_named_and_nothing_is_made(
    tmp_path: Path, wrong: str, error: type[Exception], words: str
):
    (tmp_path / "folder.mid").mkdir()
    (tmp_path / "read.mid").write_bytes(b"music")
    (tmp_path / "link.mid").hardlink_to(tmp_path / "read.mid")
    with pytest.raises(error, match=words):
        checked_places([tmp_path / "new" / "a.mid", tmp_path / wrong], tmp_path / "other.mid", tmp_path / "read.mid")
    assert not (tmp_path / "new").exists()


def test_a_folder_that_nothing_can_be_written_into_is_said_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refused(dir: Path) -> None:
        raise PermissionError(13, "Permission denied", f"{dir}/.inner.u32towfe")

    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    with pytest.raises(BadOption) as error:
        checked_places(tmp_path / "a.mid")
    assert str(error.value) == f"--out {tmp_path}/a.mid: nothing can be written into {tmp_path} (Permission denied)"
