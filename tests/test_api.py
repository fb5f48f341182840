from __future__ import annotations

from pathlib import Path

import pytest

import musictool
from musictool.registry import COMMANDS


@pytest.mark.parametrize("name", musictool.__all__)
def test_everything_promised_is_there(name: str):
    assert name == "__version__" or callable(getattr(musictool, name))


def test_what_is_not_there_is_answered_with_what_is():
    with pytest.raises(AttributeError, match="train"):
        _ = musictool.trian  # type: ignore[attr-defined]


def test_each_command_that_makes_something_has_its_function():
    other_names = {
        "info": "describe",
        "list": "describe",
        "score": "score_files",
        "benchmark": "benchmark_polyphony",
    }
    makes_nothing = {"serve"}
    assert {other_names.get(name, name) for name in COMMANDS.names()} - makes_nothing <= {*musictool.__all__}


def test_the_api_does_what_the_commands_do(at_tiny_home: Path, tmp_path: Path):
    (score,) = musictool.sample(musictool.Model.open("tunes-lstm"), musictool.Request(bars=2, seed=1))
    musictool.write(score, tmp_path / "song.mid")
    musictool.render(tmp_path / "song.mid", tmp_path / "song.png")
    assert musictool.describe(tmp_path / "song.mid")["what"] == "music"
    assert (tmp_path / "song.png").read_bytes().startswith(b"\x89PNG")
