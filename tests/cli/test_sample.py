from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from musictool.cli import _output
from musictool.cli._main import main
from musictool.cli.sample import _advance


def run(line: str) -> str:
    result = CliRunner().invoke(main, shlex.split(line), prog_name="musictool")
    assert result.exit_code == 0, result.output
    return result.output


def test_out_may_be_repeated_and_like_makes_each_of_them_again(at_tiny_home: Path, tmp_path: Path):
    outs = [tmp_path / "song.mid", tmp_path / "song.mp3", tmp_path / "song.png"]
    output = run(f"sample --length 20 --seed 3 {' '.join(f'--out {out}' for out in outs)}")
    assert f"{outs[0]}, {outs[1]}, {outs[2]}: " in output
    assert "musictool render" not in output
    run(f"sample --like {tmp_path / 'song.json'} --out {tmp_path / 'again.mid'} --out {tmp_path / 'again.mp3'}")
    for suffix in (".mid", ".mp3"):
        assert (tmp_path / f"again{suffix}").read_bytes() == (tmp_path / f"song{suffix}").read_bytes()


def test_a_model_may_say_how_many_bars_it_writes_where_no_length_is_asked_for(at_tiny_home: Path, tmp_path: Path):
    (of_tiny_home,) = (at_tiny_home / "saved_models").glob("*/model.json")
    model = tmp_path / "model"
    shutil.copytree(of_tiny_home.parent, model)
    info = json.loads(of_tiny_home.read_text())

    (model / "model.json").write_text(json.dumps({**info, "sample": {"bars": 3}}))
    assert " 3 bars" in run(f"sample {model} --seed 3 --out {tmp_path / 'song.mid'}")
    assert " 2 bars" in run(f"sample {model} --bars 2 --seed 3 --out {tmp_path / 'short.mid'}")

    (model / "model.json").write_text(json.dumps({**info, "sample": {"bars": 0}}))
    result = CliRunner().invoke(main, ["sample", str(model)])
    assert (result.exit_code, "sample.bars is 0; it should be at least 1" in result.output) == (1, True)


def test_a_song_that_is_only_midi_comes_with_the_command_that_renders_it(at_tiny_home: Path, tmp_path: Path):
    assert "next:  musictool render" in run(f"sample --length 20 --out {tmp_path / 'song.mid'}")


@pytest.mark.parametrize(
    "line, words",
    [
        ("--length -5", "--length: -5 is not"),
        ("--num 0", "--num: 0 is not"),
        ("--bars 0", "--bars: 0 is not"),
        ("--seconds 0", "--seconds: 0.0 is not"),
        ("--seconds inf", "--seconds: inf"),
        ("--temperature -1", "--temperature: -1.0 is not"),
        ("--top-p 0", "--top-p: 0.0 is not"),
        ("--min-p 1", "--min-p: 1.0 is not"),
        ("--repetition-penalty 0.5", "--repetition-penalty: 0.5 is not"),
        ("--tempo 2", "--tempo: 2.0 is not"),
        ("--alpha 2", "--alpha: 2.0 is not"),
        ("--threshold often", "--threshold: 'often' is not density, bernoulli or a number between 0 and 1"),
        ("--seed -1", "--seed: -1 is not"),
        ("--bars 4 --length 5", "exactly one of"),
        ("--from-scratch --keep-primer", "--keep-primer and --from-scratch exclude"),
        ("--out x.xyz", "x.xyz: unknown suffix"),
        ("--style nosuch.mid", "Error: not found: nosuch.mid\n"),
        ("nosuch", "unknown model 'nosuch'"),
        ("tunes", "it is a corpus; train it: musictool train tunes"),
        ("tune.mid", "tune.mid is a music file and no model; did you mean --primer tune.mid?"),
    ],
)
def test_what_needs_no_network_is_refused_before_tensorflow_is_loaded(
    at_tiny_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, words: str
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tune.mid").touch()
    monkeypatch.setattr(_output, "load_backend", lambda: pytest.fail("TensorFlow was loaded"))
    result = CliRunner().invoke(main, ["sample", *shlex.split(line)])
    assert result.exit_code in (1, 2), result.output
    assert words in result.output


def test_the_bar_counts_rows_and_has_one_colon(monkeypatch: pytest.MonkeyPatch):
    for total in (None, 16):
        bar = _output.bar(total, "reading the primer", "segments")
        bar.disable = False
        _advance(bar, 4, "writing")
        output = str(bar)
        bar.disable = True
        assert output.startswith("writing: 4 segments" if total is None else "writing:  25%"), output
        assert total is None or "4/16" in output


def test_the_total_of_the_bar_is_in_rows_of_the_model(
    at_tiny_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from musictool.encoding import Spec

    totals, bar = [], _output.bar
    monkeypatch.setattr(Spec, "steps", property(lambda spec: 32))  # of a segment
    monkeypatch.setattr(_output, "bar", lambda total, *rest: (totals.append(total), bar(total, *rest))[1])
    run(f"sample --length 500 --seed 3 --out {tmp_path / 'song.mid'}")
    assert totals == [16]
