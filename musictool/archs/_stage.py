"""One fit of a training run: a network and what it is judged by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from musictool.encoded.dataset import Encoded
from musictool.encoded.windows import Batch

MEASURES = ("loss", "accuracy")


@dataclass(frozen=True)
class Stage:
    """One network of an arch, and how well it fits a batch.

    Attributes:
        name: the network's name; its weights are saved as <name>.weights.h5.
        network: what is trained.
        judge: (batch, training) -> float (B, L) for each of `measures`, of each target. The first is what training
            makes small, in nats; padding is masked by whoever calls.
        measures: their names, as in history.csv.
        count: for a stage that learns by counting the rows of the training pieces and not by gradients: does all of it
            at once. Such a stage is judged on arrays and not on tensors.
    """

    name: str
    network: keras.Model
    judge: Callable[[Batch, bool], tuple[Any, ...]]
    measures: tuple[str, ...] = MEASURES
    count: Callable[[Encoded], None] | None = None
