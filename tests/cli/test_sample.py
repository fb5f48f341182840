from __future__ import annotations

import shlex
from pathlib import Path

from click.testing import CliRunner

from musictool.cli._main import main


def run(line: str) -> str:
    result = CliRunner().invoke(main, shlex.split(line), prog_name="musictool")
    assert result.exit_code == 0, result.output
    return result.output


def test_out_may_be_repeated_and_like_makes_each_of_them_again(at_tiny_home: Path, tmp_path: Path):
    outs = [tmp_path / "song.mid", tmp_path / "song.mp3", tmp_path / "song.png"]
    said = run(f"sample --length 20 --seed 3 {' '.join(f'--out {out}' for out in outs)}")
    assert f"{outs[0]}, {outs[1]}, {outs[2]}: " in said
    assert "musictool render" not in said
    run(f"sample --like {tmp_path / 'song.json'} --out {tmp_path / 'again.mid'} --out {tmp_path / 'again.mp3'}")
    for suffix in (".mid", ".mp3"):
        assert (tmp_path / f"again{suffix}").read_bytes() == (tmp_path / f"song{suffix}").read_bytes()


def test_a_song_that_is_only_midi_is_told_how_to_be_heard(at_tiny_home: Path, tmp_path: Path):
    assert "next:  musictool render" in run(f"sample --length 20 --out {tmp_path / 'song.mid'}")
