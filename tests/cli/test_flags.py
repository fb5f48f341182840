"""An options dataclass as the options of a command."""

from __future__ import annotations

from typing import Any

import click
from click.testing import CliRunner

from musictool.cli._flags import flags
from musictool.options import build, pop_given
from tests.test_options import Flags, Rules


@click.command()
@flags(Flags)
def command(**given: Any) -> None:
    click.echo(repr(build(Flags, pop_given(Flags, given))))
    assert not given


def run(*args: str) -> str:
    result = CliRunner().invoke(command, args, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output.strip()


def test_a_command_may_have_some_of_the_flags_only():
    @click.command()
    @flags(Flags, "epochs", "top_p")
    def few(**given: Any) -> None:
        click.echo(repr(build(Flags, pop_given(Flags, given))))

    result = CliRunner().invoke(few, ["--epochs", "2", "--top-p", ".5"])
    assert result.output.strip() == repr(Flags(epochs=2, rules=Rules(top_p=0.5)))
    assert CliRunner().invoke(few, ["--temperature", "2"]).exit_code == 2


def test_what_is_left_out_has_its_default():
    assert run() == repr(Flags())


def test_every_kind_of_flag():
    args = "--epochs 3 --temperature .5 --where a=b --where c=d --stretch 0.9,1.1 --transpose -1..2 --keep --scratch"
    expected = Flags(3, Rules(0.5), "lstm", ("a=b", "c=d"), (0.9, 1.1), (-1, 2), True, True)
    assert run(*args.split()) == repr(expected)
    assert run("--no-keep") == repr(Flags())


def test_the_help_page_has_the_order_the_ranges_and_the_defaults_of_the_declarations():
    page = " ".join(run("--help").split())
    options = [
        "--epochs INTEGER RANGE Passes. [default: 50; x>=1]",
        "--temperature FLOAT RANGE Over 1 bolder. [default: 1.0; 0<x<=100]",
        "--top-p FLOAT RANGE Nucleus. [default: the arch's; 0<x<=1]",
        "--arch TEXT Family. [default: lstm]",
        "--where COLUMN=VALUE Only these. --stretch FLOAT RANGE Factors. [0.5<=x<=2]",
        "--transpose TEXT Semitones. [default: -3..3]",
        "--keep / --no-keep Keep it. [default: no] --scratch Begin with nothing.",
    ]
    assert " ".join(options) in page
