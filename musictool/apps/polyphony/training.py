"""Training and scoring of one frame model, until its time is up.

The learning rate rises, and falls along a cosine to the end of the time (or of the epochs, if those are sooner done).
What is judged and kept is the running mean of the weights (Polyak and Juditsky 1992), which on small sets is worth more
than any one step; the validation pieces say after each epoch whether it is the best so far. The test pieces are looked
at once, by whoever calls, with the best weights.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops

from musictool.apps.polyphony import batches
from musictool.apps.polyphony.network import ClockedRollLstm
from musictool.apps.polyphony.rolls import Piece
from musictool.apps.polyphony.scores import Score, bernoulli, log_odds
from musictool.backend import backend
from musictool.backend.compile import compiled
from musictool.backend.signals import StopRequest
from musictool.dataset.windows import Batch
from musictool.encoding import Spec
from musictool.errors import Diverged
from musictool.training.schedule import Schedule

WARMUP = 50  # steps
MEMORY = 0.99  # what the running mean of the weights keeps of itself in a step


@dataclass(frozen=True)
class Settings:
    """How to train.

    Attributes:
        max_minutes: of training; validation counts, loading TensorFlow and the score of the test pieces do not.
        epochs: passes over the training pieces, at most.
        patience: epochs without a better validation score, at most.
        frames: in a step.
        learning_rate: the highest.
        weight_decay: of AdamW (Loshchilov and Hutter 2019).
        seed: of the order; that of weights and dropout is set by whoever builds the model.
    """

    max_minutes: float
    epochs: int
    patience: int
    frames: int
    learning_rate: float
    weight_decay: float
    seed: int


class Listener:
    """Who is told how a run goes; this one says nothing."""

    def epoch_begins(self, epoch: int, steps: int) -> None: ...

    def progress(self, step: int, nats: float) -> None: ...

    def epoch_ends(self, row: dict[str, Any]) -> None: ...


@dataclass
class Course:
    """How a run went.

    Attributes:
        reason: why it ended: "epochs", "time", "patience" or "stopped".
        seconds: that passed.
        cpu_seconds: of all cores together; fewer than `seconds` a core on a machine with other work.
        epochs: a row each, as a listener is told.
        best_epoch: whose weights were kept, counted from 1.
    """

    reason: str = "epochs"
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    epochs: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0


class Model:
    """A network for the keys that sound in training, and one chance for each of the others.

    A key that never sounds in training has nothing to learn from: it is given the chance 1 / (frames + 2), and the
    network is the smaller for it.

    Args:
        training: the training pieces.
        settings: "key=value" options of roll-lstm.
    """

    def __init__(self, training: Sequence[Piece], settings: Sequence[str]):
        frames = np.concatenate(training)
        sounding = np.flatnonzero(frames.any(axis=0))
        low, high = (int(sounding[0]), int(sounding[-1]) + 1) if len(sounding) else (0, frames.shape[1])
        self.keys, self.others = slice(low, high), np.r_[0:low, high : frames.shape[1]]
        self.rare = 1 / (len(frames) - len(training) + 2)
        self.arch = ClockedRollLstm.sized(Spec("frames", (high - low,), high - low), "small", settings)
        (self.stage,) = self.arch.stages
        self._begin_at_the_floor(training)
        self._nats = compiled(lambda *batch: self.stage.loss_and_metrics(Batch(*batch), False)[0])

    def _begin_at_the_floor(self, training: Sequence[Piece]) -> None:
        """Give each key the chances that counting gives it: to begin, and to sound on."""
        begins, sounds_on = log_odds(training)
        head = self.stage.network.head
        head.bias.assign(begins[self.keys])
        if head.hold:
            head.hold_kernel.assign((sounds_on - begins)[self.keys])

    @property
    def parameters(self) -> int:
        """Of the network."""
        return int(self.stage.network.count_params())

    @property
    def weights(self) -> list[Any]:
        """Keras variables."""
        return list(self.stage.network.trainable_variables)

    def cut(self, pieces: Sequence[Piece]) -> list[Piece]:
        """The pieces as the network sees them."""
        return [piece[:, self.keys] for piece in pieces]

    def score(self, pieces: Sequence[Piece], frames: int) -> Score:
        """By the protocol; a batch holds so many frames."""
        nats = [bernoulli(np.full((len(p) - 1, len(self.others)), self.rare), p[1:, self.others]) for p in pieces]
        heard, windows = self.cut(pieces), batches.scoring_windows(pieces)
        for group in batches.grouped(windows, frames):
            own = [windows[index] for index in group]
            judged = ops.convert_to_numpy(self._nats(*batches.batch(heard, own, frames)))
            for row, (piece, start, length, context) in zip(judged, own, strict=False):
                nats[piece][start + context : start + length] += row[context:length]
        return Score.of(nats)


def train(
    model: Model, training: Sequence[Piece], validation: Sequence[Piece], settings: Settings, listener: Listener
) -> Course:
    """Train until there is reason to stop, and leave the weights of the best epoch in the model."""
    return _Training(model, training, validation, settings, listener).run()


class _Training:
    """One run."""

    def __init__(
        self,
        model: Model,
        training: Sequence[Piece],
        validation: Sequence[Piece],
        settings: Settings,
        listener: Listener,
    ):
        self.model, self.validation, self.settings, self.listener = model, validation, settings, listener
        self.training = model.cut(training)
        self.rng = np.random.default_rng(settings.seed)
        self.schedule = Schedule(settings.learning_rate, WARMUP, "cosine", settings.epochs)
        self.optimizer = keras.optimizers.AdamW(
            settings.learning_rate, weight_decay=settings.weight_decay, global_clipnorm=1.0
        )
        self.optimizer.build(model.weights)
        self.step = backend.one_device().training_step(model.stage, (self.optimizer,))
        self.mean, self.steps = self._weights(), 0
        self.course, self.stop = Course(), StopRequest()

    def run(self) -> Course:
        best, kept, waited = float("inf"), self.mean, 0
        self.began, began = time.monotonic(), time.process_time()
        with self.stop.catch_signals():
            for epoch in range(self.settings.epochs):
                nats = self._pass(epoch)
                score = self._judged()
                better = score.nats < best
                waited = 0 if better else waited + 1
                if better:
                    best, kept, self.course.best_epoch = score.nats, [each.copy() for each in self.mean], epoch + 1
                self.course.seconds = time.monotonic() - self.began
                self.course.cpu_seconds = time.process_time() - began
                row = {"epoch": epoch + 1, "train": nats, "validation": score.nats, "is_best": better}
                row["seconds"] = self.course.seconds
                self.course.epochs.append(row)
                self.listener.epoch_ends(row)
                patient = waited < self.settings.patience
                reasons = {"stopped": self.stop.requested, "time": self._time_used() >= 1, "patience": not patient}
                reason = next((why for why, is_so in reasons.items() if is_so), None)
                if reason:
                    self.course.reason = reason
                    break
        self._set(kept)
        return self.course

    def _pass(self, epoch: int) -> float:
        """One epoch, or what there is time for; the nats of a training frame."""
        own = list(batches.stream(self.training, self.settings.frames, self.rng))
        self.listener.epoch_begins(epoch + 1, len(own))
        sums = np.zeros(len(self.model.stage.metrics) + 1)
        for number, batch in enumerate(own):
            rate = self.schedule.at(epoch, number, len(own), self._time_used())
            self.optimizer.learning_rate = rate
            sums += np.asarray(self.step(batch), np.float64)
            self.steps += 1
            self._remember()
            if not np.isfinite(sums[0]):
                raise Diverged("the loss is no longer a number; try again with a smaller --learning-rate")
            self.listener.progress(number + 1, sums[0] / sums[-1])
            if self.stop.requested or self._time_used() >= 1:
                break
        return float(sums[0] / sums[-1])

    def _time_used(self) -> float:
        return (time.monotonic() - self.began) / (self.settings.max_minutes * 60)

    def _remember(self) -> None:
        """Take the weights of this step into their running mean, which is a plain mean at first."""
        memory = min(MEMORY, self.steps / (self.steps + 9))
        for mean, weight in zip(self.mean, self.model.weights, strict=True):
            mean += (1 - memory) * (ops.convert_to_numpy(weight) - mean)

    def _judged(self) -> Score:
        """The running mean's score on the validation pieces."""
        live = self._weights()
        self._set(self.mean)
        score = self.model.score(self.validation, self.settings.frames)
        self._set(live)
        return score

    def _weights(self) -> list[np.ndarray]:
        return [np.array(ops.convert_to_numpy(weight)) for weight in self.model.weights]

    def _set(self, values: Sequence[np.ndarray]) -> None:
        for weight, value in zip(self.model.weights, values, strict=True):
            weight.assign(value)
