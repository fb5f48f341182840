"""One fit of a training run: a network, what it is judged by, and who trains it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from musictool.encoded.dataset import Encoded
from musictool.encoded.windows import Batch

MEASURES = ("loss", "accuracy")

Judge = Callable[[Batch, bool], tuple[Any, ...]]


@dataclass(frozen=True)
class Player:
    """Some weights of a stage's network, and what they are moved by. Most stages have one; adversaries are two.

    Attributes:
        weights: Keras variables, trained by an optimizer of their own.
        judge: (batch, training) -> float (B, L), measures of each target; the first is what these weights make small.
        rate: how many times the run's learning rate is theirs.
        turns: steps that they take, one after another on the same batch, in each step of the run.
        momentum: how much of its last direction Adam keeps (beta 1); adversaries want less, as the other one moves.
    """

    weights: Sequence[Any]
    judge: Judge
    rate: float = 1.0
    turns: int = 1
    momentum: float = 0.9


@dataclass(frozen=True)
class Stage:
    """One network of an arch, and how well it fits a batch.

    Attributes:
        name: the network's name; its weights are saved as <name>.weights.h5.
        network: what is trained.
        judge: (batch, training) -> float (B, L) for each of `measures`, of each target. The first is what training
            makes small, in nats; padding is masked by whoever calls.
        measures: their names, as in history.csv; of players, those of the first, then those of the next.
        count: for a stage that learns by counting the rows of the training pieces and not by gradients: does all of it
            at once. Such a stage is judged on arrays and not on tensors.
        players: who trains what; none: all weights make `judge` small.
        assess: for a stage whose losses do not say what it is worth, as those of adversaries do not: (corpus, seed) ->
            a number for each of `assessed`, once an epoch. The first is the smaller the better.
        assessed: their names.
        settle: sets what is counted once the weights are known, such as thresholds, from the corpus; called whenever
            the weights are about to be kept.
        share: of the time of a run, beside the shares of its other stages.
    """

    name: str
    network: keras.Model
    judge: Judge
    measures: tuple[str, ...] = MEASURES
    count: Callable[[Encoded], None] | None = None
    players: tuple[Player, ...] = ()
    assess: Callable[[Encoded, int], dict[str, float]] | None = None
    assessed: tuple[str, ...] = ()
    settle: Callable[[Encoded], None] | None = None
    share: float = 1.0

    @property
    def trained_by(self) -> tuple[Player, ...]:
        """The players, in the order of their turns."""
        return self.players or (Player(self.network.trainable_variables, self.judge),)

    @property
    def validated(self) -> tuple[str, ...]:
        """The names of what is known of the stage after an epoch; its best epoch has the smallest of the first."""
        return self.assessed or self.measures
