"""musictool infill, as a user types it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from musictool.cli._main import main
from musictool.music.score import Score
from musictool.writing import write
from tests.generation.voices_model import write_model


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, ["infill", *words])


@pytest.fixture
def at_home(at_new_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a model that fills in, and a tune beside it."""
    write_model(at_new_home / "saved_models" / "mine")
    monkeypatch.chdir(at_new_home)
    write(Score.from_notes([(72 + i % 5, i, 1) for i in range(16)]), Path("tune.mid"))
    return at_new_home


def test_a_tune_gets_three_voices_and_is_made_again_from_its_json(at_home: Path):
    done = typed("tune.mid", "--voices", "4", "--seed", "3", "--engine", "numpy")
    assert done.exit_code == 0, done.output
    assert "model mine, seed 3" in done.output
    assert "infill.mid" in done.output
    again = typed("--like", "infill.json", "--out", "again.mid")
    assert again.exit_code == 0, again.output
    assert Path("again.mid").read_bytes() == Path("infill.mid").read_bytes()
    other = CliRunner().invoke(main, ["sample", "--like", "infill.json", "--out", "other.mid"])
    assert "make it again with: musictool infill --like" in other.output


@pytest.mark.parametrize(
    "words, message",
    [
        ((), "name the music file"),
        (("tune.mid", "--bars", "9"), "tune.mid has 4 bars"),
        (("tune.mid", "--bars", "nine"), "--bars: 'nine' is not a list of bars from 1 on, like 5-8,12"),
        (("tune.mid", "--bars", "0"), "--bars: '0' is not a list of bars from 1 on, like 5-8,12"),
        (("tune.mid", "--lock", "0"), "--lock: '0' is not a list of notes from 1 on, like 12,15-18"),
        (("tune.mid", "--like", "x.json"), "leave out FILE"),
        (("--like", "x.json", "--amount", "0.5"), "leave out --amount"),
        (("gone.mid", "--bars", "1"), "gone.mid"),
        (("tune.mid", "--bars", "1", "--out", "tune.mid"), "tune.mid"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(at_home: Path, words: tuple[str, ...], message: str):
    done = typed(*words)
    assert done.exit_code == 2 or done.exit_code == 1
    assert message in done.output
    assert "Traceback" not in done.output
