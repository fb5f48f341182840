"""musictool compare: archs ranked by their validation loss after the same time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from musictool.cli import _output
from musictool.cli._progress import ScreenReporter
from musictool.errors import Stopped
from musictool.registry import ARCHS, ENCODINGS


@click.command(epilog="\b\nExample:\n    musictool compare --corpus bach --archs lstm,gru --max-minutes 5")
@click.option("--corpus", metavar="NAME", help="Corpus to train on.  [default: the one prepared last]")
@click.option(
    "--archs",
    default="all",
    show_default=True,
    metavar="NAMES",
    help=f"With commas between: {', '.join(ARCHS.names())}; all: all that fit the encoding.",
)
@click.option("--max-minutes", type=float, default=5.0, show_default=True, help="Training time for each arch.")
@click.option("--encoding", metavar="NAME", help=f"{', '.join(ENCODINGS.names())}.  [default: note-chord]")
@click.option("--encoding-set", "encoding_settings", multiple=True, metavar="KEY=VALUE", help="Option of the encoding.")
@click.option("--size", metavar="SIZE", help="Size of all networks: small, medium or large.  [default: small]")
@click.option("--seed", type=int, default=1, show_default=True, help="Random seed.")
@click.option("--name", help="Name of the models, followed by -ARCH.  [default: CORPUS-compare]")
@click.option("--out", type=click.Path(path_type=Path), help="Write the table to this file: .md, .json or .csv.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(archs: str, out: Path | None, as_json: bool, **given: Any) -> None:
    """Train archs on one corpus for the same time each, one after another, and rank them on the validation pieces.

    Nats are lower the better; nats per note and nats per second also compare encodings. What is finished stays: the
    same command goes on where it was stopped, and prints the table again once all is done.
    """
    from musictool.apps.leaderboard import check_suffix
    from musictool.training.options import begin, parse

    if out is not None:
        check_suffix(out)
    given = {key: None if value == () else value for key, value in given.items()}
    names = ("encoding", "encoding_settings", "size", "seed", "max_minutes")
    begin(parse({key: given[key] for key in names})).check_encoding()
    if not as_json:
        _output.load_backend()
    board = _compared([name.strip() for name in archs.split(",") if name.strip()], as_json, given)
    if out is not None:
        board.write(out)
    if as_json:
        _output.say_json(board.to_json())
    else:
        _report(board, out)


def _compared(archs: list[str], silent: bool, given: dict[str, Any]) -> Any:
    from musictool.apps.compare import compare
    from musictool.training.reporter import Reporter

    def begins(arch: str, number: int, of: int) -> None:
        if not silent:
            _output.say(f"\n{number} of {of}: {arch}")

    reporter: Any = Reporter() if silent else ScreenReporter()
    try:
        return compare(given.pop("corpus"), archs, reporter=reporter, begins=begins, **given)
    except Stopped as stopped:
        click.echo(f"{stopped}\nThe same command goes on.", err=True)
        raise click.exceptions.Exit(130) from None
    finally:
        if not silent:
            reporter.close()


def _report(board: Any, out: Path | None) -> None:
    amount = board.amount
    _output.say(
        f"\n{board.corpus} as {board.encoding}, {board.minutes:g} min each, seed {board.seed}; validation pieces: "
        f"{amount.rows:,} rows, {amount.notes:,} notes, {amount.seconds:,.0f} s; lower is better"
    )
    _output.table(board.table())
    for entry in board.entries:
        if entry.failure:
            _output.say(f"{entry.name} failed: {entry.failure}")
    if board.unbeaten_by:
        _output.say(f"Not better than counting n-grams: {', '.join(board.unbeaten_by)}.")
    if out is not None:
        _output.say(f"wrote {out}")
