from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from musictool.cli._main import main
from musictool.errors import BadOption
from musictool.generation.outputs import RECORD, check_replaceable, check_sample_replaceable, replacing_outputs
from musictool.music.score import Score
from musictool.writing import write


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
    with pytest.raises(BadOption, match=r"song\.mid exists and has been changed since musictool wrote it; .* --force$"):
        check_replaceable([song])
    check_replaceable([song], force=True)


def test_a_file_of_no_sample_is_kept(song: Path, tmp_path: Path):
    (tmp_path / "thesis.mid").write_bytes(b"mine")
    song.with_suffix(".wav").write_bytes(b"mine")
    (tmp_path / "dangling.mid").symlink_to(tmp_path / "nowhere")
    for path in (tmp_path / "thesis.mid", song.with_suffix(".wav"), tmp_path / "dangling.mid"):
        with pytest.raises(BadOption, match=rf"{path.name} exists, and musictool did not write it"):
            check_replaceable([path])


@pytest.mark.parametrize("text", ["{}", "[]", "not JSON", '{"request": {}, "format": 1}', "[" * 100_000])
def test_an_unrelated_json_is_kept(tmp_path: Path, text: str):
    (tmp_path / "thesis.json").write_text(text)
    with pytest.raises(BadOption, match=r"thesis\.json would be replaced, and is not the \.json of a sample"):
        check_sample_replaceable([tmp_path / "thesis.mid"])
    check_sample_replaceable([tmp_path / "thesis.mid"], force=True)


def test_the_command_says_so_before_it_writes_anything(at_tiny_home: Path, tmp_path: Path):
    out = tmp_path / "thesis.mid"
    out.write_bytes(b"mine")
    result = CliRunner().invoke(main, ["sample", "--length", "9", "--out", str(out)])
    assert result.exit_code == 2
    assert "exists, and musictool did not write it" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.mid"]
    assert out.read_bytes() == b"mine"
    for more in (["--force"], []):  # then it is one of ours
        result = CliRunner().invoke(main, ["sample", "--length", "9", "--out", str(out), *more])
        assert result.exit_code == 0, result.output
    assert out.read_bytes()[:4] == b"MThd"


def test_what_a_command_wrote_is_recorded_beside_it(tmp_path: Path):
    out, other = tmp_path / "song.wav", tmp_path / "other.wav"
    with suppress(KeyboardInterrupt), replacing_outputs([out, other]):
        out.write_bytes(b"sound")
        raise KeyboardInterrupt
    check_replaceable([out, other])
    out.write_bytes(b"edited")
    with pytest.raises(BadOption, match=r"song\.wav exists and has been changed since musictool wrote it"):
        check_replaceable([out])
    out.unlink()
    with replacing_outputs([other]):
        other.write_bytes(b"more")
    assert set(json.loads((tmp_path / RECORD).read_text())) == {"other.wav"}  # what is gone is forgotten


@pytest.mark.parametrize("moment", [RECORD, "song.abc"])
@pytest.mark.parametrize("is_new", [True, False])
def test_killed_between_two_files_leaves_nothing_in_the_way(
    is_new: bool, moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    outs, replace = [tmp_path / "song.mid", tmp_path / "song.abc"], os.replace
    for path in () if is_new else outs:
        with replacing_outputs([path]):
            write(Score.from_notes([(50, 0, 1)]), path)

    def killed(source: Path, target: Path) -> None:
        if Path(target).name == moment:
            raise KeyboardInterrupt
        replace(source, target)

    with suppress(KeyboardInterrupt), replacing_outputs(outs):
        write(Score.from_notes([(60, 0, 1)]), outs[0])
        monkeypatch.setattr("musictool.generation.outputs._identity", lambda path: None)  # the block does not end
        monkeypatch.setattr(os, "replace", killed)
        write(Score.from_notes([(60, 0, 1)]), outs[1])
    assert [path.exists() for path in outs] == [True, False]
    check_replaceable(outs)


def test_a_sample_replaces_what_another_command_wrote(tmp_path: Path):
    with replacing_outputs([tmp_path / "song.mid"]):
        (tmp_path / "song.mid").write_bytes(b"notes")
    check_sample_replaceable([tmp_path / "song.mid"])


@pytest.mark.parametrize("content", ["[]", "{", '{"song.mid": 1}'])
def test_a_damaged_record_knows_nothing(tmp_path: Path, content: str):
    (tmp_path / RECORD).write_text(content)
    (tmp_path / "song.mid").write_bytes(b"mine")
    with pytest.raises(BadOption, match="musictool did not write it"):
        check_replaceable([tmp_path / "song.mid"])


COMMANDS = {
    "render": ["render", "in.mid", "--out", "out.mid"],
    "lofi": ["lofi", "in.mid", "--out", "out.mid", "--seed", "1"],
    "plot": ["plot", "in.mid", "--out", "out.png"],
    "interpolate": ["interpolate", "in.mid", "in.mid", "--out", "out.mid"],
    "accompany": ["accompany", "in.mid", "--out", "out.mid"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_writes_over_what_is_not_ours(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    write(Score.from_notes([(60 + i, i, 1) for i in range(4)]), Path("in.mid"))
    arguments = COMMANDS[name]
    out = Path(arguments[arguments.index("--out") + 1])
    out.write_bytes(b"mine")
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, out.read_bytes()) == (2, b"mine")
    assert f"Error: --out {out} exists, and musictool did not write it" in result.output
    if name in ("interpolate", "accompany"):
        return  # what comes then needs a model
    for more in (["--force"], []):
        result = CliRunner().invoke(main, [*arguments, *more])
        assert result.exit_code == 0, result.output
    assert out.read_bytes() != b"mine"
