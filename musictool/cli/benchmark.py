"""musictool benchmark: published benchmarks, by their own protocols."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from musictool import options
from musictool.apps.polyphony.options import BenchmarkSettings
from musictool.cli import _output
from musictool.cli._flags import flags

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
    type=click.Choice(["sigmoid", "chain"]),
    default="chain",
    show_default=True,
    help="sigmoid: the keys of a frame are independent given the past; chain: decided one after another.",
)
@flags(BenchmarkSettings)
@click.option("--set", "arch_options", multiple=True, metavar="KEY=VALUE", help="Option of the arch roll-lstm.")
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


def _progress(data: Any) -> Any:
    """Prints the baselines; the reporter that it returns draws a bar for each epoch."""
    from musictool.apps.polyphony.scores import baselines
    from musictool.training.reporter import Reporter

    sizes = ", ".join(f"{len(pieces):,} {split} pieces" for split, pieces in data.splits.items())
    _output.say(f"{data.name}: {sizes}, {data.frames('train'):,} frames to train on")
    numbers = ", ".join(f"{name} {score.nats:.2f}" for name, score in baselines(data.splits)["validation"].items())
    _output.say(f"baselines on the validation pieces, nats per frame: {numbers}")

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


def _report(result: Any) -> None:
    from musictool.apps.polyphony.polyphony import CLASSES
    from musictool.apps.polyphony.published import rows_of

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
    kind = CLASSES[result.head]
    meaning = {"independent": "keys independent given the past", "joint": "the notes of a chord depend on one another"}
    where = "" if result.known is None else f" on {result.known}"
    _output.say(f"\nnats per frame{where}, mean over frames (mean over pieces), lower is better; {meaning[kind]}:")
    rows = [(f"this model, --head {result.head}", *_cells(result.scores), "")]
    rows += [(f"baseline: {name}", *_cells(scores), "") for name, scores in _by_name(result.baselines)]
    for row in rows_of(result.known, kind):
        rows.append((row.model, "", f"{row.nats[result.known]:.2f}", "; ".join(filter(None, (row.source, row.remark)))))
    _output.table([("", *SPLITS, "read in"), *rows], indent="  ")
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
