"""Epochs, checkpoints, early stopping: one training run, from fresh networks to the best weights.

Everything that a run needs to go on is on disk after each epoch and every few minutes within one. A run that was killed
and resumed ends with the same history and the same weights as one that was not, since the windows of an epoch, their
order and their transposition depend on the seed and the epoch only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from typing import Any

import numpy as np

from musictool.arch import CountingStage, Stage
from musictool.backend import backend
from musictool.backend.signals import StopRequest
from musictool.backend.strategy import Optimizers, Step, Strategy, counted_sums
from musictool.dataset.windows import BatchSource
from musictool.errors import BadModel, Diverged, Stopped
from musictool.training.options import RunSettings
from musictool.training.reporter import Reporter, StageFacts
from musictool.training.results import Results
from musictool.training.state import State
from musictool.training.weight_average import WeightAverage

CHECKPOINT_SECONDS = 300  # within a long epoch, a killed run loses at most this much
PROGRESS_STEPS = 10  # between two reports; each waits for the device
NO_DEADLINE = float("inf")  # a deadline that never comes


class Run:
    """One training run.

    Args:
        results: where its checkpoint, best weights and history are kept.
        stages: what is trained, in order, with freshly built networks.
        windows: the batches that it is trained and validated on.
        settings: how to train, resolved.
        reporter: is called as the run goes on.
        strategy: what computes. Where that is several machines, each has a Run; the chief's writes and reports, and the
            others go on from what the chief has.
        average: decay of a running mean of the weights, which is then what is validated and kept; 0 for none.
        finish_early: count what is done of an epoch when time is up or the run is stopped as a whole epoch, for a run
            that nobody will resume.
    """

    def __init__(
        self,
        results: Results,
        stages: Sequence[Stage],
        windows: BatchSource,
        settings: RunSettings,
        reporter: Reporter,
        strategy: Strategy | None = None,
        average: float = 0.0,
        finish_early: bool = False,
    ):
        self.results = results
        self.stages = stages
        self.windows = windows
        self.settings = settings
        self.average = average
        self.finish_early = finish_early
        self.strategy = strategy or backend.one_device()
        self.reporter = reporter if self.strategy.is_chief else Reporter()
        self.state = State()
        self.stop = StopRequest()
        # Of the stage that is trained now:
        self.optimizers: Optimizers = ()
        self.mean: WeightAverage | None = None  # of its weights, if that is asked for
        self.variables: list[Any] = []  # all that a checkpoint holds, in its order
        self.learning_rate: float | None = None  # of the last step
        self.began = 0.0  # monotonic clock, seconds
        self.deadline = NO_DEADLINE
        self.seconds_before = 0.0  # that earlier sessions have trained it

    @property
    def stage(self) -> Stage:
        """The stage that is trained now."""
        return self.stages[self.state.stage]

    # ------------------------------------------------------------------------------------------- the run and its stages

    def run(self) -> str:
        """Train until there is reason to stop; returns the reason: "epochs", "patience", "time" or "counted".

        Raises:
            Stopped: on Ctrl-C or SIGTERM, after saving.
            Diverged: when the loss is no longer a number.
        """
        state = json.loads(self._from_chief(lambda: self.results.state))
        self.state = State(**state) if state else State()
        end = time.monotonic() + (self.settings.max_minutes * 60 or NO_DEADLINE)
        reason = "epochs"
        with self.stop.catch_signals(), closing(self.results):
            for index, stage in enumerate(self.stages):
                if index > self.state.stage:
                    seconds = self.state.seconds + self.state.epoch_seconds
                    self.state = State(stage=index, seconds=seconds, stage_began=seconds, history=self.state.history)
                if index == self.state.stage:
                    self._begin_stage(stage, end)
                    reason = self._count(stage) if isinstance(stage, CountingStage) else self._fit(stage)
                self._load_best(stage)
        return reason

    def _begin_stage(self, stage: Stage, end: float) -> None:
        """Give the stage its share of the time that is left before `end`."""
        self.began = time.monotonic()
        shares = [each.time_share for each in self.stages[self.state.stage :]]
        self.deadline = end if end == NO_DEADLINE else self.began + (end - self.began) * shares[0] / sum(shares)
        self.seconds_before = self.state.seconds - self.state.stage_began + self.state.epoch_seconds
        self.optimizers, self.mean, self.variables, self.learning_rate = (), None, [], None
        self.reporter.stage_begins(StageFacts.of(stage), self.deadline - self.began)

    def _load_best(self, stage: Stage) -> None:
        """Load the best weights of a stage that is done, which the next builds on."""
        if self.strategy.is_chief:
            self.results.load_best(stage)
        self.strategy.broadcast_variables(stage.network.variables)

    def _count(self, stage: CountingStage) -> str:
        """Let a stage learn all at once, unless it has done so."""
        if not self.state.epoch:
            self.reporter.epoch_begins(1, 0, stage.rounds)
            began = time.monotonic()

            def goes_on(rounds: int, loss: float) -> bool:
                self.reporter.progress(rounds, loss, rounds / (time.monotonic() - began))
                return not self._is_to_end_now()

            stage.fit_counts(self.windows.encoded, goes_on)
            self.state.epoch_seconds = time.monotonic() - began
            sums = counted_sums(stage, self.windows, self.windows.validation_plan())
            self._finish_epoch(self._means(np.sum([self._no_sums, *sums], axis=0)))
        return "counted"

    def _fit(self, stage: Stage) -> str:
        """Train a stage by epochs, from the checkpoint if it was made in this stage."""
        self._build(stage)
        self._restore()
        train = self.strategy.training_step(stage, self.optimizers, self.settings.accumulate)
        validate = self._validation(stage)
        self.began = time.monotonic()  # building networks is no training
        while True:
            reason = self._reason_to_end()
            if reason:
                return reason
            if self._train_epoch(train):
                self._finish_epoch(validate())
                continue
            self._save()
            self._keep_if_better(validate())
            return "time"

    def _build(self, stage: Stage) -> None:
        """Build the optimizers of a stage; with them it is known what a checkpoint holds."""
        self.optimizers = self.strategy.optimizers_for(stage, self.settings.learning_rate, self.settings.clip_norm)
        networks = [each.network for each in self.stages]
        parts: list[Any] = [*networks, *self.optimizers]
        if self.average:
            with self.strategy.scope():
                self.mean = WeightAverage(stage.network.trainable_variables, self.average)
            parts.append(self.mean)
        self.variables = [variable for part in parts for variable in part.variables]

    def _reason_to_end(self) -> str:
        """Why the stage ends after the epochs that are done; "" if it goes on."""
        if self.state.epoch >= self.settings.epochs:
            return "epochs"
        if self.settings.patience and self.state.waited >= self.settings.patience:
            return "patience"
        (is_late,) = self.strategy.any_worker(time.monotonic() >= self.deadline)
        return "time" if is_late and self.state.epoch else ""

    # ------------------------------------------------------------------------------------------------------- one epoch

    def _train_epoch(self, train: Step) -> bool:
        """One pass, or what is left of it; returns whether it came to its end before the deadline."""
        state, plan = self.state, self.windows.training_plan(self.state.epoch)
        first, steps = state.step, self.windows.steps(plan)
        sums = np.array(state.sums or self._no_sums)
        rows_before, seconds_before = sums[-1], state.epoch_seconds
        self.reporter.epoch_begins(state.epoch + 1, first, steps)
        began = saved = time.monotonic()
        pending: list[Any] = []  # sums of steps that the device may still compute
        for step, batch in enumerate(self.strategy.stream(self.windows, plan, first), first + 1):
            self._set_learning_rate(step - 1, steps)
            pending.append(train(batch))
            if self.mean:
                self.mean.update()
            if step % PROGRESS_STEPS and step != steps and not self._is_to_end_now():
                continue

            # Wait for the device, and take account of the steps since the last report.
            sums = sums + np.sum([np.asarray(each, np.float64) for each in pending], axis=0)
            pending.clear()
            self._check_finite(sums)
            now = time.monotonic()
            state.step, state.sums, state.epoch_seconds = step, sums.tolist(), seconds_before + now - began
            self.reporter.progress(step, sums[0] / max(sums[-1], 1), (sums[-1] - rows_before) / (now - began))

            # Stop, end or save, where all machines agree.
            is_stopped, is_late = self.strategy.any_worker(self.stop.requested, now >= self.deadline)
            if self.finish_early and (is_stopped or is_late):
                return True
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

    def _set_learning_rate(self, step: int, steps: int) -> None:
        """Let the optimizers take their next step, of the steps of an epoch, as the schedule says."""
        learning_rate = self.settings.schedule.at(self.state.epoch, step, steps, self._time_used())
        if learning_rate != self.learning_rate:
            self.learning_rate = learning_rate
            for group, optimizer in zip(self.stage.parameter_groups, self.optimizers, strict=True):
                optimizer.learning_rate = learning_rate * group.learning_rate_scale

    def _time_used(self) -> float:
        """The share of the stage's time that has passed, 0 to 1; 0 for several machines, which have a clock each."""
        if self.strategy.workers > 1:
            return 0.0
        used = self.seconds_before + time.monotonic() - self.began
        return used / max(self.seconds_before + self.deadline - self.began, 1e-9)

    def _check_finite(self, sums: np.ndarray) -> None:
        if not np.isfinite(sums).all():
            raise Diverged(
                f"the loss is no longer a number in epoch {self.state.epoch + 1}; begin again with a smaller "
                f"--learning-rate than {self.settings.learning_rate}, or with --precision float32"
            )

    # ------------------------------------------------------------------------------------------------------ validation

    def _validation(self, stage: Stage) -> Callable[[], dict[str, float]]:
        """Measures how good the network is now: each of `stage.selection_metrics`; nothing without pieces for it."""
        if stage.evaluate:
            return partial(self._evaluate, stage.evaluate)
        return partial(self._validate, self.strategy.validation_step(stage, self.settings.accumulate))

    def _evaluate(self, evaluate: Callable[[Any, int], dict[str, float]]) -> dict[str, float]:
        with self._mean_in_place():
            message = self._from_chief(lambda: evaluate(self.windows.encoded, self.settings.seed))
        values: dict[str, float] = json.loads(message)
        return values

    def _validate(self, validate: Step) -> dict[str, float]:
        plan = self.windows.validation_plan()
        with self._mean_in_place():
            sums = [np.asarray(validate(batch), np.float64) for batch in self.strategy.stream(self.windows, plan)]
        return self._means(np.sum([self._no_sums, *sums], axis=0))

    def _means(self, sums: np.ndarray) -> dict[str, float]:
        """The sum of each of the stage's metrics, and of rows last -> the metrics per row; nothing for no rows."""
        *totals, rows = (float(each) for each in sums)
        return {name: total / rows for name, total in zip(self.stage.metrics, totals, strict=True)} if rows else {}

    @property
    def _no_sums(self) -> np.ndarray:
        return np.zeros(len(self.stage.metrics) + 1)

    def _finish_epoch(self, validation: dict[str, float]) -> None:
        """Write down an epoch that is done, keep the weights if they are the best so far, and report."""
        # the epoch as a line of history.csv
        state = self.state
        training = self._means(np.array(state.sums or self._no_sums))
        row = {
            "stage": self.stage.name,
            "epoch": state.epoch + 1,
            **{name: training.get(name) for name in self.stage.metrics},
            **{f"val_{name}": validation.get(name) for name in self.stage.selection_metrics},
            "learning_rate": self.learning_rate,
            "rows_per_second": round(sum(state.sums[-1:]) / max(state.epoch_seconds, 1e-9)),
            "seconds": round(state.epoch_seconds, 3),
        }

        # whether it is the best, and the state at the beginning of the next
        loss = self._loss(training, validation)
        is_best = loss < state.best
        state.best, state.waited = (loss, 0) if is_best else (state.best, state.waited + 1)
        state.history.append(row)
        state.epoch, state.step, state.sums = state.epoch + 1, 0, []
        state.seconds, state.epoch_seconds = state.seconds + state.epoch_seconds, 0.0

        # the weights before the checkpoint: a run that is killed between the two learns the epoch again
        if is_best:
            self._keep_weights(validation, state.epoch)
        self._save()
        self._write_results()
        self.reporter.epoch_ends(row, is_best)
        (is_stopped,) = self.strategy.any_worker(self.stop.requested)
        if is_stopped:
            raise Stopped(f"stopped after epoch {state.epoch}; all of it is saved")

    def _keep_if_better(self, validation: dict[str, float]) -> None:
        """Keep the weights of the middle of an epoch, if no epoch had better ones.

        The state does not know of it, so that a run that is resumed ends as it would have without the pause.
        """
        state = self.state
        if not state.epoch or self._loss(self._means(np.array(state.sums or self._no_sums)), validation) < state.best:
            steps = self.windows.steps(self.windows.training_plan(state.epoch))
            self._keep_weights(validation, round(state.epoch + state.step / max(1, steps), 2))

    def _loss(self, training: dict[str, float], validation: dict[str, float]) -> float:
        """What the best epoch has the least of; of the training pieces where a corpus has no others."""
        aim = self.stage.selection_metrics[0]
        return (validation if aim in validation else training).get(aim, 0.0)

    # ----------------------------------------------------------------------------------------------- the model folder

    def _save(self) -> None:
        """Write the checkpoint."""
        if self.strategy.is_chief:
            self.results.save(self.variables, self.state)

    def _restore(self) -> None:
        """Go on from the checkpoint if it was made in this stage, on all machines."""
        state = self.strategy.is_chief and self.results.state
        if state and state["stage"] == self.state.stage:
            if len(self.state.sums) not in (0, len(self._no_sums)):
                raise BadModel("the checkpoint is damaged: its sums are not those of this stage's metrics")
            self.results.restore(self.variables)
            self._write_results()  # the run may have been killed between its checkpoint and these
        self.strategy.broadcast_variables(self.variables)

    def _keep_weights(self, validation: dict[str, float], epochs: float) -> None:
        """Save the stage's network as the best so far, after so many epochs."""
        if self.strategy.is_chief:
            with self._mean_in_place():
                if self.stage.calibrate:
                    self.stage.calibrate(self.windows.encoded)
                self.results.keep_weights(self.stage, epochs, validation)

    def _mean_in_place(self) -> AbstractContextManager[None]:
        """Within it the weights are their running mean, if there is one."""
        return self.mean.in_place() if self.mean else nullcontext()

    def _write_results(self) -> None:
        if self.strategy.is_chief:
            self.results.write(self.state)

    def _from_chief(self, value: Callable[[], Any]) -> bytes:
        """What `value` returns on the chief, as JSON on all machines."""
        return self.strategy.broadcast(json.dumps(value() if self.strategy.is_chief else None).encode())
