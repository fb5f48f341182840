"""What all segment archs share: they write a piece segment by segment, each in view of the one before.

A segment is S steps x P pitches x I instruments, 0 or 1 (musictool/encodings/segments.py). An arch of this kind says
what follows the last segments (`next_segment`), of which it looks at as many as its `memory` holds; the loop, the
thresholds that make 0 and 1 of probabilities, and how these are counted (calibrated) are here.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from musictool.arch import Arch
from musictool.backend.compile import compiled
from musictool.dataset.dataset import Encoded
from musictool.dataset.windows import Batch
from musictool.encoding import Kind, Spec
from musictool.engine import nn, ops
from musictool.engine.current import in_own_engine
from musictool.errors import BadCorpus, KindMismatch
from musictool.music.instruments import INSTRUMENTS
from musictool.music.score import PITCHES
from musictool.sampling.guidance import FREE, Guidance
from musictool.sampling.sampler import BERNOULLI, Sampler
from musictool.sampling.thresholds import UNREACHABLE, DensityCalibration, cell_thresholds

log = logging.getLogger(__name__)

MIN_SEGMENTS = 8  # to learn anything from
CALIBRATION_SEGMENTS = 256  # from which the thresholds are counted, about
POLYPHONY_QUANTILE = 0.99  # of the steps in which an instrument plays have no more keys than are allowed at once
CALIBRATION_ROUNDS, ROLLOUT_SEGMENTS = 2, 3  # how often they are counted again, on how many segments of its own each
BATCH_SEGMENTS = 64  # in one call of a compiled function


@dataclass(frozen=True)
class SamplingContext:
    """How segments are drawn.

    Attributes:
        sampler, guidance: see Arch.continuation.
        rng: for all that is random; it moves on with every segment.
        seed: for what is random and holds for a whole piece.
        style_latents: of an arch with latents, float32 (n, Z) for each instrument: what is mixed in; none: nothing.
    """

    sampler: Sampler
    guidance: Guidance
    rng: np.random.Generator
    seed: int = 0
    style_latents: tuple[np.ndarray, ...] = ()


def default_context(seed: int) -> SamplingContext:
    """That of a user who sets no option."""
    return SamplingContext(Sampler(), FREE, np.random.default_rng(seed), seed)


class SegmentsNetwork(nn.Model):
    """A network of segments, with the thresholds that were counted for it.

    Args:
        instruments: I.
    """

    def __init__(self, instruments: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.num_instruments = instruments
        self.thresholds = self.statistic("thresholds", 0.5)

    def statistic(self, name: str, initial: float) -> Any:
        """A variable (I,) that is counted and not trained."""
        start = nn.initializers.Constant(initial)
        return self.add_weight((self.num_instruments,), start, name=name, trainable=False, autocast=False)


class GeneratingNetwork(SegmentsNetwork):
    """A SegmentsNetwork that knows as well how many keys of an instrument sound at once at the most."""

    def __init__(self, instruments: int, **kwargs: Any):
        super().__init__(instruments, **kwargs)
        self.max_polyphony = self.statistic("max_polyphony", PITCHES)


class SegmentsArch(Arch):
    """An arch that writes segment after segment. A subclass gives its network, `next_segment` and `probabilities`.

    Class attributes:
        SIZE_MULTIPLES: steps and pitches of a segment are whole multiples of these.
        DEFAULT_NOISE_SD: the standard deviation of its noise where --noise-sd is not given.
    """

    kind: ClassVar[Kind] = "segments"
    DEFAULT_ENCODING: ClassVar[str] = "segments"
    WINDOW: ClassVar[int] = 4
    BATCH_SIZE: ClassVar[int] = 16
    LEARNING_RATE: ClassVar[float] = 1e-3
    BFLOAT16_ON_CPU: ClassVar[bool] = False
    USES_PER_WEIGHT: ClassVar[float] = 12.0  # convolutions, and layers that are the same for every beat
    SIZE_MULTIPLES: ClassVar[tuple[int, int]] = (1, 1)
    DEFAULT_NOISE_SD: ClassVar[float] = 1.0

    def __init__(self, spec: Spec, settings: Any = None, conditions: int = 0):
        super().__init__(spec, settings, conditions)
        steps, pitches, instruments = spec.shape
        of_steps, of_pitches = self.SIZE_MULTIPLES
        if not 1 <= instruments <= len(INSTRUMENTS):
            raise KindMismatch(
                f"{self.name} learns 1 to {len(INSTRUMENTS)} instruments, and this encoding has {instruments}"
            )
        if not steps or not pitches or steps % of_steps or pitches % of_pitches:
            raise KindMismatch(
                f"{self.name} needs segments of a multiple of {of_steps} steps and of {of_pitches} pitches, and this "
                f"encoding writes {steps} x {pitches}"
            )

    @property
    def instruments(self) -> tuple[str, ...]:
        """The names of the I instruments."""
        return INSTRUMENTS[: self.spec.shape[-1]]

    @property
    def memory(self) -> int:
        """How many of the last segments it looks at."""
        return 1

    @abstractmethod
    def next_segment(
        self, history: np.ndarray, context: SamplingContext, melody: np.ndarray | None = None
    ) -> np.ndarray:
        """The next segment of each piece.

        Args:
            history: uint8 0/1 (B, T, S, P, I), T >= 1, the segments that were written last; silence at the beginning.
            context: how it is drawn; a cell sounds where its probability is above its threshold.
            melody: uint8 0/1 (B, S, P), what the piano plays in it; None where the arch writes that too.

        Returns:
            uint8 0/1 (B, S, P, I).

        Raises:
            BadOption: for an arch that cannot be given a melody.
        """

    def check(self, encoded: Encoded) -> None:
        pieces = encoded.pieces("train")
        segments = int(np.diff(encoded.offsets)[pieces].sum())
        if segments < MIN_SEGMENTS:
            raise BadCorpus(
                f"the training pieces make {segments} segment{'s' * (segments != 1)} of {self.spec.shape[0]} steps; "
                f"{self.name} needs {MIN_SEGMENTS} to learn anything. Prepare more music"
            )
        is_silent = np.ones(len(self.instruments), bool)
        for piece in pieces:
            is_silent &= ~encoded.piece(piece).any(axis=(0, 1, 2))
            if not is_silent.any():
                return
        names = ", ".join(name for name, silent in zip(self.instruments, is_silent, strict=True) if silent)
        log.warning("no training piece has a note for %s: %s will hardly write one", names, self.name)

    @property
    @abstractmethod
    def network(self) -> GeneratingNetwork:
        """The network that writes, and holds what is counted; built."""

    def noise_sd(self, sampler: Sampler) -> np.float32:
        """The standard deviation of the noise: that of --noise-sd, or the arch's."""
        return np.float32(self.DEFAULT_NOISE_SD if sampler.noise_sd is None else sampler.noise_sd)

    def context(self, sampler: Sampler, guidance: Guidance, seed: int) -> SamplingContext:
        """How the segments of one continuation are drawn."""
        return SamplingContext(sampler, guidance, np.random.default_rng(seed), seed)

    def continuation(
        self, primer: np.ndarray, sampler: Sampler, seed: int, guidance: Guidance = FREE
    ) -> Iterator[np.ndarray]:
        context = self.context(sampler, guidance, seed)
        history = primer
        while True:
            segments = self.next_segment(history, context)[:, None]  # (B, 1, S, P, I)
            history = self.longer(history, segments)
            yield segments

    def longer(self, history: np.ndarray, segments: np.ndarray) -> np.ndarray:
        """The history (B, T, S, P, I) with segments (B, n, S, P, I) behind it, as far as it is looked at."""
        return np.concatenate([history, segments], axis=1)[:, -self.memory :]

    def accompaniment(
        self, melody: np.ndarray, previous: np.ndarray, sampler: Sampler, seed: int, guidance: Guidance = FREE
    ) -> np.ndarray:
        """All instruments to what the piano plays.

        Args:
            melody: uint8 0/1 (T, S, P).
            previous: uint8 0/1 (S, P, I), the segment that stands before; silence to start from nothing.

        Returns:
            uint8 0/1 (T, S, P, I), the piano as it was given.

        Raises:
            BadOption: for an arch that writes all instruments at once.
        """
        context = self.context(sampler, guidance, seed)
        history, written = previous[None, None], []
        for piano in melody:
            segment = self.next_segment(history, context, piano[None])
            history = self.longer(history, segment[:, None])
            written.append(segment[0])
        return np.stack(written)

    def thresholds(self, number: int, context: SamplingContext) -> np.ndarray:
        """float32, broadcast to (number, S, P, I): what the probabilities of a new segment of each piece are compared
        with."""
        banned, rule = context.guidance.banned, context.sampler.threshold
        shape = (number, *self.spec.shape) if rule == BERNOULLI else (1, 1, 1, self.spec.shape[-1])
        thresholds = cell_thresholds(rule, self.calibrated_thresholds(context.guidance), shape, context.rng)
        if banned is None:
            return thresholds
        return np.where(banned.reshape(self.spec.shape), np.float32(UNREACHABLE), thresholds)

    def calibrated_thresholds(self, guidance: Guidance) -> np.ndarray:
        """float32 (I,): the thresholds that were counted, for a continuation under this guidance."""
        return np.asarray(ops.convert_to_numpy(self.network.thresholds))

    def calibrate(self, encoded: Encoded) -> None:
        """Find the thresholds at which the network, as it is now, gives each instrument the notes that it has.

        No step gets more keys than the instrument plays at once in the corpus: what is a little too full would else be
        answered by what is fuller, and so on, and a network that is unsure of a note would play all that it may be.
        """
        self.network.max_polyphony.assign(max_polyphony(encoded))

        # First where every segment follows a real one. Then where it follows what the network itself has written with
        # the thresholds so far: an instrument that is a little too loud would else grow louder with every segment.
        for number in range(1 + CALIBRATION_ROUNDS):
            calibration, context = DensityCalibration(len(self.instruments)), default_context(0)
            for history, segments in segment_pairs(encoded, CALIBRATION_SEGMENTS, self.memory):
                calibration.add(self.probabilities(history, segments), segments)
                for _ in range(ROLLOUT_SEGMENTS if number else 0):
                    written = self.next_segment(history, context)
                    calibration.add(self.probabilities(history, written), segments)
                    history = self.longer(history, written[:, None])
            self.network.thresholds.assign(calibration.thresholds())

    @in_own_engine
    def surprisal(self, rows: np.ndarray, guidance: Guidance = FREE) -> np.ndarray:
        previous = np.concatenate([self.spec.start[None], rows])
        batches = (slice(i, min(i + BATCH_SEGMENTS, len(rows))) for i in range(0, len(rows), BATCH_SEGMENTS))
        nats = [ops.convert_to_numpy(self._nats(previous[batch], rows[batch])) for batch in batches]
        return np.concatenate([*nats, np.zeros(0)]).astype(np.float64)

    @cached_property
    def _nats(self) -> Any:
        """Compiled: segments and those before them, uint8 0/1 (N, S, P, I) -> nats (N,)."""

        def nats(previous: Any, segments: Any) -> Any:
            *_, stage = self.stages
            unused = ops.zeros((1, 1), "float32")  # neither mask nor conditions are looked at
            return stage.loss_and_metrics(Batch(previous[None], segments[None], unused, unused), False)[0][0]

        return compiled(nats)

    @abstractmethod
    def probabilities(self, history: np.ndarray, segments: np.ndarray) -> np.ndarray:
        """How likely the cells of segments are, each instrument's in view of what is written before it.

        Args:
            history: uint8 0/1 (N, T, S, P, I), T >= 1, what stands before the segments.
            segments: uint8 0/1 (N, S, P, I).

        Returns:
            float32 (N, S, P, I) in [0, 1], with the same noise in every call; 0 for keys that are not among the
            likeliest of their step, as many as may sound at once.
        """


