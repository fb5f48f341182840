"""The commands as a user types them, in one process each where that is what is tested, else through click's runner."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from musictool import __version__
from musictool.cli._main import main
from musictool.registry import COMMANDS


def run(line: str) -> Result:
    return CliRunner().invoke(main, shlex.split(line), prog_name="musictool")


def command(name: str) -> click.Command:
    found: click.Command = COMMANDS.module(name).command
    return found


@pytest.mark.parametrize("name", COMMANDS.names())
def test_every_command_has_help_that_ends_with_an_example_of_itself(name: str):
    *_, heading, example = run(f"{name} --help").output.rstrip().splitlines()
    assert heading.strip() == "Example:"
    program, *line = shlex.split(example)
    assert (program, line[0]) == ("musictool", name)
    command(name).make_context(name, line[1:])  # it parses


@pytest.mark.parametrize("name", COMMANDS.names())
def test_every_option_says_what_it_is(name: str):
    for parameter in command(name).params:
        assert isinstance(parameter, click.Argument) or parameter.help, parameter.name


def test_the_groups_help_names_every_command():
    output = run("--help").output
    assert all(re.search(rf"^  {name} ", output, re.M) for name in COMMANDS.names())


def test_the_package_is_the_command_too():
    done = subprocess.run([sys.executable, "-m", "musictool", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"musictool, version {__version__}\n"


@pytest.mark.parametrize(
    "line, code, words",
    [
        ("trian", 2, "Did you mean 'train'"),
        ("train --arch lsmt", 2, "Did you mean 'lstm'"),
        ("train nowhere", 2, "unknown corpus 'nowhere'"),
        ("train --epochs many", 2, "--epochs"),
        ("train --transpose up", 2, "-3..3"),
        ("sample nowhere", 2, "unknown model 'nowhere'"),
        ("sample --bars 2 --seconds 3", 2, "exactly one of"),
        ("sample --top-p 7", 2, "--top-p"),
        ("sample --like nowhere.json", 1, "nowhere.json"),
        ("sample --like nowhere.json --seed 3", 2, "leave out --seed\n"),
        ("sample --like nowhere.json --style x.mid", 2, "leave out --style\n"),
        ("sample --like nowhere.json --no-loop-guard", 2, "leave out --loop-guard\n"),
        ("sample nowhere --like nowhere.json", 2, "leave out MODEL\n"),
        ("sample --out song.xyz", 2, "song.xyz"),
        ("sample --length 5 --primer broken.mid", 1, "broken.mid: not MIDI"),
        ("sample --length 5 --out /proc/nowhere/song.mid", 2, "/proc/nowhere"),
        ("sample --seconds inf", 2, "--seconds: inf is not"),
        ("sample --seed -1", 2, "--seed: -1 is not"),
        ("accompany nowhere.mid --seed -1", 2, "--seed: -1"),
        ("accompany nowhere.mid --alpha 0.5", 2, "of which style? Name one, as with --style FILE\n"),
        ("interpolate nowhere.mid nowhere.mid --seed -1", 2, "'--seed': -1"),
        ("evaluate --seed -1", 2, "'--seed': -1"),
        ("benchmark polyphony nowhere.mat --seed -1", 2, "--seed: -1 is not"),
        ("benchmark polyphony nowhere.mat --seed 4294967296", 2, "--seed: 4294967296 is not"),
        ("sample --out .", 2, "--out"),
        ("train --epochs 0", 2, "--epochs: 0 is not a whole number of at least 1"),
        ("train --max-minutes nan", 2, "--max-minutes: nan is not a number of at least 0"),
        ("train --stretch 0", 2, "--stretch: 0.0 is not a number from 0.5 to 2"),
        ("train --stretch a,b", 2, "--stretch: 'a,b' is not a number from 0.5 to 2, or several with commas between"),
        ("train --stretch 0.95", 2, "note-chord counts beats"),
        ("train --encoding-set rests", 2, "for example: vocabulary=open"),
        ("train --name -x", 2, "--name '-x'"),
        ("prepare nowhere/", 2, "nowhere"),
        ("render nowhere.mid", 1, "nowhere.mid"),
        ("render nowhere.mid --out song.xyz", 2, "--out song.xyz: unknown suffix"),
        ("info nowhere", 2, "nowhere"),
        ("list archers", 2, "archs"),
    ],
)
def test_a_mistake_is_one_clear_line_and_never_a_traceback(
    at_tiny_home: Path, line: str, code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.mid").write_text("no music")
    result = run(line)
    assert result.exit_code == code, result.output
    assert words in result.output
    assert "Traceback" not in result.output
    if code == 1 or "Usage:" not in result.output:
        assert len([each for each in result.output.splitlines() if each.startswith("Error: ")]) == 1


@pytest.mark.parametrize(
    "line",
    ["--encoding remy", "--stretch 0.9", "--encoding chord-roll --encoding-set reduce_to=5", "--encoding-set x=1"],
)
def test_what_the_encoding_cannot_do_is_said_before_tensorflow_is_loaded(at_tiny_home: Path, line: str):
    assert "TensorFlow" not in run(f"train {line}").output


def test_the_three_commands_make_music(tunes: Path, at_new_home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(at_new_home)
    prepared = run(f"prepare {tunes} --name tunes --workers 1")
    assert prepared.exit_code == 0, prepared.output
    assert "read 12" in prepared.output
    trained = run("train --epochs 2 --seed 3 --transpose -1..1 --set width=16 --set layers=1")
    assert trained.exit_code == 0, trained.output
    assert "baselines on the validation pieces" in trained.output
    assert "musictool sample tunes-lstm" in trained.output
    sampled = run("sample --length 40 --seed 3")
    assert sampled.exit_code == 0, sampled.output
    assert "seed 3" in sampled.output
    rendered = run("render song.mid --out song.wav --out song.png")
    assert rendered.exit_code == 0, rendered.output
    for name in ("song.mid", "song.json", "song.wav", "song.png"):
        assert (at_new_home / name).stat().st_size > 100
    again = run("sample --like song.json --out again.mid")
    assert again.exit_code == 0, again.output
    assert (at_new_home / "again.mid").read_bytes() == (at_new_home / "song.mid").read_bytes()


def test_a_seed_that_was_drawn_is_printed(at_tiny_home: Path, tmp_path: Path):
    output = run(f"sample --length 10 --out {tmp_path / 'song.mid'}").output
    seed = re.search(r"seed (\d+)", output)
    assert seed
    assert json.loads((tmp_path / "song.json").read_text())["request"]["seed"] == int(seed[1])


def test_quiet_says_nothing_when_all_is_well(at_tiny_home: Path, tmp_path: Path):
    result = run(f"sample -q --length 10 --out {tmp_path / 'song.mid'}")
    assert (result.exit_code, result.output) == (0, "")


def test_info_tells_about_each_kind_of_thing(at_tiny_home: Path, tunes: Path, tmp_path: Path):
    run(f"render {tunes / 'tune-00.mid'} --out {tmp_path / 'tune.wav'}")
    things = {
        "tunes": "corpus",
        "tunes-lstm": "model",
        str(tunes / "tune-00.mid"): "music",
        str(tmp_path / "tune.wav"): "audio",
    }
    for thing, what in things.items():
        result = run(f"info {thing} --json")
        assert result.exit_code == 0, result.output
        assert json.loads(result.output)["what"] == what
        assert what in run(f"info {thing}").output


def test_a_damaged_model_is_listed_as_such_and_described_in_one_line(at_new_home: Path):
    folder = at_new_home / "saved_models" / "broken"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text("{")
    assert "damaged" in run("list models").output
    result = run("info broken")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert "Error: " in result.output


def test_list_shows_what_there_is_with_its_settings(at_tiny_home: Path):
    assert re.search("^tunes-lstm +lstm on tunes, validation", run("list models").output, re.MULTILINE)
    corpora = run("list corpora").output
    assert all(name in corpora for name in ("bach", "palestrina", "monteverdi", "licence", "tunes"))
    archs = json.loads(run("list archs --json").output)
    lstm = next(each for each in archs if each["name"] == "lstm")
    assert lstm["settings"]["width=256"] == "hidden units per layer"
    assert "rests=cap" in run("list encodings").output
