"""musictool evaluate: measures of what a model writes, or of files, beside human music."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from musictool.cli import _output
from musictool.errors import BadOption, NoMusic

_MAX_NAMED = 5  # samples with long copies


@click.command(epilog="\b\nExample:\n    musictool evaluate bach-lstm --html report.html")
@click.argument("what", nargs=-1, metavar="[MODEL | FILES...]")
@click.option("--corpus", metavar="NAME", help="Corpus to compare with.  [default: the model's own]")
@click.option("--against", metavar="CORPUS", help="Corpus to compare FILES with.")
@click.option("--num", type=int, default=100, show_default=True, help="Pieces to write, and human pieces at most.")
@click.option(
    "--bars", type=int, help="Bars of each piece.  [default: 16, of which as many are measured as human pieces have]"
)
@click.option("--temperature", type=float, help="Sampling temperature.  [default: 1]")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Random seed.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page with plots to this file.")
@click.option(
    "--listening",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Answers of a blind test (musictool serve --listen) to evaluate, instead of a model or files.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the numbers of each piece.")
def command(
    what: tuple[str, ...], against: str | None, html: Path | None, listening: Path | None, as_json: bool, **given: Any
) -> None:
    """Measure what MODEL writes (default: the one trained last), or FILES, beside human pieces.

    How surely a classifier tells them from human pieces and by what, likelihood, musical features, what is copied from
    the training pieces, and whether the pieces are all the same. The human pieces are the corpus's validation pieces.
    """
    if listening is not None:
        if what or against or html:
            raise BadOption("--listening evaluates answers alone; leave out MODEL, FILES, --against and --html")
        _report_votes(listening, given["seed"], as_json)
        return
    if html is not None:
        _check_place(html)
    evaluation = _of_model(what, as_json, given) if against is None else _of_files(what, against, as_json, given)
    if html is not None:
        from musictool.evaluation.page import write_page

        write_page(evaluation, html)
    if as_json:
        _output.say_json(evaluation.to_json())
        return
    _report(evaluation)
    if html is not None:
        _output.say(f"wrote {html}")


def _report_votes(path: Path, seed: int, as_json: bool) -> None:
    from musictool.metrics.listening import PERSON, PREFER, ListeningResults, read_votes

    test = ListeningResults(read_votes(path), seed)
    if as_json:
        _output.say_json(test.to_json())
        return
    _output.say(f"{path}: {len(test.votes)} answers of {test.raters} listener{'s' * (test.raters != 1)}")
    if test.strengths:
        compared = "people's pieces" if any(row.source == "people" for row in test.strengths) else "the best"
        _output.say(f"\nwhich would you rather go on listening to? ({len(test.of(PREFER))} answers)")
        heading = ("", "won", "tied", "lost", f"preferred to {compared}", "95 of 100 resamples")
        rows = [
            (
                row.source,
                f"{row.won}",
                f"{row.tied}",
                f"{row.lost}",
                f"{row.preferred:.0%}",
                f"{row.low:.0%} to {row.high:.0%}",
            )
            for row in test.strengths
        ]
        _output.table([heading, *rows])
    if test.guesses:
        _output.say(f"\nwhich did a person write? ({len(test.of(PERSON))} answers)")
        _output.table([(name, str(guesses)) for name, guesses in test.guesses.items()])
    for remark in ["", *test.remarks()]:
        _output.say(remark)


def _check_place(html: Path) -> None:
    from musictool.writing import make_folder

    if html.suffix.lower() not in (".html", ".htm"):
        raise BadOption(f"--html {html}: a page ends with .html")
    if html.is_dir():
        raise BadOption(f"--html {html} is a folder")
    make_folder(html, "--html")


def _of_model(what: tuple[str, ...], as_json: bool, given: dict[str, Any]) -> Any:
    from musictool.reading import suffixes

    files = [name for name in what if Path(name).suffix.lower() in suffixes()]
    if files or len(what) > 1:
        name = (files or list(what))[0]
        raise BadOption(f"{name}: to measure files, name the corpus to compare with: --against CORPUS")
    from musictool.evaluation.evaluate import MAX_BARS, evaluate
    from musictool.generation.sample import TOKENS_PER_BAR
    from musictool.models.model import Model

    options = {name: value for name, value in given.items() if value is not None}
    model = Model.open(what[0] if what else None)
    rows = (given["bars"] or MAX_BARS) * TOKENS_PER_BAR / model.spec.steps
    engine = model.engine_for(2 * rows * given["num"])  # samples and people's pieces are scored one by one
    _output.load_engine(engine, announce=not as_json)
    return evaluate(model, announce=_announce(as_json), **options)


def _of_files(what: tuple[str, ...], against: str, as_json: bool, given: dict[str, Any]) -> Any:
    from musictool.evaluation.evaluate import evaluate_files

    for name in ("corpus", "bars", "temperature"):
        if given.pop(name) is not None:
            raise BadOption(f"--{name} is for a model; FILES are measured as they are, --against CORPUS")
    if not what:
        raise NoMusic(f"no file to measure beside {against}: musictool evaluate FILES... --against {against}")
    return evaluate_files(what, against, announce=_announce(as_json), **given)


def _announce(as_json: bool) -> Any:
    return (lambda step: None) if as_json else lambda step: _output.say(f"{step} ...")


def _report(evaluation: Any) -> None:
    facts = evaluation.facts
    counts = f"{facts['samples']} samples, {facts['human']} human pieces, {facts['bars']} bars"
    _output.say(f"\n{evaluation.title}: {counts}")
    _output.table(evaluation.table())
    for remark in evaluation.remarks():
        _output.say(remark)
    if giveaways := evaluation.giveaways():
        _output.say("\nwhat gives the samples away most:")
    for text in giveaways:
        _output.say(f"  {text}")
    copies = evaluation.copies()
    if copies:
        _output.say(f"\nlonger than in 95 of 100 human pieces ({evaluation.p95_run} sixteenths):")
    for name, source in copies[:_MAX_NAMED]:
        _output.say(f"  {name}: {source}")
    if len(copies) > _MAX_NAMED:
        _output.say(f"  and {len(copies) - _MAX_NAMED} more; --json has all")
