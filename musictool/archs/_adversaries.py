"""What gan and wgan share: a generator that makes segments of noise, and a critic that it learns from.

Neither says how likely a piece is, so nothing of them is measured in nats. What an epoch is worth is counted on what
the generator writes (musictool/metrics/sample_distance.py).
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from functools import cached_property
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from musictool.arch import ParameterGroup, Stage
from musictool.archs._chords import likeliest, sounding
from musictool.archs._segments import Drawing, SegmentsArch, WritingNetwork, flat, in_windows, plain_drawing
from musictool.backend.compile import compiled
from musictool.dataset.dataset import Encoded
from musictool.dataset.windows import Batch
from musictool.errors import BadOption
from musictool.layers.binary_neurons import struck
from musictool.metrics.sample_distance import ASSESSED, has_collapsed, likeness
from musictool.sampling.sampler import FREE, Guidance, Sampler

log = logging.getLogger(__name__)


class Salted(keras.random.SeedGenerator):
    """Random numbers that depend on the batch too: several devices share the state, and shall not draw the same."""

    salt: Any = 0

    def next(self, ordered: bool = True) -> Any:
        return super().next(ordered) + ops.cast(self.salt, self.state.dtype)


class Adversaries(WritingNetwork):
    """The two networks as one.

    Args:
        generator: before (N, S, P, I), noise (N, Z) -> float32 (N, S, P, I), log-odds of each cell.
        critic: what judges segments; see the arch.
        noise: Z.
    """

    def __init__(self, generator: keras.layers.Layer, critic: keras.layers.Layer, noise: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.generator = generator
        self.critic = critic
        self.noise = noise
        self.drawing = Salted(0)

    def call(self, before: Any, noise: Any, training: bool = False) -> Any:
        return self.generator(before, noise, training=training)

    def drawn(self, segments: Any, training: bool) -> Any:
        """float32 (N, Z), for a segment each; outside training always the same."""
        shape = (ops.shape(segments)[0], self.noise)
        if not training:
            return keras.random.normal(shape, seed=1)
        self.drawing.salt = salt(segments)
        return keras.random.normal(shape, seed=self.drawing)


def salt(segments: Any) -> Any:
    """int32 (): hardly ever the same for two batches of 0/1 (N, S, P, I)."""
    places = np.arange(np.prod(segments.shape[1:])).reshape(segments.shape[1:]) % 1021 + 1
    return ops.sum(ops.cast(segments, "int32") * ops.convert_to_tensor(places.astype(np.int32)))


class AdversarialArch(SegmentsArch):
    """An arch of two players. A subclass gives its network and what either wants."""

    has_likelihood = False
    WINDOW: ClassVar[int] = 1
    BATCH_SIZE: ClassVar[int] = 32
    CLIP_NORM: ClassVar[float] = 0.0
    CRITIC_MEASURES: ClassVar[tuple[str, ...]]
    GENERATOR_MEASURES: ClassVar[tuple[str, ...]]
    CURE: ClassVar[str] = ""  # what a warning of collapse ends with

    @property
    @abstractmethod
    def network(self) -> Adversaries:
        """Both networks, built."""

    @abstractmethod
    def criticise(self, before: Any, segments: Any, training: bool) -> tuple[Any, ...]:
        """What the critic wants: a float (N,) for each of CRITIC_MEASURES, the first to be made small.

        Args:
            before, segments: float32 0/1 (N, S, P, I), what people wrote, and what stood before it.
        """

    @abstractmethod
    def deceive(self, before: Any, segments: Any, training: bool) -> tuple[Any, ...]:
        """What the generator wants, in the same way, for GENERATOR_MEASURES."""

    @abstractmethod
    def groups(self, critic: Any, generator: Any) -> tuple[ParameterGroup, ...]:
        """The two, given the judge of each."""

    @cached_property
    def stages(self) -> list[Stage]:
        return [
            Stage(
                "network",
                self.network,
                self._loss_of(self.criticise),
                (*self.CRITIC_MEASURES, *self.GENERATOR_MEASURES),
                groups=self.groups(self._loss_of(self.criticise), self._loss_of(self.deceive)),
                evaluate=self._assess,
                eval_metrics=ASSESSED,
            )
        ]

    def made(self, before: Any, segments: Any, training: bool) -> Any:
        """float32 (N, S, P, I): a segment behind each of `before`, as the critic sees it."""
        noise = self.network.drawn(segments, training)
        probabilities = ops.sigmoid(self.network(before, noise, training=training))
        if self.options.neurons == "none":
            return probabilities
        if self.options.neurons == "stochastic" and training:
            return struck(probabilities, keras.random.uniform(ops.shape(probabilities), seed=self.network.drawing))
        return struck(probabilities, 0.5)

    def _loss_of(self, wanted: Any) -> Any:
        def loss_and_metrics(batch: Batch, training: bool) -> tuple[Any, ...]:
            measures = wanted(flat(batch.x), flat(batch.y), training)
            return tuple(in_windows(measure, batch.y) for measure in measures)

        return loss_and_metrics

    def _assess(self, encoded: Encoded, seed: int) -> dict[str, float]:
        self.calibrate_thresholds(encoded)
        drawing = plain_drawing(seed)
        found = likeness(lambda before: self.follow(before, drawing), encoded)
        if has_collapsed(found):
            log.warning(
                "%s has collapsed: of 100 samples %.0f%% are nearly the same as another (of the corpus %.0f%%), and "
                "they lie %.2f apart (%.2f)%s",
                self.name,
                100 * found["near_duplicates"],
                100 * found["corpus_near_duplicates"],
                found["variety"],
                found["corpus_variety"],
                self.CURE,
            )
        return found

    def follow(self, before: np.ndarray, drawing: Drawing, melody: np.ndarray | None = None) -> np.ndarray:
        if melody is not None:
            raise BadOption(f"{self.name} writes all instruments at once and cannot be given a melody")
        cut = self.cut(len(before), drawing)
        segments = self._write(before, self._noise(len(before), drawing.rng, drawing.sampler), cut)
        return np.asarray(ops.convert_to_numpy(segments))

    def probabilities(self, before: np.ndarray, segments: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng([int(before.sum()), int(segments.sum())])  # the same in every call, but not for all
        return np.asarray(ops.convert_to_numpy(self._say(before, self._noise(len(before), rng, Sampler()))))

    def surprisal(self, rows: np.ndarray, guidance: Guidance = FREE) -> np.ndarray:
        raise BadOption(
            f"{self.name} writes music and cannot say how likely a piece is; `musictool evaluate` says what its "
            "samples are like, and models of another arch have a likelihood"
        )

    def _noise(self, number: int, rng: np.random.Generator, sampler: Sampler) -> np.ndarray:
        """float32 (number, Z): the temperature is its standard deviation."""
        spread = sampler.temperature if sampler.noise_sd is None else sampler.noise_sd
        return np.float32(spread) * rng.standard_normal((number, self.network.noise), dtype=np.float32)

    @cached_property
    def _say(self) -> Any:
        """Compiled: before uint8 0/1 (N, S, P, I), noise (N, Z) -> probabilities (N, S, P, I)."""
        return compiled(lambda before, noise: ops.sigmoid(likeliest(self._logits(before, noise), self.network.most)))

    @cached_property
    def _write(self) -> Any:
        """Compiled: the same, and a cut that can be broadcast to them -> 0/1 (N, S, P, I)."""

        def write(before: Any, noise: Any, cut: Any) -> Any:
            kept = sounding(self._logits(before, noise), 1.0, cut, self.network.most)
            return ops.cast(kept, self.spec.dtype.name)

        return compiled(write)

    def _logits(self, before: Any, noise: Any) -> Any:
        return self.network(ops.cast(before, "float32"), noise)
