"""The progress of a training run on the command line, for all commands that train."""

from __future__ import annotations

import math
import time
from typing import Any

from musictool.cli import _output
from musictool.training.reporter import Reporter, RunFacts, StageFacts


class ScreenReporter(Reporter):
    """A progress bar for each epoch, and a line when it is done.

    The time to go is that of the stage that is trained, from how long its last epoch took; how long another stage will
    take is not known before it begins, and patience may end one sooner.
    """

    def __init__(self) -> None:
        self.name = ""  # of the model, once there is something to resume
        self.bar: Any = None
        self.run: RunFacts
        self.stage: StageFacts
        self.deadline = math.inf  # monotonic clock, seconds
        self.began = 0.0

    def encoding(self, done: int, total: int) -> None:
        if self.bar is None:
            self.bar = _output.bar(total, "encoding", "pieces")
        self.bar.update(done - self.bar.n)
        if done == total:
            self.close()

    def run_begins(self, facts: RunFacts) -> None:
        self.name, self.run = facts.model, facts
        size = f"{facts.row_size:,} numbers each" if facts.vocabulary is None else f"vocabulary {facts.vocabulary:,}"
        _output.say(
            f"corpus {facts.corpus}: {facts.train_rows:,} {facts.unit}s to learn from, "
            f"{facts.validation_rows:,} to validate on, {size}"
        )
        _output.say(
            f"{facts.arch} with {facts.parameters:,} parameters on {facts.device}, {facts.precision}, seed {facts.seed}"
        )
        if facts.baselines:
            baselines = ", ".join(f"{name} {nats:.3f}" for name, nats in facts.baselines.items())
            _output.say(f"baselines on the validation pieces, nats per {facts.unit}: {baselines}")
        if facts.epochs_done is not None:
            _output.say(f"going on with {facts.model} after epoch {facts.epochs_done}")

    def stage_begins(self, stage: StageFacts, seconds: float) -> None:
        self.stage, self.deadline = stage, time.monotonic() + seconds

    def epoch_begins(self, epoch: int, step: int, steps: int) -> None:
        self.began = time.monotonic()
        if epoch == 1 and not step and self.run.stages > 1:
            _output.say(f"training {self.stage.name}:")
        what = "counting" if self.stage.counting else self._epoch(epoch)
        self.bar = _output.bar(steps, what, "steps", initial=step)

    def progress(self, step: int, loss: float, rows_per_second: float) -> None:
        self.bar.update(step - self.bar.n)
        self.bar.set_postfix_str(f"loss {loss:.3f}, {rows_per_second:,.0f} {self.run.unit}s/s")

    def epoch_ends(self, row: dict[str, Any], is_best: bool) -> None:
        self.close()
        stage, value = self.stage, row[f"val_{self.stage.aim}"]
        aim = stage.aim if stage.is_evaluated else "validation"
        validation = "" if value is None else f"  {aim} {value:.3f}{' *' if is_best else ''}"
        if stage.counting:
            _output.say(f"counted in {row['seconds']:.1f} s{validation}")
            return
        losses = "  ".join(f"{name} {row[name]:.3f}" for name in stage.losses)
        _output.say(
            f"{self._epoch(row['epoch'])}  {losses}{validation}  {row['rows_per_second']:,} {self.run.unit}s/s"
            f"{self._to_go(row)}"
        )

    def _epoch(self, epoch: int) -> str:
        return f"epoch {epoch}" if self.run.epochs is None else f"epoch {epoch}/{self.run.epochs}"

    def _to_go(self, row: dict[str, Any]) -> str:
        epoch_seconds = max(row["seconds"], time.monotonic() - self.began)  # of a resumed one, a part was before
        epochs = math.inf if self.run.epochs is None else self.run.epochs - row["epoch"]
        seconds = min(epochs * epoch_seconds, self.deadline - time.monotonic())
        within = f" in {self.stage.name}" if self.run.stages > 1 else ""
        return "" if math.isinf(seconds) else f"  about {_duration(seconds)} to go{within}"

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
        self.bar = None


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
