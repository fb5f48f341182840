"""The contract of archs: a family of networks, the stages in which it is trained, and how it continues rows.

A subclass is one file of musictool/archs/. It declares its options and its sizes, builds its networks for any Spec of
its kind, lists the stages of training, and continues rows. It is written with `nn` and `ops` of musictool/engine only,
which are Keras or plain numpy, and knows nothing of encodings but their Spec.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from musictool import options
from musictool.dataset.dataset import Encoded
from musictool.dataset.windows import Batch, Task
from musictool.encoding import Encoding, Kind, Spec
from musictool.engine.current import Engine, current
from musictool.errors import BadModel, BadOption, KindMismatch, UnknownName
from musictool.options import option
from musictool.progress import Progress
from musictool.sampling.guidance import FREE, Guidance
from musictool.sampling.sampler import Sampler

if TYPE_CHECKING:
    import keras

METRICS = ("loss", "accuracy")

LossFn = Callable[[Batch, bool], tuple[Any, ...]]
GoesOn = Callable[[int, float], bool]  # rounds done, the loss before the last of them -> whether to go on


@dataclass(frozen=True)
class ParameterGroup:
    """Some weights of a stage's network, and the loss that moves them. Most stages have one; adversaries have two.

    Attributes:
        variables: Keras variables, trained by an optimizer of their own.
        loss_and_metrics: (batch, training) -> float (B, L) each, metrics of each target; the first is minimised.
        learning_rate_scale: times the run's learning rate.
        updates_per_step: updates on the same batch, one after another, in each step of the run.
        beta_1: Adam's decay of its running mean; adversaries want less, as the other one moves.
        weight_decay: Adam's decoupled weight decay, times the learning rate per step (AdamW); 0 for none.
    """

    variables: Sequence[Any]
    loss_and_metrics: LossFn
    learning_rate_scale: float = 1.0
    updates_per_step: int = 1
    beta_1: float = 0.9
    weight_decay: float = 0.0


@dataclass(frozen=True)
class Stage:
    """One fit of a training run: a network, how it is scored, and which weights move.

    Attributes:
        name: the network's name; its weights are saved as <name>.weights.h5.
        network: what is trained.
        loss_and_metrics: (batch, training) -> float (B, L) for each of `metrics`, of each target. The first is the
            loss, in nats; padding is masked by whoever calls.
        metrics: their names, as in history.csv; with several groups, those of the first, then those of the next.
        groups: which weights are trained by what; none: all weights by `loss_and_metrics`.
        evaluate: for a stage whose losses do not say what it is worth, as those of adversaries do not: (corpus, seed)
            -> a number for each of `eval_metrics`, once per epoch; the first is the smaller the better.
        eval_metrics: their names.
        calibrate: sets what is counted once the weights are known, such as thresholds, from the corpus; called whenever
            the weights are about to be kept.
        time_share: of a run's time, relative to the shares of its other stages.
    """

    name: str
    network: keras.Model
    loss_and_metrics: LossFn
    metrics: tuple[str, ...] = METRICS
    groups: tuple[ParameterGroup, ...] = ()
    evaluate: Callable[[Encoded, int], dict[str, float]] | None = None
    eval_metrics: tuple[str, ...] = ()
    calibrate: Callable[[Encoded], None] | None = None
    time_share: float = 1.0
    counting: ClassVar[bool] = False  # whether it is a CountingStage

    @property
    def parameter_groups(self) -> tuple[ParameterGroup, ...]:
        """The groups, in the order of their updates."""
        return self.groups or (ParameterGroup(self.network.trainable_variables, self.loss_and_metrics),)

    @property
    def selection_metrics(self) -> tuple[str, ...]:
        """The metrics that are known after an epoch; the best epoch has the smallest of the first."""
        return self.eval_metrics or self.metrics


@dataclass(frozen=True)
class CountingStage(Stage):
    """A stage without gradients, fitted by counting the rows of the training pieces; its metrics are of arrays.

    Attributes:
        fit_counts: counts all of them, in so many rounds; after each it calls GoesOn, and ends if that says no.
        rounds: at most.
    """

    counting: ClassVar[bool] = True
    fit_counts: Callable[[Encoded, GoesOn], None] = field(kw_only=True)
    rounds: int = 1


@dataclass(frozen=True)
class StackOptions:
    """The options of an arch that stacks layers between an embedding and a prediction. A subclass adds its own, or
    declares one of these again with another default."""

    embedding: int = option(128, "embedding size", least=1, most=8192)
    width: int = option(256, "hidden units per layer", least=1, most=8192)
    layers: int = option(2, "number of layers", least=1, most=16)
    dropout: float = option(0.3, "dropout rate", least=0, most=0.95)


class Arch(ABC):
    """One model family.

    Class attributes:
        name: as on the command line and in saved models; the file's name with hyphens.
        kind: which encodings it learns.
        Options: frozen dataclass of what can be set (see musictool/options.py); its defaults are the small size.
        SIZES: name of a size -> the options that it changes.
        DEFAULT_ENCODING: the name of the encoding that it learns unless another is given.
        ROW_SHAPE: the only shape of a row that it learns; None for any.
        has_likelihood: whether it gives the next row a probability; one that does not is not measured in nats.
        supports_conditions: whether its networks take conditions beside the rows.
        supports_chords: whether it can be asked for the chord of each bar.
        UNNAMED: what options mean in models that were saved before there were these options.
        FORMAT: of its networks; models that were saved with another one cannot be read.
        has_temperature: whether it draws from probabilities; one whose randomness is its noise has --noise-sd instead.
        USES_PER_WEIGHT: how often a row is multiplied by each weight: once, but where a network goes over many places.
        BFLOAT16_ON_CPU: whether a CPU with units for bfloat16 is faster with it.
        WINDOW, BATCH_SIZE, LEARNING_RATE, WARMUP, DECAY, CLIP_NORM: defaults of the options of training that are called
            so in small letters (musictool/training/options.py). WINDOW is in rows.

    Args:
        spec: of what it learns.
        settings: an Options; None for the defaults.
        conditions: C, how many numbers the conditions beside each row have (musictool/dataset/conditions.py).

    Attributes:
        engine: what computes its networks: the one that did when it was made.
    """

    name: ClassVar[str]
    kind: ClassVar[Kind]
    Options: ClassVar[type]
    SIZES: ClassVar[Mapping[str, Mapping[str, Any]]]
    DEFAULT_ENCODING: ClassVar[str]
    ROW_SHAPE: ClassVar[tuple[int, ...] | None] = None
    has_likelihood: ClassVar[bool] = True
    supports_conditions: ClassVar[bool] = False
    supports_chords: ClassVar[bool] = False
    UNNAMED: ClassVar[dict[str, Any]] = {}
    FORMAT: ClassVar[int] = 1
    has_temperature: ClassVar[bool] = True
    WINDOW: ClassVar[int] = 64
    BATCH_SIZE: ClassVar[int] = 32
    LEARNING_RATE: ClassVar[float] = 1e-3
    BFLOAT16_ON_CPU: ClassVar[bool] = True
    USES_PER_WEIGHT: ClassVar[float] = 1.0
    WARMUP: ClassVar[int] = 0
    DECAY: ClassVar[str] = "none"
    CLIP_NORM: ClassVar[float] = 1.0

    def __init__(self, spec: Spec, settings: Any = None, conditions: int = 0):
        if spec.kind != self.kind:
            raise KindMismatch(
                f"the arch {self.name} learns {self.kind}, and this encoding writes {spec.kind}; "
                "`musictool list archs` and `musictool list encodings` say which go together"
            )
        if conditions and not self.supports_conditions:
            raise BadOption(f"{self.name} does not take conditions; leave out --controls and --label")
        self.spec = spec
        self.options: Any = settings if settings is not None else self.Options()
        self.conditions = conditions
        self.engine: Engine = current()

    @classmethod
    def sized(cls, spec: Spec, size: str = "small", settings: Sequence[str] = (), conditions: int = 0) -> Arch:
        """The arch at one of its sizes, with "key=value" settings over it."""
        if size not in cls.SIZES:
            raise UnknownName.of("size", size, cls.SIZES)
        return cls(spec, options.from_settings(cls.Options, settings, cls.SIZES[size]), conditions)

    @classmethod
    def learns_rows_of(cls, shape: tuple[int, ...]) -> bool:
        """Whether it learns rows of this shape, of its kind."""
        return cls.ROW_SHAPE in (None, shape)

    @property
    def reads_bar_positions(self) -> bool:
        """Whether its networks are given the position in the bar beside each row (musictool/music/bar_positions.py)."""
        return False

    @property
    @abstractmethod
    def stages(self) -> list[Stage]:
        """What is trained, in order. A cached property: the networks are built when it is first read."""

    def build(self) -> None:
        """Build all networks, with fresh weights."""
        _ = self.stages

    def held_numbers(self, rows: int) -> int:
        """Numbers that training holds for a window of so many rows, at least; 0 where that is not known."""
        return 0

    def check(self, encoded: Encoded) -> None:  # noqa: B027  # most archs learn any corpus
        """Check a corpus before training. Raises BadCorpus for one that cannot be learnt."""

    def task(self, encoding: Encoding) -> Task | None:
        """What it learns of training windows, if not the windows as they are."""
        return None

    @abstractmethod
    def continuation(
        self, primer: np.ndarray, sampler: Sampler, seed: int, guidance: Guidance = FREE
    ) -> Iterator[np.ndarray]:
        """Rows that follow `primer`, without end.

        Args:
            primer: spec.dtype (B, T, *spec.shape), T >= 1, beginning with the Spec's start row if nothing else.
            sampler: how a row is drawn from what the network predicts.
            seed: fixes every draw: the same seed, primer and weights give the same rows.
            guidance: what may not be drawn, and the conditions.

        Yields:
            spec.dtype (B, n, *spec.shape): the next n rows of each of the B pieces, n as the arch likes.
        """

    @abstractmethod
    def surprisal(self, rows: np.ndarray, guidance: Guidance = FREE) -> np.ndarray:
        """The surprisal of each row of a piece: -log p(row | all rows before it), in nats.

        The first row follows the Spec's start row. Rows further back than a window count as well, as they do when the
        arch continues a piece.

        Args:
            rows: spec.dtype (T, *spec.shape), the piece without the start row.
            guidance: its conditions.

        Returns:
            float64 (T,), nats.

        Raises:
            BadOption: for an arch without a likelihood.
        """

    def surprisal_in_parts(self, rows: np.ndarray, guidance: Guidance = FREE) -> Iterator[np.ndarray]:
        """The same, part after part as they are computed, so that a long piece shows how far it has come."""
        yield self.surprisal(rows, guidance)

    def surprisals(self, pieces: Sequence[np.ndarray], guidances: Sequence[Guidance]) -> list[np.ndarray]:
        """The same for several pieces, each with a guidance of its own; side by side where that is faster."""
        return [self.surprisal(rows, guidance) for rows, guidance in zip(pieces, guidances, strict=True)]

    def to_json(self) -> dict[str, Any]:
        """Name, options, the number of conditions, and the format if it is not the first."""
        values = {"name": self.name, "options": options.to_json(self.options), "conditions": self.conditions}
        return values if self.FORMAT == 1 else {**values, "format": self.FORMAT}


class LatentArch(ABC):
    """An Arch of segments with latents: Z numbers for each instrument of a segment. It can be given a style."""

    @abstractmethod
    def latents(self, rows: np.ndarray) -> np.ndarray:
        """uint8 0/1 (T, S, P, I) -> float32 (T, I, Z): of each segment the likeliest latents (posterior means)."""

    @abstractmethod
    def decode_latents(self, latents: np.ndarray, sampler: Sampler, seed: int) -> np.ndarray:
        """float32 (T, I, Z) -> uint8 0/1 (T, S, P, I): what segments of these latents play.

        Args:
            sampler: its temperature and threshold.
            seed: fixes the draws of a threshold that draws.
        """


class HiddenStatesArch(ABC):
    """An Arch that is in one of some hidden states at each row. `score --json` says in which."""

    @abstractmethod
    def likeliest_states(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,): the likeliest path of states through a piece, spec.dtype (T, *spec.shape)."""


