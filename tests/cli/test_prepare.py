from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import symusic
from click.testing import CliRunner

from musictool.cli._main import main


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("MUSICTOOL_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def songs(tmp_path) -> Path:
    """A folder of twelve songs and two bad files."""
    folder = tmp_path / "my songs"
    folder.mkdir()
    for number in range(12):
        score = symusic.Score(480)
        track = symusic.Track(name="melody")
        for i in range(32):
            track.notes.append(symusic.Note(i * 240, 240, 60 + (i * 5 + number) % 12, 80))
        score.tracks.append(track)
        score.dump_midi(str(folder / f"{number:02}.mid"))
    (folder / "bad.mid").write_bytes(b"this is no music")
    (folder / "empty.mid").touch()
    return folder


def run(*arguments: str):
    return CliRunner().invoke(main, ["prepare", *arguments])


def test_it_says_what_was_read_what_it_holds_where_it_lies_and_what_comes_next(songs):
    done = run("my songs")
    assert done.exit_code == 0, done.output
    assert "read 12, skipped 2: 1 " in done.output
    assert "12 pieces, 384 notes, 96 seconds of music" in done.output
    assert "note-chord suits it: one voice, on a grid of sixteenths\n" in done.output
    assert re.search(r"^note-chord: [\d,]+ tokens, of a vocabulary of 259$", done.output, re.M)
    assert "home/corpora/my songs" in done.output
    assert done.output.rstrip().endswith("next: musictool train 'my songs'")
    assert (Path("home/corpora/my songs/encoded")).is_dir()


def test_one_piece_is_one_to_train_on(songs):
    assert "1 to train on, 0 to validate" in run("my songs/00.mid").output


def test_a_second_run_says_that_nothing_was_read_now(songs):
    run("my songs")
    assert "; none of them now" in run("my songs").output


def test_the_summary_comes_as_json_too(songs):
    done = CliRunner().invoke(main, ["prepare", "my songs", "--name", "songs", "--json"])
    values = json.loads(done.stdout)
    assert values["name"] == "songs"
    assert values["files"] == {"found": 14, "read": 12, "salvaged": 0, "skipped": 2, "duplicate": 0}
    assert values["folder"].endswith("home/corpora/songs")
    assert values["encoded"]
    assert values["suited"] == {
        "encoding": "note-chord",
        "settings": [],
        "reason": "one voice, on a grid of sixteenths",
    }


@pytest.mark.parametrize("reader", ["music21", "pretty_midi"])
def test_other_midi_readers_can_be_chosen(songs, reader):
    done = run("my songs", "--reader", reader)
    assert done.exit_code == 0, done.output
    assert "12 pieces, 384 notes" in done.output


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["bahc"], "Did you mean 'bach'?"),
        (["my songs", "--val-split", "2"], "--val-split: 2.0 is not a number above 0 and below 1"),
        (["my songs", "--reader", "symusik"], "Did you mean 'symusic'?"),
        (["my songs", "--name", "a/b"], "--name 'a/b'"),
        (["my songs/bad.mid"], "nothing readable in"),
    ],
)
def test_mistakes_are_told_in_one_line(songs, arguments, message):
    done = run(*arguments)
    is_usage = "--val-split" in arguments or "--name" in arguments or "Did you mean" in message
    assert done.exit_code == (2 if is_usage else 1)
    assert message in done.output
    assert [line for line in done.output.splitlines() if line.startswith("Error: ")] == done.output.splitlines()[-1:]


def test_a_number_that_is_none_is_a_usage_error(songs):
    assert run("my songs", "--workers", "many").exit_code == 2


def test_preparing_imports_neither_tensorflow_nor_keras_nor_music21(songs):
    program = (
        "import sys; from musictool.cli._main import main\n"
        "main(['prepare', sys.argv[1]], standalone_mode=False)\n"
        "print([name for name in ('tensorflow', 'keras', 'music21', 'miditok') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program, str(songs)], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")


def test_ctrl_c_ends_at_once_with_a_line_and_its_own_exit_code(songs, tmp_path):
    for number in range(600):
        shutil.copy(songs / "00.mid", songs / f"more{number}.mid")
        with open(songs / f"more{number}.mid", "ab") as file:  # bytes behind the last track: other content, same music
            file.write(number.to_bytes(4, "big"))
    program = (
        "import sys; from musictool.preparation import new_files; new_files.BATCH_FILES = 1\n"
        "from musictool.cli import _output; _output.SECONDS_IN_A_LOG = 0\n"
        "from musictool.cli._main import main; main(['prepare', sys.argv[1], '--reader', 'music21', '--workers', '1'])"
    )
    with (
        open(tmp_path / "output", "w") as output,
        subprocess.Popen(
            [sys.executable, "-c", program, str(songs)], stderr=output, stdout=subprocess.DEVNULL
        ) as child,
    ):
        while "/614" not in (tmp_path / "output").read_text() and child.poll() is None:
            time.sleep(0.02)
        child.send_signal(signal.SIGINT)
        start = time.monotonic()
        assert child.wait(20) == 130
    assert time.monotonic() - start < 5
    assert "files are read and kept, the same command goes on" in (tmp_path / "output").read_text()
    assert "Traceback" not in (tmp_path / "output").read_text()
