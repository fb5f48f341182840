"""What an arch is: a family of networks, how it learns and how it writes.

A subclass is one file of this folder. It declares its options and its sizes, builds its networks for any Spec of its
kind, says in which stages they are trained, and continues rows. It is written with `keras` and `keras.ops` only, and
knows nothing of encodings: a Spec is all that it is told.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import keras
import numpy as np

from musictool import options
from musictool.dataset.dataset import Encoded
from musictool.dataset.windows import Batch
from musictool.encoding import Kind, Spec
from musictool.errors import BadOption, KindMismatch, UnknownName
from musictool.sampling.sampler import FREE, Guidance, Sampler

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


class Arch(ABC):
    """One model family.

    Class attributes:
        name: as on the command line and in saved models; the file's name with hyphens.
        kind: which encodings it learns.
        Options: frozen dataclass of what can be set (see musictool/options.py); its defaults are the small size.
        SIZES: name of a size -> the options that it changes.
        WINDOW, BATCH_SIZE, LEARNING_RATE: what training starts from unless told otherwise.
        USUAL_ENCODING: what it learns unless told otherwise; a name, since an arch knows nothing else of encodings.
        ROW_SHAPE: the only shape of a row that it learns; None for any.
        foretells: whether it says how likely the next row is; one that does not is not measured in nats.
        can_be_asked: whether it heeds conditions.
        BFLOAT16_ON_CPU: whether a CPU with units for bfloat16 is faster with it.
        WARMUP, DECAY, CLIP_NORM: the same for how the learning rate goes (musictool/training/schedule.py) and gradients
            are cut.

    Args:
        spec: of what it learns.
        settings: an Options; None for the defaults.
        conditions: C, how many numbers beside each row say what is asked for (musictool/dataset/conditions.py).
    """

    name: ClassVar[str]
    kind: ClassVar[Kind]
    Options: ClassVar[type]
    SIZES: ClassVar[Mapping[str, Mapping[str, Any]]]
    USUAL_ENCODING: ClassVar[str]
    ROW_SHAPE: ClassVar[tuple[int, ...] | None] = None
    foretells: ClassVar[bool] = True
    can_be_asked: ClassVar[bool] = False
    WINDOW: ClassVar[int] = 64
    BATCH_SIZE: ClassVar[int] = 32
    LEARNING_RATE: ClassVar[float] = 1e-3
    BFLOAT16_ON_CPU: ClassVar[bool] = True
    WARMUP: ClassVar[int] = 0
    DECAY: ClassVar[str] = "none"
    CLIP_NORM: ClassVar[float] = 1.0

    def __init__(self, spec: Spec, settings: Any = None, conditions: int = 0):
        if spec.kind != self.kind:
            raise KindMismatch(
                f"the arch {self.name} learns {self.kind}, and this encoding writes {spec.kind}; "
                "`musictool list archs` and `musictool list encodings` say which go together"
            )
        if conditions and not self.can_be_asked:
            raise BadOption(f"{self.name} cannot be asked for anything; leave out --controls and --label")
        self.spec = spec
        self.options: Any = settings if settings is not None else self.Options()
        self.conditions = conditions

    @classmethod
    def sized(cls, spec: Spec, size: str = "small", settings: Sequence[str] = (), conditions: int = 0) -> Arch:
        """The arch at one of its sizes, with "key=value" settings over it."""
        if size not in cls.SIZES:
            raise UnknownName.of("size", size, cls.SIZES)
        return cls(spec, options.from_settings(cls.Options, settings, cls.SIZES[size]), conditions)

    @abstractmethod
    def stages(self) -> list[Stage]:
        """What is trained, in order; the same networks at every call."""

    def check(self, encoded: Encoded) -> None:  # noqa: B027  # most archs learn any corpus
        """Look at a corpus before it is learnt. Raises BadCorpus for one that cannot be."""

    @abstractmethod
    def continuation(
        self, primer: np.ndarray, sampler: Sampler, seed: int, guidance: Guidance = FREE
    ) -> Iterator[np.ndarray]:
        """Rows that follow `primer`, without end.

        Args:
            primer: spec.dtype (B, T, *spec.shape), T >= 1, beginning with the Spec's start row if nothing else.
            sampler: how a row is drawn from what the network predicts.
            seed: fixes every draw: the same seed, primer and weights give the same rows.
            guidance: what may not be drawn, and what is asked for.

        Yields:
            spec.dtype (B, n, *spec.shape): the next n rows of each of the B pieces, n as the arch likes.
        """

    @abstractmethod
    def surprise(self, rows: np.ndarray, guidance: Guidance = FREE) -> np.ndarray:
        """float64 (T,), nats: how little each row of a piece (T, *spec.shape) was expected after all before it.

        The first row is judged after the Spec's start row. What lies further back than a window counts as well, as it
        does when the arch continues a piece.

        Raises:
            BadOption: for an arch that foretells nothing.
        """

    def to_json(self) -> dict[str, Any]:
        """Name, options and the number of conditions."""
        return {"name": self.name, "options": options.to_json(self.options), "conditions": self.conditions}


def learners(kind: Kind) -> list[str]:
    """The names of the archs that learn one kind."""
    from musictool.registry import ARCHS

    return [name for name in ARCHS.names() if ARCHS.get(name).kind == kind]


def foretellers(kind: Kind, shape: tuple[int, ...]) -> list[str]:
    """Those of them that learn rows of this shape and can be compared in nats."""
    from musictool.registry import ARCHS

    able = {name: ARCHS.get(name) for name in learners(kind)}
    return [name for name, each in able.items() if each.foretells and each.ROW_SHAPE in (None, shape)]


def from_json(values: Mapping[str, Any], spec: Spec) -> Arch:
    """The arch that to_json described, with fresh weights. Raises UnknownName for one that this version lacks."""
    from musictool.registry import ARCHS

    cls = ARCHS.get(values["name"])
    arch: Arch = cls(spec, options.from_json(cls.Options, values["options"]), values["conditions"])
    return arch