class AccompanimentArch(ABC):
    """An Arch of segments that writes the other instruments to what the piano plays."""

    @abstractmethod
    def accompaniment(
        self, melody: np.ndarray, previous: np.ndarray, sampler: Sampler, seed: int, guidance: Guidance = FREE
    ) -> np.ndarray:
        """All instruments to a melody.

        Args:
            melody: uint8 0/1 (T, S, P), what the piano plays.
            previous: uint8 0/1 (S, P, I), the segment that stands before; silence to start from nothing.
            sampler: its temperature, threshold and noise_sd.

        Returns:
            uint8 0/1 (T, S, P, I), the piano as it was given.
        """


class InfillArch(ABC):
    """An Arch of rows of voices (musictool/encodings/voices.py) that writes any part of a piece in view of all the
    rest, of what comes after it too."""

    @abstractmethod
    def infill(
        self,
        rows: np.ndarray,
        is_free: np.ndarray,
        sampler: Sampler,
        seed: int,
        guidance: Guidance = FREE,
        num: int = 1,
        keeps_rhythm: bool = False,
        sings: np.ndarray | None = None,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """A piece with its free part written anew.

        Args:
            rows: spec.dtype (T, *spec.shape), the piece; what stands where it is free is not looked at, or for its
                rhythm alone.
            is_free: bool (T, V), where a voice is written.
            sampler: its temperature.
            seed: fixes every draw.
            guidance: what may not be drawn, and the bar positions.
            num: how many pieces.
            keeps_rhythm: whether each free note keeps its onset and length, and each free rest stays one.
            sings: bool (T, V), where a voice that is free may not rest; None for nowhere.
            progress: called with how much is done, and of how much.

        Returns:
            spec.dtype (num, T, *spec.shape).
        """

    @abstractmethod
    def infill_rows(self, is_free: np.ndarray) -> int:
        """How many rows of a continuation take about as long as `infill`, of each piece; no network is built."""


class BlanksArch(ABC):
    """An Arch of tokens that has learnt music with blanks (musictool/dataset/blanks.py), and fills them."""

    @property
    @abstractmethod
    def context(self) -> int:
        """How many rows it sees at once, what it writes among them."""

    @abstractmethod
    def answer(self, rows: np.ndarray, choose: Callable[[np.ndarray], int | None]) -> list[int]:
        """What is written behind some rows.

        Args:
            rows: int32 (T,), what is given and who is to play, from START on.
            choose: float32 (V,) logits of the next token -> the token; None to stop.

        Returns:
            the tokens.
        """


def archs_for(kind: Kind) -> list[str]:
    """The names of the archs that learn one kind."""
    from musictool.registry import ARCHS

    return [name for name in ARCHS.names() if ARCHS.get(name).kind == kind]


def archs_with_likelihood(kind: Kind, shape: tuple[int, ...]) -> list[str]:
    """Those of them that learn rows of this shape and have a likelihood."""
    from musictool.registry import ARCHS

    able = {name: ARCHS.get(name) for name in archs_for(kind)}
    return [name for name, arch in able.items() if arch.has_likelihood and arch.learns_rows_of(shape)]


def from_json(values: Mapping[str, Any], spec: Spec) -> Arch:
    """The arch that to_json described, with fresh weights. Raises UnknownName for one that this version lacks, and
    BadModel for one of another format."""
    from musictool.registry import ARCHS

    cls = ARCHS.get(values["name"])
    if (saved := values.get("format", 1)) != cls.FORMAT:
        raise BadModel(f"this {cls.name} has format {saved}, and this musictool reads {cls.FORMAT}; train it again")
    arch: Arch = cls(spec, options.from_json(cls.Options, {**cls.UNNAMED, **values["options"]}), values["conditions"])
    return arch
