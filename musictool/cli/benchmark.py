"""musictool benchmark: published benchmarks, by their own protocols."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import click

from musictool import options
from musictool.apps.chorales.options import ChoraleSettings, OrderlessSettings
from musictool.apps.polyphony.options import BenchmarkSettings, Head
from musictool.cli import _output
from musictool.cli._flags import flags
from musictool.errors import BadOption

SPLITS = ("validation", "test")


@click.group(epilog="\b\nExample:\n    musictool benchmark polyphony JSB_Chorales.mat")
def command() -> None:
    """Train and score on a published benchmark, by its exact protocol, beside the published numbers."""


@command.command(
    params=_output.verbosity(),
    epilog="\b\nExample:\n    musictool benchmark polyphony JSB_Chorales.mat --head chain",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--head",
    type=click.Choice(get_args(Head)),
    default="chain",
    show_default=True,
    help="sigmoid: the keys of a frame are independent given the past; chain, rnn-nade: decided one after another; "
    "rnn-rbm, rtrbm: together, by a Boltzmann machine, whose nats are an estimate.",
)
@flags(BenchmarkSettings)
@click.option(
    "--set", "arch_options", multiple=True, metavar="KEY=VALUE", help="Option of the arch (sigmoid: of chain)."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def polyphony(file: Path, head: Any, arch_options: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Train on FILE and print nats per frame beside the published ones.

    FILE is a .mat file with the piano-rolls `traindata`, `validdata` and, usually, `testdata`: JSB
    chorales, Nottingham, MuseData or Piano-midi.de, as Boulanger-Lewandowski et al. (2012) made them.

    The model learns from the training pieces; the validation pieces choose its weights; the test pieces are scored
    once, at the end. Nats are summed over the 88 keys; the first frame of a piece is not scored; the mean is over
    frames (beside it, over pieces). Ctrl-C ends training early, and the best weights so far are scored.
    """
    from musictool.apps.polyphony.rolls import read

    settings = options.converted(BenchmarkSettings, options.pop_given(BenchmarkSettings, given))
    data = read(file)
    if not as_json:
        _output.load_backend()
    from musictool.apps.polyphony.polyphony import benchmark_polyphony

    reporter = None if as_json else _progress(data)
    result = benchmark_polyphony(data, head, options=arch_options, reporter=reporter, **settings)
    if as_json:
        _output.say_json(result.to_json())
    else:
        _report(result)
    if result.course.reason == "stopped":
        raise click.exceptions.Exit(130)


