from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from musictool.cli._main import main
from musictool.errors import BadFile, BadOption
from musictool.generation.sidecar import check_replaceable, read_sidecar


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """A song of ours, song.mid and song.png, with its .json."""
    path = tmp_path / "song.mid"
    put(path, b"notes", b"picture")
    return path


def put(path: Path, *contents: bytes, **values: Any) -> None:
    names = [path.name, path.with_suffix(".png").name][: len(contents)]
    for name, content in zip(names, contents, strict=True):
        (path.parent / name).write_bytes(content)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in zip(names, contents, strict=True)}
    model = {"name": "m", "folder": "m", "checksum": "0"}
    described = {"format": 2, "model": model, "request": {}, "primer_sha256": None, "piece": 1, "files": sums}
    path.with_suffix(".json").write_text(json.dumps(described | values))


def test_what_musictool_wrote_is_replaced(song: Path):
    check_replaceable([song, song.with_suffix(".png")])
    check_replaceable([song.with_suffix(".mp3"), song.with_name("new.mid")])  # nothing stands there


def test_a_song_that_was_changed_is_kept(song: Path):
    song.write_bytes(b"edited")
    with pytest.raises(BadOption, match=r"song\.mid exists and has been changed since; .* --force$"):
        check_replaceable([song])
    check_replaceable([song], force=True)


def test_a_file_of_no_sample_is_kept(song: Path, tmp_path: Path):
    (tmp_path / "thesis.mid").write_bytes(b"mine")
    song.with_suffix(".wav").write_bytes(b"mine")
    (tmp_path / "dangling.mid").symlink_to(tmp_path / "nowhere")
    for path in (tmp_path / "thesis.mid", song.with_suffix(".wav"), tmp_path / "dangling.mid"):
        with pytest.raises(BadOption, match=rf"{path.name} exists and is of no sample"):
            check_replaceable([path])


@pytest.mark.parametrize("text", ["{}", "[]", "not JSON", '{"request": {}, "format": 1}', "[" * 100_000])
def test_an_unrelated_json_is_kept(tmp_path: Path, text: str):
    (tmp_path / "thesis.json").write_text(text)
    with pytest.raises(BadOption, match=r"thesis\.json would be replaced, and is not the \.json of a sample"):
        check_replaceable([tmp_path / "thesis.mid"])
    check_replaceable([tmp_path / "thesis.mid"], force=True)


def test_a_sidecar_is_a_regular_file(tmp_path: Path):
    os.mkfifo(tmp_path / "song.json")
    for path in (tmp_path / "song.json", Path("/dev/zero")):
        with pytest.raises(BadFile, match="it is no regular file"):
            read_sidecar(path)


def test_the_command_says_so_before_it_writes_anything(at_tiny_home: Path, tmp_path: Path):
    out = tmp_path / "thesis.mid"
    out.write_bytes(b"mine")
    result = CliRunner().invoke(main, ["sample", "--length", "9", "--out", str(out)])
    assert result.exit_code == 2
    assert "exists and is of no sample" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.mid"]
    assert out.read_bytes() == b"mine"
    for more in (["--force"], []):  # then it is one of ours
        result = CliRunner().invoke(main, ["sample", "--length", "9", "--out", str(out), *more])
        assert result.exit_code == 0, result.output
    assert out.read_bytes()[:4] == b"MThd"
