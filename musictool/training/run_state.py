"""What a training run is and where it stands: plain data, and the files that it is written to."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from musictool.atomic import replacing
from musictool.training.schedule import Schedule

ENDLESS = 1_000_000  # epochs of a run that only its time ends


@dataclass(frozen=True)
class Settings:
    """How to train, whatever the arch.

    Attributes:
        epochs: passes over the training pieces, at most.
        max_minutes: stop after this much time in this session; 0 for no limit.
        patience: stop after this many epochs without a better validation loss; 0 for never.
        batch_size: B, windows in a step.
        learning_rate: of Adam, the highest (musictool/training/schedule.py).
        warmup, decay: how it gets there and what becomes of it.
        clip_norm: gradients longer than this are shortened to it; 0 for none.
        window: L, rows in a window.
        transpose: (lowest, highest) semitones that training windows are shifted by.
        stretch: how many times as long training windows are played; one is drawn, or 1.
        seed: fixes weights, order, transpositions and samples.
        precision: see musictool/backend/precision.py; never "auto" here.
        tensorboard: write event files too (musictool/training/event_log.py).
    """

    epochs: int
    max_minutes: float
    patience: int
    batch_size: int
    learning_rate: float
    warmup: int
    decay: str
    clip_norm: float
    window: int
    transpose: tuple[int, int]
    stretch: tuple[float, ...]
    seed: int
    precision: str
    tensorboard: bool

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Settings:
        """Those that model.json holds."""
        arguments: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**arguments)

    @property
    def is_endless(self) -> bool:
        """Whether nobody has a number of epochs in mind."""
        return self.epochs >= ENDLESS

    @property
    def schedule(self) -> Schedule:
        """The learning rate of every step."""
        return Schedule(self.learning_rate, self.warmup, self.decay, self.epochs)


@dataclass
class State:
    """Where a run stands; kept as JSON in its checkpoint."""

    stage: int = 0
    epoch: int = 0  # epochs done
    step: int = 0  # steps done in the next epoch
    sums: list[float] = field(default_factory=list)  # of each measure and of rows, over those steps
    best: float = float("inf")
    waited: int = 0  # epochs since the best
    seconds: float = 0.0
    stage_began: float = 0.0  # how many of the seconds were over
    epoch_seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


def checkpoint_path(folder: Path) -> Path:
    """Where a model folder keeps what resuming needs."""
    return folder / "checkpoints" / "last.h5"


def write_history(path: Path, history: list[dict[str, Any]]) -> None:
    """history.csv: a row an epoch."""
    text = io.StringIO()
    names = dict.fromkeys(name for row in history for name in row)  # stages may measure different things
    writer = csv.DictWriter(text, fieldnames=list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    with replacing(path) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8")
