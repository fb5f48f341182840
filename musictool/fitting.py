"""Epochs, checkpoints, early stopping: one training run, from fresh networks in a model folder to the best weights.

Everything that a run needs to go on is on disk after each epoch and every few minutes within one. A run that was killed
and resumed ends with the same history and the same weights as one that was not, since the windows of an epoch, their
order and their transposition depend on the seed and the epoch only.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from musictool import checkpoint, model
from musictool.archs._base import Arch
from musictool.dataset import Encoded
from musictool.errors import Diverged, MusictoolError, Stopped
from musictool.generation import Request, sample
from musictool.model import Model
from musictool.pipeline import stream
from musictool.reporter import Reporter
from musictool.run_state import Settings, State, checkpoint_path, write_history
from musictool.stage import Stage
from musictool.strategy import optimizer_for, training_step, validation_step
from musictool.windows import Windows
from musictool.writers._base import write

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS = 300  # within a long epoch, a killed run loses at most this much
PROGRESS_STEPS = 10  # between two reports; each waits for the device
SAMPLE_LENGTH = 200  # rows of the music written after each epoch


class Run:
    """One training run in its model folder.

    Args:
        folder: a model folder made by `musictool.model.create`.
        arch: with freshly built networks.
        encoded: the corpus.
        settings: how to train.
        reporter: who is told.
    """

    def __init__(self, folder: Path, arch: Arch, encoded: Encoded, settings: Settings, reporter: Reporter):
        self.folder = folder
        self.arch = arch
        self.settings = settings
        self.reporter = reporter
        low, high = settings.transpose
        self.windows = Windows(
            encoded,
            settings.window,
            settings.batch_size,
            range(low, high + 1),
            settings.seed,
            stretches=(*{1.0, *settings.stretch},),
        )
        self.state = State()
        self.stop_requested = False

    @property
    def last(self) -> Path:
        """The checkpoint that a resumed run starts from."""
        return checkpoint_path(self.folder)

    @property
    def state_on_disk(self) -> dict[str, Any] | None:
        """The State that the run will go on from, as JSON; None for a run that has not begun."""
        return checkpoint.state(self.last) if self.last.exists() else None

    def run(self) -> str:
        """Train until there is reason to stop; returns the reason: "epochs", "patience" or "time".

        Raises:
            Stopped: on Ctrl-C or SIGTERM, after saving.
        """
        if before := self.state_on_disk:
            self.state = State(**before)
        self.deadline = time.monotonic() + (self.settings.max_minutes * 60 or float("inf"))
        reason = "epochs"
        with self._stop_on_signal():
            for index, stage in enumerate(self.arch.stages()):
                if index > self.state.stage:
                    self.state = State(stage=index, seconds=self.state.seconds, history=self.state.history)
                if index == self.state.stage:
                    reason = self._run_stage(stage)
                    if reason == "time":
                        break
                stage.network.load_weights(self.folder / f"{stage.name}.weights.h5")  # which the next builds on
        return reason

    def _run_stage(self, stage: Stage) -> str:
        """Epochs of one stage, from the checkpoint if it was made in this stage."""
        optimizer = optimizer_for(stage, self.settings.learning_rate)
        self.variables = [
            *(variable for each in self.arch.stages() for variable in each.network.variables),
            *optimizer.variables,
        ]
        before = self.state_on_disk
        if before and before["stage"] == self.state.stage:
            checkpoint.restore(self.last, self.variables)
            self._write_results()  # the run may have been killed between its checkpoint and these
        train, validate = training_step(stage, optimizer), validation_step(stage)
        while True:
            if self.state.epoch >= self.settings.epochs:
                return "epochs"
            if self.settings.patience and self.state.waited >= self.settings.patience:
                return "patience"
            if time.monotonic() >= self.deadline and self.state.epoch:
                return "time"
            if self._train_epoch(train):
                self._finish_epoch(stage, self._mean(self._validate(validate)))
                continue
            self._save()
            if not self.state.epoch:  # not one epoch is done, and yet there shall be a model
                self._keep_weights(stage, self._mean(self._validate(validate)))
            return "time"

    def _train_epoch(self, train: Any) -> bool:
        """One pass, or what is left of it; returns whether it came to its end before the time was up."""
        plan = self.windows.training_plan(self.state.epoch)
        steps = self.windows.steps(plan)
        state, saved, sums = self.state, time.monotonic(), np.array(self.state.sums)
        before, first = state.epoch_seconds, state.step
        self.reporter.epoch_begins(state.epoch + 1, first, steps)
        began, rows_before, waiting = time.monotonic(), sums[2], []
        for step, batch in enumerate(stream(self.windows, plan, first), first + 1):
            waiting.append(train(*batch))
            is_late = time.monotonic() >= self.deadline
            if step % PROGRESS_STEPS and step != steps and not self.stop_requested and not is_late:
                continue
            sums = sums + np.sum([np.asarray(each, np.float64) for each in waiting], axis=0)
            waiting.clear()
            if not np.isfinite(sums[0]):
                raise Diverged(
                    f"the loss is no longer a number in epoch {state.epoch + 1}; begin again with a smaller "
                    f"--learning-rate than {self.settings.learning_rate}, or with --precision float32"
                )
            now = time.monotonic()
            state.step, state.sums, state.epoch_seconds = step, sums.tolist(), before + now - began
            self.reporter.progress(step, sums[0] / max(sums[2], 1), (sums[2] - rows_before) / (now - began))
            if self.stop_requested:
                self._save()
                raise Stopped(f"stopped in epoch {state.epoch + 1}, after step {step} of {steps}; all of it is saved")
            if now >= self.deadline and step < steps:
                return False
            if now - saved > CHECKPOINT_SECONDS:
                self._save()
                saved = now
        return True

    def _validate(self, validate: Any) -> np.ndarray:
        plan = self.windows.validation_plan()
        sums = [np.asarray(validate(*batch), np.float64) for batch in stream(self.windows, plan)]
        return np.sum(sums, axis=0) if sums else np.zeros(3)

    def _finish_epoch(self, stage: Stage, validation: dict[str, float]) -> None:
        state = self.state
        training = self._mean(np.array(state.sums))
        judged = validation if "loss" in validation else training  # a corpus of one piece has no validation
        row = {
            "stage": stage.name,
            "epoch": state.epoch + 1,
            "loss": training.get("loss"),
            "accuracy": training.get("accuracy"),
            "val_loss": validation.get("loss"),
            "val_accuracy": validation.get("accuracy"),
            "rows_per_second": round(state.sums[2] / max(state.epoch_seconds, 1e-9)),
            "seconds": round(state.epoch_seconds, 3),
        }
        better = judged.get("loss", float("inf")) < state.best
        state.best, state.waited = (judged["loss"], 0) if better else (state.best, state.waited + 1)
        state.history.append(row)
        state.epoch, state.step, state.sums = state.epoch + 1, 0, [0.0, 0.0, 0.0]
        state.seconds, state.epoch_seconds = state.seconds + state.epoch_seconds, 0.0
        if better:
            self._keep_weights(stage, validation)
        self._save()
        self._write_results()
        self.reporter.epoch_ends(row)
        if self.stop_requested:
            raise Stopped(f"stopped after epoch {state.epoch}; all of it is saved")

    def _keep_weights(self, stage: Stage, validation: dict[str, float]) -> None:
        """Save the stage's network as the best so far."""
        metrics = {"best_epoch": self.state.epoch or 1, "val_loss": validation.get("loss")}
        model.save_weights(self.folder, stage, metrics | {"val_accuracy": validation.get("accuracy")})

    def _write_results(self) -> None:
        """history.csv, and music by the network as it is now, not as it was at its best."""
        epoch = self.state.epoch
        if not epoch:
            return
        write_history(self.folder / "history.csv", self.state.history)
        path = self.folder / "samples" / f"epoch-{epoch:03d}.mid"
        if self.state.step or path.exists():
            return
        try:
            living = Model.open(self.folder).played_by(self.arch)
            (score,) = sample(living, Request(length=SAMPLE_LENGTH, seed=self.settings.seed))
            write(score, path)
        except MusictoolError as error:
            log.warning("no sample after epoch %d: %s", epoch, error)

    def _mean(self, sums: np.ndarray) -> dict[str, float]:
        nats, hits, rows = (float(each) for each in sums)
        return {"loss": nats / rows, "accuracy": hits / rows} if rows else {}

    def _save(self) -> None:
        checkpoint.save(self.last, self.variables, asdict(self.state))

    @contextmanager
    def _stop_on_signal(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM end the run at the next step instead of anywhere; a second Ctrl-C ends it at once."""

        def request_stop(number: int, frame: FrameType | None) -> None:
            if self.stop_requested:
                raise KeyboardInterrupt
            self.stop_requested = True

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, request_stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