@command.command(
    params=_output.verbosity(),
    epilog="\b\nExample:\n    musictool benchmark chorales jsb-chorales-16th.json --transpose -3..3",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--arch", metavar="NAME", help="chain, or any arch of tokens.  [default: chain]")
@click.option("--orderless", is_flag=True, help="Nats per frame without an order, by coconet.")
@flags(OrderlessSettings)
@click.option("--set", "arch_options", multiple=True, metavar="KEY=VALUE", help="Option of the arch.")
@click.option("--folder", type=click.Path(path_type=Path), help="Keep the run here, and resume the one that is here.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def chorales(
    file: Path,
    arch: str | None,
    orderless: bool,
    arch_options: tuple[str, ...],
    folder: Path | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Train on FILE and print nats per token beside the published ones.

    FILE is a .json file of chorales in sixteenths with the lists `train`, `valid` and, usually, `test`: pieces are
    lists of steps, and steps the pitches of soprano, alto, tenor and bass, -1 for a rest.

    The model learns from the training pieces; the validation pieces choose its weights; the test pieces are scored
    once, at the end. Nats are the mean over all tokens, four per step. Beside the music the model is given its
    position: the voice, and the number of the step, as a clock. Ctrl-C ends training early, and the best weights so far
    are scored.

    With --orderless a frame is predicted from others on both sides of it, and the model is coconet; its nats are per
    frame, by the protocol of Huang et al. (2017), and no rival of those per token.
    """
    from musictool.apps.chorales.pieces import read

    kind = OrderlessSettings if orderless else ChoraleSettings
    given = options.pop_given(OrderlessSettings, given)
    if orderless and arch is not None:
        raise BadOption("--orderless is by coconet; leave out --arch")
    for name in ("orders", "scored", "harmonise"):
        if name in given and not orderless:
            raise BadOption(f"--{name} is for --orderless")
    settings = options.converted(kind, given)
    data = read(file)
    if orderless:
        _orderless(data, settings, arch_options, folder, as_json)
        return
    arch = arch or "chain"
    if not as_json:
        _output.load_backend()
    from musictool.apps.chorales.chorales import baselines, benchmark_chorales

    reporter = None
    if not as_json:
        sizes = ", ".join(f"{len(pieces):,} {split} pieces" for split, pieces in data.splits.items())
        _output.say(f"{data.name}: {sizes}, {data.tokens('train'):,} tokens to train on")
        _say_baselines(baselines(data.splits)["validation"], "token")
        reporter = _epoch_bars()
    result = benchmark_chorales(data, arch, options=arch_options, folder=folder, reporter=reporter, **settings)
    if as_json:
        _output.say_json(result.to_json())
    else:
        _report_chorales(result)
    if result.course.reason == "stopped":
        raise click.exceptions.Exit(130)


def _orderless(data: Any, settings: Any, arch_options: tuple[str, ...], folder: Path | None, as_json: bool) -> None:
    """`musictool benchmark chorales --orderless`."""
    if not as_json:
        _output.load_backend()
    from musictool.apps.chorales.orderless import benchmark_orderless

    reporter = None
    if not as_json:
        sizes = ", ".join(f"{len(pieces):,} {split} pieces" for split, pieces in data.splits.items())
        _output.say(f"{data.name}: {sizes}")
        reporter = _epoch_bars()
    result = benchmark_orderless(data, options=arch_options, folder=folder, reporter=reporter, **settings)
    if as_json:
        _output.say_json(result.to_json())
    else:
        _say_course(result)
        _output.say(
            f"\nnats per frame, each frame in view of others on both sides; random orders: {result.settings.orders}; "
            "lower is better:"
        )
        values = result.to_json()
        rows = [
            (
                "this model, coconet",
                *(f"{result.scores[split]:.3f}" if split in result.scores else "" for split in SPLITS),
                "",
            )
        ]
        rows.append(("baseline: every class as likely as another", *([f"{result.uniform:.2f}"] * 2), ""))
        rows += [(row["model"], f"{row['validation']:g}", "", row["source"]) for row in values["published"]]
        _output.table([("", *SPLITS, "read in"), *rows], indent="  ")
        if result.faults:
            _output.say(f"\nfaults of {result.settings.harmonise} validation pieces, per 100 that there might be:")
            names = [*result.faults["harmonised"]]
            columns = [(name, *(f"{counted[name]:.1f}" for counted in result.faults.values())) for name in names]
            _output.table([("", "soprano harmonised", "as Bach has it"), *columns], indent="  ")
    if result.course.reason == "stopped":
        raise click.exceptions.Exit(130)


def _report_chorales(result: Any) -> None:
    from musictool.apps.chorales.published import rows_of

    _say_course(result)
    shifts = result.settings.transpose
    _output.say(
        f"\nnats per token, the mean over all tokens, lower is better; training pieces "
        f"{'as they are' if len(shifts.semitones) == 1 else f'transposed by {shifts} semitones'}:"
    )

    def cells(numbers: Any) -> tuple[str, ...]:
        return tuple("" if numbers.get(split) is None else f"{numbers[split]:.3f}" for split in SPLITS)

    rows = [(f"this model, --arch {result.arch}", *cells(result.scores), "")]
    rows += [(f"baseline: {name}", *cells(scores), "") for name, scores in _by_name(result.baselines)]
    published = rows_of(result.chorales)
    for row in published:
        rows.append((row.model, *cells({"validation": row.validation, "test": row.test}), row.source))
    _output.table([("", *SPLITS, "read in"), *rows], indent="  ")
    if published and "test" not in result.scores:
        _output.say("The file has no test pieces, of which most published numbers are.")
    if not published:
        _output.say("There are no published numbers for these pieces.")


def _progress(data: Any) -> Any:
    """Prints the baselines; the reporter that it returns draws a bar for each epoch."""
    from musictool.apps.polyphony.scores import baselines

    sizes = ", ".join(f"{len(pieces):,} {split} pieces" for split, pieces in data.splits.items())
    _output.say(f"{data.name}: {sizes}, {data.frames('train'):,} frames to train on")
    numbers = {name: score.nats for name, score in baselines(data.splits)["validation"].items()}
    _say_baselines(numbers, "frame")
    return _epoch_bars()


def _say_baselines(nats: Mapping[str, float], unit: str) -> None:
    numbers = ", ".join(f"{name} {value:.2f}" for name, value in nats.items())
    _output.say(f"baselines on the validation pieces, nats per {unit}: {numbers}")


def _epoch_bars() -> Any:
    """A reporter that draws a bar for each epoch."""
    from musictool.training.reporter import Reporter

    class EpochBars(Reporter):
        began = time.monotonic()

        def epoch_begins(self, epoch: int, step: int, steps: int) -> None:
            self.bar = _output.bar(steps, f"epoch {epoch}", "steps")

        def progress(self, step: int, loss: float, rows_per_second: float) -> None:
            self.bar.update(step - self.bar.n)
            self.bar.set_postfix_str(f"nats {loss:.3f}")

        def epoch_ends(self, row: dict[str, Any], is_best: bool) -> None:
            self.bar.close()
            _output.say(
                f"epoch {row['epoch']}  training {row['loss']:.3f}  validation {row['val_loss']:.3f}"
                f"{' *' if is_best else ''}  after {(time.monotonic() - self.began) / 60:.1f} min"
            )

    return EpochBars()


def _say_course(result: Any) -> None:
    course = result.course
    reasons = {
        "time": "time is up",
        "patience": "no better epoch for a while",
        "epochs": "all epochs are done",
        "stopped": "stopped",
    }
    minutes = f"{course.seconds / 60:.1f} min ({course.cpu_seconds / 60:.1f} of a core)"
    _output.say(
        f"\n{reasons[course.reason]}: {len(course.epochs)} epochs in {minutes}, the best was {course.best_epoch}; "
        f"{result.parameters:,} parameters, seed {result.settings.seed}"
    )


def _report(result: Any) -> None:
    from musictool.apps.polyphony.polyphony import KINDS
    from musictool.apps.polyphony.published import rows_of

    _say_course(result)
    kind, is_estimate = KINDS[result.head].published, KINDS[result.head].is_estimate
    meaning = {"independent": "keys independent given the past", "joint": "the notes of a chord depend on one another"}
    where = "" if result.known is None else f" on {result.known}"
    _output.say(f"\nnats per frame{where}, mean over frames (mean over pieces), lower is better; {meaning[kind]}:")
    published = rows_of(result.known, kind)
    estimates = is_estimate or any(row.is_estimate for row in published)  # they stand in columns of their own
    header = ("", *SPLITS, *(f"{split}, estimated" for split in SPLITS if estimates), "read in")
    rows = []

    def add(name: str, cells: tuple[str, ...], source: str = "", is_estimate: bool = False) -> None:
        empty = ("",) * len(cells) if estimates else ()
        rows.append((name, *(empty + cells if is_estimate else cells + empty), source))

    add(f"this model, --head {result.head}", _cells(result.scores), is_estimate=is_estimate)
    if is_estimate:
        add("this model, annealed backwards", _cells(result.most), is_estimate=True)
    for name, scores in _by_name(result.baselines):
        add(f"baseline: {name}", _cells(scores))
    for row in published:
        source = "; ".join(filter(None, (row.source, row.remark)))
        add(row.model, ("", f"{row.nats[result.known]:.2f}"), source, row.is_estimate)
    _output.table([header, *rows], indent="  ")
    if is_estimate:
        _output.say(
            "The estimate is by annealed importance sampling and flatters the model on average; backwards it wrongs "
            "it. Both come nearer to the truth with more steps (--set ais_steps=1000 --set ais_chains=16)."
        )
    if "test" not in result.scores:
        _output.say("The file has no test pieces; the published numbers are of test pieces.")
    _output.say(
        "Models of another class cannot be compared with these (docs/benchmark-polyphony.md); --json has them, too."
        if result.known
        else "There are no published numbers for these pieces."
    )


def _cells(scores: Any) -> tuple[str, ...]:
    """The score of each split; empty for one that is missing."""
    return tuple(
        f"{scores[split].nats:.3f} ({scores[split].piece_nats:.3f})" if split in scores else "" for split in SPLITS
    )


def _by_name(baselines: Any) -> list[tuple[str, Any]]:
    """(name, split -> score) of each baseline."""
    names = next(iter(baselines.values()))
    return [(name, {split: scores[name] for split, scores in baselines.items()}) for name in names]
