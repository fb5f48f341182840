"""What is called as a training run goes on: a base class that does nothing, and the facts that it is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RunFacts:
    """What is known of a run before its first step.

    Attributes:
        model: its name.
        corpus: its name.
        arch: its name.
        stages: how many it has.
        parameters: trainable numbers, of all stages.
        device, precision, seed: that it is trained with.
        epochs: at most, in each stage; None for a run that only its time ends.
        epochs_done: of a run that goes on; None for one that begins.
        unit: the word for a row of the encoding, such as "token".
        vocabulary: how many tokens there are; None where rows are no tokens, and then
        row_size: how many numbers a row has.
        train_rows, validation_rows: of the corpus.
        baselines: name -> nats per row on the validation pieces; none for an arch without a likelihood.
    """

    model: str
    corpus: str
    arch: str
    stages: int
    parameters: int
    device: str
    precision: str
    seed: int
    epochs: int | None
    epochs_done: int | None
    unit: str
    vocabulary: int | None
    row_size: int
    train_rows: int
    validation_rows: int
    baselines: Mapping[str, float]


@dataclass(frozen=True)
class StageFacts:
    """What is known of a stage of a run.

    Attributes:
        name: of its network.
        counting: whether it learns all at once.
        losses: the metrics that are minimised.
        aim: the metric by which the best epoch is chosen.
        is_evaluated: whether that is measured on the corpus, and no validation loss.
    """

    name: str
    counting: bool
    losses: tuple[str, ...]
    aim: str
    is_evaluated: bool

    @classmethod
    def of(cls, stage: Any) -> StageFacts:
        """Those of a musictool.arch.Stage."""
        losses = stage.metrics if stage.groups else stage.metrics[:1]
        return cls(stage.name, stage.counting, tuple(losses), stage.selection_metrics[0], bool(stage.evaluate))


class Reporter:
    """Is called as a run goes on; the command line draws its progress bar from it."""

    def encoding(self, done: int, total: int) -> None:
        """The corpus is being encoded; of `total` pieces `done` are."""

    def run_begins(self, facts: RunFacts) -> None:
        """All is ready."""

    def stage_begins(self, stage: StageFacts, seconds: float) -> None:
        """A stage begins, or goes on; it has at most so many seconds, inf without a time limit."""

    def epoch_begins(self, epoch: int, step: int, steps: int) -> None:
        """An epoch (counted from 1) of `steps` steps, of which `step` are already done, begins."""

    def progress(self, step: int, loss: float, rows_per_second: float) -> None:
        """`step` steps of the epoch are done, with this mean loss so far."""

    def epoch_ends(self, row: dict[str, Any], is_best: bool) -> None:
        """An epoch is done and saved; `row` is its row of history.csv."""
