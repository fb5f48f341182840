"""musictool benchmark: published benchmarks, by their own protocols."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from musictool.cli import _output


@click.group()
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
@click.option("--max-minutes", type=click.FloatRange(min=0, min_open=True), default=30.0, show_default=True)
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the training pieces, at most.")
@click.option("--patience", type=click.IntRange(min=1), help="Stop after so many epochs without a better one.")
@click.option("--learning-rate", type=click.FloatRange(min=0, min_open=True), help="The highest.")
@click.option("--set", "options", multiple=True, metavar="KEY=VALUE", help="An option of the arch roll-lstm.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of all that is drawn.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def polyphony(file: Path, head: Any, options: tuple[str, ...], seed: int, as_json: bool, **given: float | None) -> None:
    """Nats a frame on FILE, a .mat file with the piano-rolls `traindata`, `validdata` and, unless it is held back,
    `testdata`: JSB chorales, Nottingham, MuseData or Piano-midi.de, as Boulanger-Lewandowski et al. (2012) made them.

    A model of frames learns from the training pieces; the validation pieces choose its weights; the test pieces are
    scored once, at the end. Nats are summed over the 88 keys; the first frame of a piece is not scored; the mean is
    over frames (beside it, over pieces). Ctrl-C ends training early, and the best weights so far are scored.
    """
    from musictool.benchmarking.rolls import read

    data = read(file)
    if not as_json:
        _output.load_backend()
    from musictool.benchmarking.polyphony import run

    listener: Any = _quiet() if as_json else _progress(data)
    values = {key: value for key, value in given.items() if value is not None}
    result = run(data, head, seed, values, options, listener)
    if as_json:
        _output.say_json(result.to_json())
    else:
        _tell(result)
    if result.course.reason == "stopped":
        raise click.exceptions.Exit(130)


def _quiet() -> Any:
    from musictool.benchmarking.training import Listener

    return Listener()


def _progress(data: Any) -> Any:
    """Tells what there is to beat, and then draws a bar for each epoch."""
    from musictool.benchmarking.polyphony import floors_of
    from musictool.benchmarking.training import Listener

    sizes = ", ".join(f"{len(pieces):,} {split} pieces" for split, pieces in data.splits.items())
    _output.say(f"{data.name}: {sizes}, {data.frames('train'):,} frames to learn from")
    floor = floors_of(data)["validation"]
    words = ", ".join(f"{name} {score.nats:.2f}" for name, score in floor.items())
    _output.say(f"to beat on the validation pieces, nats a frame: {words}")

    class Progress(Listener):
        def epoch_begins(self, epoch: int, steps: int) -> None:
            self.bar = _output.bar(steps, f"epoch {epoch}", "steps")

        def progress(self, step: int, nats: float) -> None:
            self.bar.update(step - self.bar.n)
            self.bar.set_postfix_str(f"nats {nats:.3f}")

        def epoch_ends(self, row: dict[str, Any]) -> None:
            self.bar.close()
            _output.say(
                f"epoch {row['epoch']}  training {row['train']:.3f}  validation {row['validation']:.3f}"
                f"{' *' if row['is_best'] else ''}  after {row['seconds'] / 60:.1f} min"
            )

    return Progress()


def _tell(result: Any) -> None:
    from musictool.benchmarking.polyphony import CLASSES
    from musictool.benchmarking.published import rows_of

    course = result.course
    why = {
        "time": "time is up",
        "patience": "no better epoch for a while",
        "epochs": "all epochs are done",
        "stopped": "stopped",
    }
    _output.say(
        f"\n{why[course.reason]}: {len(course.epochs)} epochs in {course.seconds / 60:.1f} min, the best was "
        f"{course.best_epoch}; {result.parameters:,} parameters, seed {result.settings.seed}"
    )
    _output.say("\nnats a frame, mean over frames (mean over pieces); lower is better")
    splits = list(result.scores)
    lines = [(f"this model, --head {result.head}", *(_both(result.scores[split]) for split in splits))]
    for name in result.floors[splits[0]]:
        lines.append((f"counted: {name}", *(_both(result.floors[split][name]) for split in splits)))
    _output.table([("", *splits), *lines], indent="  ")
    if "test" not in splits:
        _output.say("The file has no test pieces; the published numbers below are of test pieces.")
    own = CLASSES[result.head]
    rows = rows_of(result.known, own)
    if not rows:
        _output.say("\nNothing is published of these pieces." if result.known is None else "")
        return
    what = {"independent": "keys independent given the past", "joint": "the notes of a chord know of one another"}
    _output.say(f"\npublished on {result.known}, test pieces; {what[own]}:")
    heading = ("model", "test", "read in", "")
    _output.table(
        [heading, *((row.model, f"{row.nats[result.known]:.2f}", row.source, row.remark) for row in rows)], indent="  "
    )
    _output.say(
        "Models of another class (see docs/benchmark-polyphony.md) are not to be set beside these; --json has them."
    )


def _both(score: Any) -> str:
    return f"{score.nats:.3f} ({score.piece_nats:.3f})"
