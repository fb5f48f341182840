"""One training of a benchmark: by the loop of `train`, with the running mean of the weights, and how it went."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from musictool.arch import LossFn, ParameterGroup, Stage
from musictool.dataset.windows import BatchSource
from musictool.errors import Stopped
from musictool.training.options import RunSettings
from musictool.training.reporter import Reporter
from musictool.training.results import Results
from musictool.training.run import Run

if TYPE_CHECKING:
    import keras

AVERAGE = 0.99  # decay of the running mean of the weights


def benchmark_stage(
    network: keras.Model, loss_and_metrics: LossFn, weight_decay: float, evaluate: Callable[[], float]
) -> Stage:
    """What a benchmark trains: all weights by AdamW, chosen by the smallest of what `evaluate` returns."""
    group = ParameterGroup(network.trainable_variables, loss_and_metrics, weight_decay=weight_decay)
    return Stage(
        "network",
        network,
        loss_and_metrics,
        groups=(group,),
        evaluate=lambda encoded, seed: {"loss": evaluate()},
        eval_metrics=("loss",),
    )


@dataclass
class Course:
    """How a run went.

    Attributes:
        reason: why it ended: "epochs", "time", "patience" or "stopped".
        seconds: that it took.
        cpu_seconds: of all cores together, since the run was begun or resumed; fewer than `seconds` per core on a
            machine with other work.
        epochs: for each its number, the nats per frame in training and validation, whether it was the best so far, and
            the seconds up to its end.
        best_epoch: whose weights were kept, counted from 1.
    """

    reason: str = "epochs"
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    epochs: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0

    def go_on_from(self, state: Mapping[str, Any]) -> None:
        """Take down the epochs of a run that is resumed, from the State of its checkpoint."""
        best = float("inf")
        for row in state["history"]:
            self.seconds += row["seconds"]
            self.add(row, row["val_loss"] < best)
            best = min(best, row["val_loss"])

    def add(self, row: dict[str, Any], is_best: bool) -> None:
        """Take down an epoch, from its row of the history."""
        if is_best:
            self.best_epoch = row["epoch"]
        self.epochs.append(
            {
                "epoch": row["epoch"],
                "train": row["loss"],
                "validation": row["val_loss"],
                "is_best": is_best,
                "seconds": self.seconds,
            }
        )


def fit(
    stage: Stage, windows: BatchSource, settings: RunSettings, reporter: Reporter, results: Results | None = None
) -> Course:
    """Train until there is reason to stop, and leave the weights of the best epoch in the stage's network.

    Args:
        results: keeps the best weights, and what resuming needs; by default the weights only, in memory.
    """
    recorder = _Recorder(reporter)
    finish_early, results = results is None, results or Results()
    if results.state:
        recorder.course.go_on_from(results.state)
    run = Run(results, [stage], windows, settings, recorder, average=AVERAGE, finish_early=finish_early)
    try:
        recorder.course.reason = run.run()
    except Stopped:
        recorder.course.reason = "stopped"
        results.load_best(stage)
    return recorder.course


class _Recorder(Reporter):
    """Writes the Course of a run, and passes on what it is called with."""

    def __init__(self, reporter: Reporter):
        self.reporter, self.course = reporter, Course()
        self._last = time.monotonic(), time.process_time()

    def epoch_begins(self, epoch: int, step: int, steps: int) -> None:
        self.reporter.epoch_begins(epoch, step, steps)

    def progress(self, step: int, loss: float, rows_per_second: float) -> None:
        self.reporter.progress(step, loss, rows_per_second)

    def epoch_ends(self, row: dict[str, Any], is_best: bool) -> None:
        now = time.monotonic(), time.process_time()
        self.course.seconds += now[0] - self._last[0]
        self.course.cpu_seconds += now[1] - self._last[1]
        self._last = now
        self.course.add(row, is_best)
        self.reporter.epoch_ends(row, is_best)
