from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from musictool import reading
from musictool.errors import BadFile
from tests.readers.smf import smf

NOTE = "00 90 3c 40  83 60 80 3c 40"  # c4 for a quarter note of 480 ticks


def test_suffixes_name_their_readers_and_import_no_library():
    program = "from musictool.reading import suffixes; print(suffixes())"
    report = "import sys; print([m for m in ('music21', 'symusic', 'pretty_midi', 'mido') if m in sys.modules])"
    lines = subprocess.run(
        [sys.executable, "-c", f"{program}; {report}"], capture_output=True, text=True, check=True
    ).stdout
    assert "'.kar': 'midi'" in lines
    assert "'.mxl': 'musicxml'" in lines
    assert lines.splitlines()[-1] == "[]"


def test_a_suffix_may_be_in_capitals(tmp_path: Path):
    (tmp_path / "A.MID").write_bytes(smf(NOTE))
    assert len(reading.read(tmp_path / "A.MID").scores) == 1


@pytest.mark.parametrize(
    "name, message",
    [
        ("a.txt", "unknown suffix: a.txt; readable are .abc"),
        ("absent.mid", "not found: {}/absent.mid"),
        ("empty.mid", "{}/empty.mid: empty"),
        ("folder", "{}/folder is a folder: give files, or prepare it: musictool prepare {}/folder"),
    ],
)
def test_what_a_user_named_is_named_once(tmp_path: Path, name: str, message: str):
    (tmp_path / "a.txt").touch()
    (tmp_path / "empty.mid").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadFile) as error:
        reading.read_named(tmp_path / name)
    assert str(error.value).startswith(message.replace("{}", str(tmp_path)))


@pytest.mark.parametrize(
    "name, content, reason",
    [
        ("a.txt", b"music", "unknown suffix"),
        ("absent.mid", None, "not found"),
        ("a.mid", b"", "empty"),
        ("a.mxl", b"", "empty"),
        ("a.mid", bytes(reading.MAX_BYTES + 1), "too large"),
    ],
)
def test_what_cannot_be_a_piece_is_refused_before_it_is_parsed(
    tmp_path: Path, name: str, content: bytes | None, reason: str
):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadFile) as error:
        reading.read(path)
    assert error.value.reason == reason
