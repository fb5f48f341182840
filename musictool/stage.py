"""One fit of a training run: a network and what it is judged by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class Stage:
    """One network of an arch, and how well its output fits the targets.

    Attributes:
        name: the network's name; its weights are saved as <name>.weights.h5.
        network: maps x (B, L, ...) to an output for every position.
        loss: (y, output) -> float (B, L), nats of each target.
        hits: (y, output) -> float (B, L), 1 where the likeliest prediction is right.
    """

    name: str
    network: keras.Model
    loss: Callable[[Any, Any], Any]
    hits: Callable[[Any, Any], Any]
