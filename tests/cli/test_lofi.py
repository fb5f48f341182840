from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from musictool.apps.lofi.drums import styles
from musictool.cli._main import main
from musictool.cli.lofi import command
from musictool.music.score import Score
from musictool.writing import write


def run(line: str) -> Result:
    return CliRunner().invoke(main, shlex.split(line), prog_name="musictool")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(Score.from_notes([(60 + i, i, 1) for i in range(4)]), tmp_path / "song.mid")
    return tmp_path


def test_the_command_prints_what_it_drew_and_the_same_can_be_made_again(here: Path):
    result = run("lofi song.mid --out lofi.ogg --out lofi.mid --background none")
    assert result.exit_code == 0, result.output
    drums, seed = re.findall(
        r"^drums (\S+), tempo 80, seed (\d+)\nwrote lofi.ogg \(0:06, 1 bars of music\)", result.output
    )[0]
    again = run(f"lofi song.mid --out again.ogg --seed {seed} --drums {drums} --background none")
    assert again.exit_code == 0, again.output
    assert (here / "again.ogg").read_bytes() == (here / "lofi.ogg").read_bytes()


@pytest.mark.parametrize(
    "line, code, words",
    [
        ("lofi none.mid", 1, "none.mid"),
        ("lofi sound.mid", 1, "sound.mid: not MIDI"),
        ("lofi song.mid --tempo 300", 2, "--tempo: 300.0 is not a number from 60 to 100"),
        ("lofi song.mid --background sound.txt", 1, "sound.txt is no sound file"),
        ("lofi song.mid --background rian", 1, "rian"),
        ("lofi song.mid --drums bossa", 2, "unknown drums 'bossa'"),
        ("lofi song.mid --out lofi.doc", 2, "--out lofi.doc: unknown suffix"),
        ("lofi song.mid --minutes 500", 2, "--minutes: 500.0"),
    ],
)
def test_a_mistake_is_one_clear_line_and_leaves_no_file(here: Path, line: str, code: int, words: str):
    soundfile.write(here / "sound.wav", np.zeros((100, 2)), 44100)
    (here / "sound.wav").rename(here / "sound.mid")
    (here / "sound.txt").write_text("no sound")
    result = run(line)
    assert result.exit_code == code, result.output
    assert len(result.output.splitlines()) == 1
    assert words in result.output
    assert sorted(path.name for path in here.iterdir()) == ["song.mid", "sound.mid", "sound.txt"]


def test_the_help_names_every_style():
    (option,) = [each for each in command.params if each.name == "drums"]
    assert option.help.startswith(", ".join(styles()))  # type: ignore[attr-defined]
