"""What gan and wgan share: a generator that makes segments of noise, and a critic that it learns from.

Neither says how likely a piece is, so nothing of them is measured in nats. What an epoch is worth is counted on what
the generator writes (musictool/metrics/sample_distance.py). All their randomness is that of the noise: there is no
temperature, and `noise_sd` takes its place.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from functools import cached_property, partial
from typing import Any, ClassVar

import numpy as np

from musictool.arch import ParameterGroup, Stage
from musictool.archs._polyphony import binarise, top_k_per_step
from musictool.archs._segments import (
    GeneratingNetwork,
    SamplingContext,
    SegmentsArch,
    default_context,
    flatten_windows,
    unflatten_windows,
)
from musictool.backend.compile import compiled
from musictool.dataset.dataset import Encoded
from musictool.dataset.windows import Batch
from musictool.engine import nn, ops
from musictool.engine.current import in_own_engine
from musictool.errors import BadOption
from musictool.layers.dcgan import straight_through
from musictool.metrics.sample_distance import EVAL_METRICS, has_collapsed, sample_distance
from musictool.sampling.guidance import FREE, Guidance
from musictool.sampling.sampler import Sampler

log = logging.getLogger(__name__)


class BatchSeedGenerator(nn.SeedGenerator):
    """Seeds that depend on the batch too: several devices share the state, and must not draw the same."""

    batch_seed: Any = 0

    def next(self, ordered: bool = True) -> Any:
        return super().next(ordered) + ops.cast(self.batch_seed, self.state.dtype)


class Adversaries(GeneratingNetwork):
    """The two networks as one.

    Args:
        generator: previous (N, S, P, I), noise (N, Z) -> float32 (N, S, P, I), the logit of each cell.
        critic: what judges segments; see the arch.
        noise_size: Z.
        instruments: I.
    """

    def __init__(
        self,
        generator: nn.Layer,
        critic: nn.Layer,
        noise_size: int,
        instruments: int,
        **kwargs: Any,
    ):
        super().__init__(instruments, **kwargs)
        self.generator = generator
        self.critic = critic
        self.noise_size = noise_size
        self.seed_generator = BatchSeedGenerator(0)

    def call(self, previous: Any, noise: Any, training: bool = False) -> Any:
        return self.generator(previous, noise, training=training)

    def draw_noise(self, segments: Any, training: bool) -> Any:
        """float32 (N, Z), for a segment each; outside training always the same."""
        shape = (ops.shape(segments)[0], self.noise_size)
        if not training:
            return nn.random.normal(shape, seed=1)
        self.seed_generator.batch_seed = batch_seed(segments)
        return nn.random.normal(shape, seed=self.seed_generator)


def batch_seed(segments: Any) -> Any:
    """int32 (): hardly ever the same for two batches of 0/1 (N, S, P, I)."""
    weights = np.arange(np.prod(segments.shape[1:])).reshape(segments.shape[1:]) % 1021 + 1
    return ops.sum(ops.cast(segments, "int32") * ops.convert_to_tensor(weights.astype(np.int32)))


class AdversarialArch(SegmentsArch):
    """An arch of a generator and a critic. A subclass gives its network and the loss of either.

    Class attributes:
        CRITIC_METRICS, GENERATOR_METRICS: names of what `critic_loss` and `generator_loss` return.
        COLLAPSE_HINT: what a warning of collapse ends with.
    """

    has_likelihood = False
    has_temperature = False
    WINDOW: ClassVar[int] = 1
    BATCH_SIZE: ClassVar[int] = 32
    CLIP_NORM: ClassVar[float] = 0.0
    CRITIC_METRICS: ClassVar[tuple[str, ...]]
    GENERATOR_METRICS: ClassVar[tuple[str, ...]]
    COLLAPSE_HINT: ClassVar[str] = ""

    @property
    @abstractmethod
    def network(self) -> Adversaries:
        """Both networks, built."""

    @abstractmethod
    def critic_loss(self, previous: Any, segments: Any, training: bool) -> tuple[Any, ...]:
        """What the critic learns from: a float (N,) for each of CRITIC_METRICS, the first to be minimised.

        Args:
            previous, segments: float32 0/1 (N, S, P, I), real segments, and those that stood before them, as `on_batch`
                gives them.
        """

    @abstractmethod
    def generator_loss(self, previous: Any, segments: Any, training: bool) -> tuple[Any, ...]:
        """What the generator learns from, in the same way, for GENERATOR_METRICS."""

    @abstractmethod
    def groups(self, critic_loss: Any, generator_loss: Any) -> tuple[ParameterGroup, ...]:
        """The weights of the two, given the loss of each on a Batch."""

    @cached_property
    def stages(self) -> list[Stage]:
        critic_loss, generator_loss = (partial(self.on_batch, loss) for loss in (self.critic_loss, self.generator_loss))
        return [
            Stage(
                "network",
                self.network,
                critic_loss,
                (*self.CRITIC_METRICS, *self.GENERATOR_METRICS),
                groups=self.groups(critic_loss, generator_loss),
                evaluate=self._evaluate,
                eval_metrics=EVAL_METRICS,
            )
        ]

    def generated(self, previous: Any, segments: Any, training: bool) -> Any:
        """float32 (N, S, P, I): a segment after each of `previous`, as the critic sees it."""
        noise = self.network.draw_noise(segments, training)
        return self.neurons(self.network(previous, noise, training=training), training)

    def neurons(self, logits: Any, training: bool) -> Any:
        """Logits, float32 (N, S, P, I) -> the cells that the critic sees, the same shape."""
        probabilities = ops.sigmoid(logits)
        if self.options.neurons == "none":
            return probabilities
        if self.options.neurons == "stochastic" and training:
            uniform = nn.random.uniform(ops.shape(probabilities), seed=self.network.seed_generator)
            return straight_through(probabilities, uniform)
        return straight_through(probabilities, 0.5)

    def on_batch(self, loss: Any, batch: Batch, training: bool) -> tuple[Any, ...]:
        """(B, L) each: what `critic_loss` or `generator_loss` says of a batch."""
        metrics = loss(flatten_windows(batch.x), flatten_windows(batch.y), training)
        return tuple(unflatten_windows(metric, batch.y) for metric in metrics)

    def _evaluate(self, encoded: Encoded, seed: int) -> dict[str, float]:
        self.calibrate(encoded)
        context = default_context(seed)
        metrics = sample_distance(lambda previous: self.next_segment(previous[:, None], context), encoded)
        if has_collapsed(metrics):
            log.warning(
                "%s has collapsed: of 100 samples %.0f%% are nearly the same as another (of the corpus %.0f%%), and "
                "they lie %.2f apart (%.2f)%s",
                self.name,
                100 * metrics["near_duplicates"],
                100 * metrics["corpus_near_duplicates"],
                metrics["variety"],
                metrics["corpus_variety"],
                self.COLLAPSE_HINT,
            )
        return metrics

    @in_own_engine
    def next_segment(
        self, history: np.ndarray, context: SamplingContext, melody: np.ndarray | None = None
    ) -> np.ndarray:
        if melody is not None:
            raise BadOption(f"{self.name} writes all instruments at once and cannot be given a melody")
        previous = history[:, -1]
        thresholds = self.thresholds(len(previous), context)
        segments = self._write(previous, self.noise(previous, context), thresholds)
        return np.asarray(ops.convert_to_numpy(segments))

    @in_own_engine
    def probabilities(self, history: np.ndarray, segments: np.ndarray) -> np.ndarray:
        previous = history[:, -1]
        rng = np.random.default_rng([int(previous.sum()), int(segments.sum())])  # the same in every call of the same
        context = SamplingContext(Sampler(), FREE, rng)
        return np.asarray(ops.convert_to_numpy(self._predict(previous, self.noise(previous, context, segments))))

    def surprisal(self, rows: np.ndarray, guidance: Guidance = FREE) -> np.ndarray:
        raise BadOption(
            f"{self.name} writes music and cannot say how likely a piece is; `musictool evaluate` says what its "
            "samples are like, and models of another arch have a likelihood"
        )

    def noise(self, previous: np.ndarray, context: SamplingContext, segments: np.ndarray | None = None) -> np.ndarray:
        """What new segments are made of, float32 (N, Z).

        Args:
            previous: uint8 0/1 (N, S, P, I), the segments before them.
            segments: those that are to be made, where they are known.
        """
        shape = (len(previous), self.network.noise_size)
        return self.noise_sd(context.sampler) * context.rng.standard_normal(shape, dtype=np.float32)

    @cached_property
    def _predict(self) -> Any:
        """Compiled: previous uint8 0/1 (N, S, P, I), noise (N, Z) -> probabilities (N, S, P, I)."""

        def predict(previous: Any, noise: Any) -> Any:
            return ops.sigmoid(top_k_per_step(self._logits(previous, noise), self.network.max_polyphony))

        return compiled(predict)

    @cached_property
    def _write(self) -> Any:
        """Compiled: the same, and thresholds broadcast to them -> 0/1 (N, S, P, I)."""

        def write(previous: Any, noise: Any, thresholds: Any) -> Any:
            cells = binarise(self._logits(previous, noise), 1.0, thresholds, self.network.max_polyphony)
            return ops.cast(cells, self.spec.dtype.name)

        return compiled(write)

    def _logits(self, previous: Any, noise: Any) -> Any:
        return self.network(ops.cast(previous, "float32"), noise)
