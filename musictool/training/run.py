"""Epochs, checkpoints, early stopping: one training run, from fresh networks in a model folder to the best weights.

Everything that a run needs to go on is on disk after each epoch and every few minutes within one. A run that was killed
and resumed ends with the same history and the same weights as one that was not, since the windows of an epoch, their
order and their transposition depend on the seed and the epoch only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from musictool.arch import Arch, CountingStage, Stage
from musictool.backend import backend
from musictool.backend.signals import StopRequest
from musictool.backend.strategy import Strategy, counted_sums
from musictool.dataset.dataset import Encoded
from musictool.dataset.windows import SideInputs, Windows
from musictool.errors import Diverged, Stopped
from musictool.models.info import weights_file
from musictool.training import checkpoint
from musictool.training.reporter import Reporter
from musictool.training.results import Results
from musictool.training.run_state import Settings, State, checkpoint_path

CHECKPOINT_SECONDS = 300  # within a long epoch, a killed run loses at most this much
PROGRESS_STEPS = 10  # between two reports; each waits for the device


class Run:
    """One training run in its model folder.

    Args:
        folder: a model folder made by `musictool.models.model.create`.
        arch: with freshly built networks.
        encoded: the corpus.
        settings: how to train.
        reporter: who is told.
        beside: what the model can be asked for; None for nothing.
        strategy: what computes. Where that is several machines, each has a Run; the chief's writes and reports, and the
            others go on from what the chief has.
    """

    def __init__(
        self,
        folder: Path,
        arch: Arch,
        encoded: Encoded,
        settings: Settings,
        reporter: Reporter,
        side_inputs: SideInputs | None = None,
        strategy: Strategy | None = None,
    ):
        self.folder = folder
        self.arch = arch
        self.settings = settings
        self.strategy = strategy or backend.one_device()
        self.reporter = reporter if self.strategy.is_chief else Reporter()
        low, high = settings.transpose
        self.windows = Windows(
            encoded,
            settings.window,
            settings.batch_size,
            range(low, high + 1),
            settings.seed,
            stretches=(*{1.0, *settings.stretch},),
            side_inputs=side_inputs,
        )
        self.state = State()
        self.stop = StopRequest()
        self.results = Results(folder, arch, settings)
        self.rate: float | None = None  # of the last step

    @property
    def last(self) -> Path:
        """The checkpoint that a resumed run starts from."""
        return checkpoint_path(self.folder)

    @property
    def state_on_disk(self) -> dict[str, Any] | None:
        """The State that the run will go on from, as JSON; None for a run that has not begun."""
        return checkpoint.state(self.last) if self.last.exists() else None

    def run(self) -> str:
        """Train until there is reason to stop; returns the reason: "epochs", "patience", "time" or "counted".

        Raises:
            Stopped: on Ctrl-C or SIGTERM, after saving.
        """
        said = json.dumps(self.strategy.is_chief and self.state_on_disk)
        before = json.loads(self.strategy.from_chief(said.encode()))
        if before:
            self.state = State(**before)
        end = time.monotonic() + (self.settings.max_minutes * 60 or float("inf"))
        reason, stages = "epochs", self.arch.stages
        with self.stop.listening(), closing(self.results):
            for index, stage in enumerate(stages):
                if index > self.state.stage:
                    seconds = self.state.seconds + self.state.epoch_seconds
                    self.state = State(stage=index, seconds=seconds, stage_began=seconds, history=self.state.history)
                if index == self.state.stage:
                    now, share = time.monotonic(), stage.time_share / sum(each.time_share for each in stages[index:])
                    self.deadline = end if end == float("inf") else now + (end - now) * share
                    reason = self._count() if isinstance(stage, CountingStage) else self._fit()
                if self.strategy.is_chief:
                    stage.network.load_weights(self.folder / weights_file(stage.name))  # which the next builds on
                self.strategy.share(stage.network.variables)
        return reason

    @property
    def stage(self) -> Stage:
        """The stage that is trained now."""
        return self.arch.stages[self.state.stage]

    @property
    def _no_sums(self) -> np.ndarray:
        return np.zeros(len(self.stage.metrics) + 1)

    def _count(self) -> str:
        """A stage that learns all at once, unless it has done so."""
        assert isinstance(self.stage, CountingStage)
        self.variables: list[Any] = []
        if not self.state.epoch:
            self.reporter.epoch_begins(1, 0, 1)
            began = time.monotonic()
            self.stage.fit_counts(self.windows.encoded)
            self.state.epoch_seconds = time.monotonic() - began
            sums = counted_sums(self.stage, self.windows, self.windows.validation_plan())
            self._finish_epoch(self._mean(np.sum([self._no_sums, *sums], axis=0)))
        return "counted"

    def _fit(self) -> str:
        """Epochs of one stage, from the checkpoint if it was made in this stage."""
        stage = self.stage
        optimizers = self.strategy.optimizers_for(stage, self.settings.learning_rate, self.settings.clip_norm)
        self.optimizers, self.began, self.rate = optimizers, time.monotonic(), None
        self.used = (
            self.state.seconds - self.state.stage_began + self.state.epoch_seconds
        )  # by sessions before this one
        self.variables = [
            *(variable for each in self.arch.stages for variable in each.network.variables),
            *(variable for optimizer in optimizers for variable in optimizer.variables),
        ]
        before = self.strategy.is_chief and self.state_on_disk
        if before and before["stage"] == self.state.stage:
            checkpoint.restore(self.last, self.variables)
            self._write_results()  # the run may have been killed between its checkpoint and these
        self.strategy.share(self.variables)
        train, validate = self.strategy.training_step(stage, optimizers), self._validation(stage)
        while True:
            if self.state.epoch >= self.settings.epochs:
                return "epochs"
            if self.settings.patience and self.state.waited >= self.settings.patience:
                return "patience"
            (is_late,) = self.strategy.agreed(time.monotonic() >= self.deadline)
            if is_late and self.state.epoch:
                return "time"
            if self._train_epoch(train):
                self._finish_epoch(validate())
                continue
            self._save()
            if not self.state.epoch:  # not one epoch is done, and yet there shall be a model
                self._keep_weights(validate())
            return "time"

    def _train_epoch(self, train: Any) -> bool:
        """One pass, or what is left of it; returns whether it came to its end before the time was up."""
        plan = self.windows.training_plan(self.state.epoch)
        steps = self.windows.steps(plan)
        state, saved = self.state, time.monotonic()
        sums = np.array(state.sums or self._no_sums)
        before, first = state.epoch_seconds, state.step
        self.reporter.epoch_begins(state.epoch + 1, first, steps)
        began, rows_before, waiting = time.monotonic(), sums[-1], []
        for step, batch in enumerate(self.strategy.stream(self.windows, plan, first), first + 1):
            self._set_rate(step - 1, steps)
            waiting.append(train(batch))
            if step % PROGRESS_STEPS and step != steps and not self._is_to_end_now():
                continue
            sums = sums + np.sum([np.asarray(each, np.float64) for each in waiting], axis=0)
            waiting.clear()
            if not np.isfinite(sums).all():
                raise Diverged(
                    f"the loss is no longer a number in epoch {state.epoch + 1}; begin again with a smaller "
                    f"--learning-rate than {self.settings.learning_rate}, or with --precision float32"
                )
            now = time.monotonic()
            state.step, state.sums, state.epoch_seconds = step, sums.tolist(), before + now - began
            self.reporter.progress(step, sums[0] / max(sums[-1], 1), (sums[-1] - rows_before) / (now - began))
            is_stopped, is_late = self.strategy.agreed(self.stop.requested, now >= self.deadline)
            if is_stopped:
                self._save()
                raise Stopped(f"stopped in epoch {state.epoch + 1}, after step {step} of {steps}; all of it is saved")
            if is_late and step < steps:
                return False
            if now - saved > CHECKPOINT_SECONDS:
                self._save()
                saved = now
        return True

    def _is_to_end_now(self) -> bool:
        """Whether to end between two reports. Several machines end at a report, where they have agreed on it."""
        return self.strategy.workers == 1 and (self.stop.requested or time.monotonic() >= self.deadline)

    def _set_rate(self, step: int, steps: int) -> None:
        """Let the optimizer take its next step, of the steps of an epoch, as the schedule says."""
        time_used = (self.used + time.monotonic() - self.began) / max(self.used + self.deadline - self.began, 1e-9)
        if self.strategy.workers > 1:
            time_used = 0.0  # each has a clock of its own
        rate = self.settings.schedule.at(self.state.epoch, step, steps, time_used)
        if rate != self.rate:
            self.rate = rate
            for group, optimizer in zip(self.stage.parameter_groups, self.optimizers, strict=True):
                optimizer.learning_rate = rate * group.learning_rate_scale

    def _validation(self, stage: Stage) -> Callable[[], dict[str, float]]:
        """Measures how good the network is now: each of `stage.selection_metrics`; nothing without pieces for it."""
        if stage.evaluate:
            return partial(self._assess, stage.evaluate)
        return partial(self._validate, self.strategy.validation_step(stage))

    def _assess(self, evaluate: Callable[[Encoded, int], dict[str, float]]) -> dict[str, float]:
        said = json.dumps(evaluate(self.windows.encoded, self.settings.seed) if self.strategy.is_chief else None)
        values: dict[str, float] = json.loads(self.strategy.from_chief(said.encode()))
        return values

    def _validate(self, validate: Any) -> dict[str, float]:
        plan = self.windows.validation_plan()
        sums = [np.asarray(validate(batch), np.float64) for batch in self.strategy.stream(self.windows, plan)]
        return self._mean(np.sum([self._no_sums, *sums], axis=0))

    def _finish_epoch(self, validation: dict[str, float]) -> None:
        state, aim = self.state, self.stage.selection_metrics[0]
        training = self._mean(np.array(state.sums or self._no_sums))
        judged = validation if aim in validation else training  # a corpus of one piece has no validation
        row = {
            "stage": self.stage.name,
            "epoch": state.epoch + 1,
            **{name: training.get(name) for name in self.stage.metrics},
            **{f"val_{name}": validation.get(name) for name in self.stage.selection_metrics},
            "learning_rate": self.rate,
            "rows_per_second": round(sum(state.sums[-1:]) / max(state.epoch_seconds, 1e-9)),
            "seconds": round(state.epoch_seconds, 3),
        }
        loss = judged.get(aim, 0.0)
        better = loss < state.best
        state.best, state.waited = (loss, 0) if better else (state.best, state.waited + 1)
        state.history.append(row)
        state.epoch, state.step, state.sums = state.epoch + 1, 0, []
        state.seconds, state.epoch_seconds = state.seconds + state.epoch_seconds, 0.0
        if better:
            self._keep_weights(validation)
        self._save()
        self._write_results()
        self.reporter.epoch_ends(row)
        (is_stopped,) = self.strategy.agreed(self.stop.requested)
        if is_stopped:
            raise Stopped(f"stopped after epoch {state.epoch}; all of it is saved")

    def _keep_weights(self, validation: dict[str, float]) -> None:
        """Save the stage's network as the best so far."""
        if self.strategy.is_chief:
            if self.stage.calibrate:
                self.stage.calibrate(self.windows.encoded)
            self.results.keep_weights(self.stage, self.state.epoch or 1, validation)

    def _write_results(self) -> None:
        if self.strategy.is_chief:
            self.results.write(self.state)

    def _mean(self, sums: np.ndarray) -> dict[str, float]:
        *measured, rows = (float(each) for each in sums)
        return {name: value / rows for name, value in zip(self.stage.metrics, measured, strict=True)} if rows else {}

    def _save(self) -> None:
        if self.strategy.is_chief:
            checkpoint.save(self.last, self.variables, asdict(self.state))
