from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import musictool
from musictool.apps.plot import DEFAULT_PLOTS, plot
from musictool.cli._main import main
from musictool.drawing.plot import PlotOptions
from musictool.errors import BadOption, UnknownName
from musictool.music.score import Score
from musictool.registry import PLOTS
from musictool.writing import write


@pytest.mark.parametrize("name", PLOTS.names())
def test_every_plot_says_what_it_takes_and_accepts(name: str):
    module = PLOTS.module(name)
    assert module.TAKES
    assert {*module.TAKES} <= {"file", "model", "corpus"}
    assert {*module.ACCEPTS} <= {*vars(PlotOptions())}
    assert "Limit: " in (module.__doc__ or "")


@pytest.mark.parametrize("kind", DEFAULT_PLOTS)
def test_the_default_plot_of_a_kind_of_input_takes_it(kind: str):
    assert kind in PLOTS.module(DEFAULT_PLOTS[kind]).TAKES


def test_a_name_is_drawn_as_the_default_plot_for_it(at_tiny_home: Path, tunes: Path, tmp_path: Path):
    things = {"tunes-lstm": "curves", str(tunes / "tune-01.mid"): "roll", "tunes": "features"}
    assert {thing: plot(thing, tmp_path / "x.png").kind for thing in things} == things


@pytest.mark.parametrize("kind", ["roll", "similarity"])
@pytest.mark.parametrize("suffix", [".png", ".svg", ".html"])
def test_the_same_thing_gives_the_same_bytes(tunes: Path, tmp_path: Path, kind: str, suffix: str):
    paths = [tmp_path / name / f"x{suffix}" for name in ("a", "b")]
    for path in paths:
        plot(tunes / "tune-01.mid", path, kind)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_same_seed_gives_the_same_bytes(at_tiny_home: Path, tmp_path: Path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2), ("d", None)):
        plot("tunes-lstm", tmp_path / f"{name}.png", "embeddings", seed=seed)
    a, b, c, d = ((tmp_path / f"{name}.png").read_bytes() for name in "abcd")
    assert a == b
    assert len({a, c, d}) == 3


def test_a_page_needs_nothing_but_itself_and_names_its_points(at_tiny_home: Path, tmp_path: Path):
    plot("tunes-lstm", tmp_path / "x.html", "embeddings", method="pca")
    page = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "<title>Embeddings of tunes-lstm</title>" in page
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', page)
    assert page.count("<title>C5</title></use>") >= 1


def test_a_folder_is_all_the_music_in_it(tunes: Path, tmp_path: Path):
    done = plot(tunes, tmp_path / "x.svg", bars=1)
    assert [each.path.name for each in done.inputs] == [f"tune-{number:02}.mid" for number in range(12)]


def test_plot_is_part_of_the_package():
    assert musictool.plot is plot


@pytest.mark.parametrize(
    "line, code, words",
    [
        ("song.mid --out x.pgn", 2, "unknown suffix of x.pgn, which should be a picture: '.pgn'. Did you mean '.png'?"),
        ("song.mid --kind rol", 2, "unknown plot 'rol'. Did you mean 'roll'?"),
        ("song.mid --kind curves", 2, "not drawn of a file, as song is one; of a file: features, roll, similarity"),
        ("song.mid --label C4", 2, "--label: the plot roll does not accept it; embeddings does"),
        ("tunes-lstmm", 2, "Did you mean 'tunes-lstm'?"),
        ("tunes-lstm song.mid", 2, "file and model have no plot in common"),
        ("tunes-lstm --kind embeddings --label H4", 2, "unknown token or note 'H4'"),
        ("silent.mid", 1, "silent.mid: no notes"),
        ("song.mid --out words.mid/x.png", 2, "--out words.mid/x.png: words.mid is a file, not a folder"),
        ("words.mid", 1, "words.mid: not MIDI"),
        ("''", 2, "unknown file, corpus or model ''"),
        ("nothing", 1, "nothing holds no file that musictool reads"),
    ],
)
def test_a_mistake_is_one_clear_line(
    at_tiny_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, code: int, words: str
):
    monkeypatch.chdir(tmp_path)
    write(Score.from_notes([(60, 0, 1)]), tmp_path / "song.mid")
    (tmp_path / "words.mid").write_text("no music")
    (tmp_path / "silent.mid").write_bytes(bytes.fromhex("4d546864000000060000000101e04d54726b0000000400ff2f00"))
    (tmp_path / "nothing").mkdir()
    result = CliRunner().invoke(main, ["plot", *shlex.split(line)], prog_name="musictool")
    assert (result.exit_code, result.output.count("\n")) == (code, 1), result.output
    assert words in result.output
    assert not [*tmp_path.glob("*.png")]


def test_the_command_says_what_it_wrote(at_tiny_home: Path, tmp_path: Path):
    result = CliRunner().invoke(main, ["plot", "tunes-lstm", "--out", str(tmp_path / "x.png")])
    assert (result.exit_code, result.output) == (0, f"wrote {tmp_path / 'x.png'} (curves)\n")


def test_unknown_options_are_refused(tunes: Path, tmp_path: Path):
    with pytest.raises(UnknownName, match="Did you mean 'label'"):
        plot(tunes / "tune-01.mid", tmp_path / "x.png", lable="C4")
    with pytest.raises(BadOption, match="nothing to plot"):
        plot([], tmp_path / "x.png")


def test_drawing_leaves_tensorflow_and_pyplot_unimported(at_tiny_home: Path, tunes: Path, tmp_path: Path):
    calls = [(str(tunes / "tune-01.mid"), "roll"), (str(tunes / "tune-01.mid"), "similarity")]
    calls += [("tunes-lstm", "curves"), ("tunes-lstm", "embeddings"), ("tunes", "features")]
    lines = [f"plot({thing!r}, {str(tmp_path / 'x.png')!r}, {kind!r})" for thing, kind in calls]
    absent = "assert not {'tensorflow', 'keras', 'matplotlib.pyplot', 'music21'} & set(sys.modules)"
    code = "\n".join(["import sys; from musictool.apps.plot import plot", *lines, absent])
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