def segment_pairs(encoded: Encoded, limit: int, memory: int = 1) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """What stands before segments, and they, uint8 0/1 (N, memory, S, P, I) and (N, S, P, I), N <= BATCH_SEGMENTS:
    about `limit` in all, spread over the validation pieces (over the training pieces, if there are none); silence
    before the first of a piece."""
    rows = np.concatenate([np.arange(*encoded.offsets[piece : piece + 2]) for piece in encoded.held_out()])
    rows = rows[:: max(1, len(rows) // limit)]
    for numbers in np.split(rows, range(BATCH_SEGMENTS, len(rows), BATCH_SEGMENTS)):
        first = encoded.offsets[np.searchsorted(encoded.offsets, numbers, side="right") - 1]  # of the piece of each
        before = numbers[:, None] + np.arange(-memory, 0)  # (N, memory)
        history = encoded.rows(np.maximum(before, 0))
        history[before < first[:, None]] = 0
        yield history, encoded.rows(numbers)


def flatten_windows(segments: Any) -> Any:
    """Windows of segments (B, L, S, P, I), any numbers -> float32 (B x L, S, P, I)."""
    return ops.cast(ops.reshape(segments, (-1, *segments.shape[2:])), "float32")


def unflatten_windows(values: Any, segments: Any) -> Any:
    """Values (B x L,) of windows of segments (B, L, ...) -> (B, L)."""
    shape = ops.shape(segments)
    return ops.reshape(values, (shape[0], shape[1]))


def max_polyphony(encoded: Encoded) -> np.ndarray:
    """float32 (I,): how many keys of each instrument sound at once, but for the fullest of its steps; at least 1."""
    polyphony = [
        segments.sum(axis=2).reshape(-1, segments.shape[-1])
        for _, segments in segment_pairs(encoded, CALIBRATION_SEGMENTS)
    ]
    steps = np.concatenate(polyphony).T  # (I, steps)
    limits = [np.quantile(keys[keys > 0], POLYPHONY_QUANTILE, method="higher") if keys.any() else 1 for keys in steps]
    return np.array(limits, np.float32)
