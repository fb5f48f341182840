from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from click.testing import CliRunner

from musictool.cli import _output
from musictool.cli._main import main
from musictool.errors import MusictoolError

WICKED = "a\x1b[2Jb\nc\x9b31m\u202ed\udc80\r"
ESCAPED = "a\\x1b[2Jb\\nc\\x9b31m\\u202ed\\udc80\\r"


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, arguments, prog_name="musictool")
    assert result.exit_code == code, result.output
    return result.output


def test_what_moves_a_terminal_is_printed_as_an_escape():
    assert _output.printable(WICKED) == ESCAPED.replace("\\n", "\n")
    assert _output.one_line(WICKED) == ESCAPED
    assert _output.printable("Größe 日本 🎵\ta\n") == "Größe 日本 🎵\ta\n"


@pytest.mark.parametrize("seconds, said", [(15, " 5.00 s/step]"), (0.1, " 30.00 steps/s]")])
def test_progress_is_steps_a_second_or_seconds_a_step(seconds: float, said: str):
    with _output.bar(10, "epoch 1", "steps") as bar:
        assert bar.format_meter(3, 10, seconds, unit=bar.unit).endswith(said)


@pytest.mark.parametrize("what", ["models", "corpora"])
def test_a_folder_with_a_wicked_name_is_listed_in_one_line(at_new_home: Path, what: str):
    folder, marker = ("saved_models", "model.json") if what == "models" else ("corpora", "corpus.json")
    (at_new_home / folder / WICKED).mkdir(parents=True)
    (at_new_home / folder / WICKED / marker).write_text("{")
    output = run("list", what)
    assert output.splitlines()[0].split(maxsplit=1)[0] == ESCAPED
    assert "  cannot be read: " in output.splitlines()[0]
    assert "\x1b" not in output
    (row, *_) = json.loads(run("list", what, "--json"))
    assert row["name"] == WICKED


def test_an_error_is_one_line_whatever_it_names(at_new_home: Path):
    output = run("info", WICKED, code=2)
    assert output.count("\n") == 1
    assert ESCAPED in output


def test_a_model_card_is_printed_without_doing_anything(at_new_home: Path, capsys: pytest.CaptureFixture[str]):
    from musictool.cli.info import _print

    _print({"licence": WICKED, "by": {WICKED: [WICKED, 1]}})
    assert capsys.readouterr().out == f"licence: {ESCAPED}\nby:\n  {ESCAPED}: {ESCAPED}, 1\n"


@pytest.mark.parametrize("verbosity", [[], ["-v"]])
def test_a_log_message_is_one_line(monkeypatch: pytest.MonkeyPatch, verbosity: list[str], capfd: pytest.CaptureFixture):
    def warn(thing: str) -> dict[str, object]:
        logging.getLogger("musictool.test").warning("about %s", WICKED)
        raise MusictoolError("done")

    monkeypatch.setattr("musictool.apps.describe.describe", warn)
    with monkeypatch.context() as patch:
        patch.setattr(logging.getLogger(), "handlers", [])  # pytest's own
        with pytest.raises(SystemExit):
            main(["info", *verbosity, "x"], prog_name="musictool")
    (line, _) = capfd.readouterr().err.splitlines()
    assert line.endswith(f"about {ESCAPED}")
