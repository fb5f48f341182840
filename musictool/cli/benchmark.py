"""musictool benchmark: published benchmarks, by their own protocols."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from musictool.cli import _output

SPLITS = ("validation", "test")
LAST_SEED = 2**32 - 1  # that of training/wishes.py, which takes long to import


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
@click.option(
    "--max-minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    help="Of training.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the training pieces, at most.")
@click.option("--patience", type=click.IntRange(min=1), help="Stop after so many epochs without a better one.")
@click.option("--learning-rate", type=click.FloatRange(min=0, min_open=True), help="The highest.")
@click.option("--set", "options", multiple=True, metavar="KEY=VALUE", help="An option of the arch roll-lstm.")
@click.option("--seed", type=click.IntRange(0, LAST_SEED), default=1, show_default=True, help="Of all that is drawn.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def polyphony(file: Path, head: Any, options: tuple[str, ...], seed: int, as_json: bool, **given: float | None) -> None:
    """Train a model of frames on FILE and print its nats a frame beside the published ones.

    FILE is a .mat file with the piano-rolls `traindata`, `validdata` and, unless it is held back, `testdata`: JSB
    chorales, Nottingham, MuseData or Piano-midi.de, as Boulanger-Lewandowski et al. (2012) made them.

    The model learns from the training pieces; the validation pieces choose its weights; the test pieces are scored
    once, at the end. Nats are summed over the 88 keys; the first frame of a piece is not scored; the mean is over
    frames (beside it, over pieces). Ctrl-C ends training early, and the best weights so far are scored.
    """
    from musictool.apps.polyphony.rolls import read

    data = read(file)
    if not as_json:
        _output.load_backend()
    from musictool.apps.polyphony.polyphony import benchmark_polyphony

    listener: Any = _quiet() if as_json else _progress(data)
    values = {key: value for key, value in given.items() if value is not None}
    result = benchmark_polyphony(data, head, seed=seed, options=options, listener=listener, **values)
    if as_json:
        _output.say_json(result.to_json())
    else:
        _tell(result)
    if result.course.reason == "stopped":
        raise click.exceptions.Exit(130)


def _quiet() -> Any:
    from musictool.apps.polyphony.training import Listener

    return Listener()


def _progress(data: Any) -> Any:
    """Tells what there is to beat, and then draws a bar for each epoch."""
    from musictool.apps.polyphony.polyphony import floors_of
    from musictool.apps.polyphony.training import Listener

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
    from musictool.apps.polyphony.polyphony import CLASSES
    from musictool.apps.polyphony.published import rows_of

    course = result.course
    why = {
        "time": "time is up",
        "patience": "no better epoch for a while",
        "epochs": "all epochs are done",
        "stopped": "stopped",
    }
    minutes = f"{course.seconds / 60:.1f} min ({course.cpu_seconds / 60:.1f} of a core)"
    _output.say(
        f"\n{why[course.reason]}: {len(course.epochs)} epochs in {minutes}, the best was {course.best_epoch}; "
        f"{result.parameters:,} parameters, seed {result.settings.seed}"
    )
    own = CLASSES[result.head]
    what = {"independent": "keys independent given the past", "joint": "the notes of a chord know of one another"}
    where = "" if result.known is None else f" on {result.known}"
    _output.say(f"\nnats a frame{where}, mean over frames (mean over pieces), lower is better; {what[own]}:")
    rows = [(f"this model, --head {result.head}", *_cells(result.scores), "")]
    rows += [(f"counted: {name}", *_cells(scores), "") for name, scores in _by_way(result.floors)]
    for row in rows_of(result.known, own):
        rows.append((row.model, "", f"{row.nats[result.known]:.2f}", "; ".join(filter(None, (row.source, row.remark)))))
    _output.table([("", *SPLITS, "read in"), *rows], indent="  ")
    if "test" not in result.scores:
        _output.say("The file has no test pieces; what is published is of test pieces.")
    _output.say(
        "Models of another class are not to be set beside these (docs/benchmark-polyphony.md); --json has them apart."
        if result.known
        else "Nothing is published of these pieces."
    )


def _cells(scores: Any) -> tuple[str, ...]:
    """The score of each split, empty for one that there is not."""
    return tuple(
        f"{scores[split].nats:.3f} ({scores[split].piece_nats:.3f})" if split in scores else "" for split in SPLITS
    )


def _by_way(floors: Any) -> list[tuple[str, Any]]:
    """Of each way of guessing, split -> score."""
    ways = next(iter(floors.values()))
    return [(way, {split: own[way] for split, own in floors.items()}) for way in ways]
