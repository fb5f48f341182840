"""The running mean of a network's weights (Polyak and Juditsky 1992), which on small corpora is worth more than any one
step: it is what is evaluated and kept, while training goes on from the weights of the last step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops

FIRST_STEPS = 9  # while the mean is of few steps, it forgets faster: after n steps with n / (n + FIRST_STEPS)


class WeightAverage:
    """The exponential running mean of some Keras variables.

    Args:
        weights: the variables that are trained.
        decay: share of the mean that stays in each step, such as 0.99.

    Attributes:
        variables: the mean, and the number of steps that it is of; all that a checkpoint needs.
    """

    def __init__(self, weights: Sequence[Any], decay: float):
        self.weights = weights
        self.decay = decay
        self.means = [keras.Variable(ops.convert_to_numpy(weight), trainable=False) for weight in weights]
        self.steps = keras.Variable(0, trainable=False, dtype="int32")
        self.variables = [*self.means, self.steps]

    def update(self) -> None:
        """Take the weights after a step into the mean."""
        self.steps.assign_add(1)
        steps = int(ops.convert_to_numpy(self.steps))
        decay = min(self.decay, steps / (steps + FIRST_STEPS))
        for mean, weight in zip(self.means, self.weights, strict=True):
            mean.assign(mean + (1 - decay) * (weight - mean))

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within it the weights are their mean."""
        trained = [ops.convert_to_numpy(weight) for weight in self.weights]
        self._assign(self.means)
        try:
            yield
        finally:
            self._assign(trained)

    def _assign(self, values: Sequence[Any]) -> None:
        for weight, value in zip(self.weights, values, strict=True):
            weight.assign(value)
