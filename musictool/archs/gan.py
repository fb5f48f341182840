"""DCGAN: two bars for five instruments out of 100 random numbers.

Source: I. Tham and M. Kim, "Generating Music Using Deep Learning" (2021), after A. Radford, L. Metz and S. Chintala,
"Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks" (2015). Theirs collapsed
to few pieces, and they tried three cures, each an option here:

    smoothing   the critic's labels are 0 to 0.1 and 0.9 to 1 instead of 0 and 1 (Salimans et al., "Improved Techniques
                for Training GANs", 2016), drawn anew for each segment
    matching    the generator's loss has two more L2 terms: how far its mean segment, and the mean output of the
                critic's first convolution, lie from those of the corpus (Salimans 2016; MidiNet, 2017)
    ttur        the critic learns faster than the generator (Heusel et al., "GANs Trained by a Two Time-Scale Update
                Rule Converge to a Local Nash Equilibrium", 2017)

Limit: it is unconditional. Each two bars are made anew, whatever stood before: a primer does not change what follows,
and a long piece is a row of fragments. wgan is the cure for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from musictool.arch import ParameterGroup
from musictool.archs._adversaries import AdversarialArch, Adversaries
from musictool.engine import nn, ops
from musictool.layers.dcgan import FragmentCritic, FragmentGenerator
from musictool.options import option
from musictool.sampling.guidance import FREE, Guidance
from musictool.sampling.sampler import Sampler

LABEL_SMOOTHING = 0.1  # how far a smoothed label lies from 0 or 1, at most
MEAN_WEIGHT, FEATURE_WEIGHT = 0.1, 1.0  # of the two L2 terms, as in MidiNet's code
TTUR_SCALE = 4.0  # the critic's learning rate with ttur, relative to the generator's
BETA_1 = 0.5  # of Adam, as in DCGAN
BATCH_SEGMENTS = 16  # made in one call, of all pieces: none waits for another


class Unconditional(nn.Layer):
    """A generator that does not look at what stood before."""

    def __init__(self, inner: FragmentGenerator, **kwargs: Any):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, previous: Any, noise: Any, training: bool = False) -> Any:
        return self.inner(noise, training=training)


class Gan(AdversarialArch):
    """Six transposed convolutions, and six convolutions that tell their segments from real ones."""

    name = "gan"
    LEARNING_RATE: ClassVar[float] = 1e-3
    SIZE_MULTIPLES: ClassVar[tuple[int, int]] = (4, 4)
    CRITIC_METRICS = ("critic_loss", "critic_accuracy")
    GENERATOR_METRICS = ("generator_loss", "mismatch")
    COLLAPSE_HINT = "; wgan is made against that"

    @dataclass(frozen=True)
    class Options:
        width: int = option(
            16, "channels of the last convolution but one; those before have up to 8 times", least=1, most=512
        )
        latent: int = option(100, "size of the noise vector", least=1, most=4096)
        smoothing: bool = option(True, "label smoothing for the critic: 0..0.1 and 0.9..1 instead of 0 and 1")
        matching: bool = option(True, "feature matching: the generator's means are to be those of the corpus")
        ttur: bool = option(True, "two time scales: the critic's learning rate is four times the generator's")
        neurons: Literal["none", "stochastic", "deterministic"] = option(
            "none", "binary neurons: the critic sees probabilities, cells drawn, or cells above 0.5"
        )

    SIZES: ClassVar = {"small": {}, "medium": {"width": 32}, "large": {"width": 64}}

    @cached_property
    def network(self) -> Adversaries:
        steps, pitches, instruments = self.spec.shape
        options = self.options
        inner = FragmentGenerator(steps, pitches, options.width, instruments, name="inner")
        inner.build((None, options.latent))
        critic = FragmentCritic(steps, pitches, options.width, name="critic")
        critic.build((None, *self.spec.shape))
        generator = Unconditional(inner, name="generator")
        generator.built = True
        network = Adversaries(generator, critic, options.latent, instruments, name="network")
        network.built = True
        return network

    def groups(self, critic_loss: Any, generator_loss: Any) -> tuple[ParameterGroup, ...]:
        network = self.network
        scale = TTUR_SCALE if self.options.ttur else 1.0
        return (
            ParameterGroup(network.critic.trainable_variables, critic_loss, scale, beta_1=BETA_1),
            ParameterGroup(network.generator.trainable_variables, generator_loss, beta_1=BETA_1),
        )

    def continuation(
        self, primer: np.ndarray, sampler: Sampler, seed: int, guidance: Guidance = FREE
    ) -> Iterator[np.ndarray]:
        context, pieces = self.context(sampler, guidance, seed), len(primer)
        length = max(1, BATCH_SEGMENTS // pieces)
        silence = np.zeros((length * pieces, *self.spec.shape), self.spec.dtype)
        while True:
            segments = self.next_segment(silence, context)  # (length x B, S, P, I)
            yield segments.reshape(length, pieces, *self.spec.shape).swapaxes(0, 1)

    def critic_loss(self, previous: Any, segments: Any, training: bool) -> tuple[Any, ...]:
        generated = ops.stop_gradient(self.generated(previous, segments, training))
        real, _ = self.network.critic(segments, training=training)  # logits (N,)
        fake, _ = self.network.critic(generated, training=training)

        # binary cross-entropy, -ln p of real segments and -ln (1 - p) of fake ones
        loss = ops.softplus(-real) + ops.softplus(fake)
        if self.options.smoothing and training:  # ... and either term counts as often as the label says
            smoothing = nn.random.uniform((2, *ops.shape(real)), 0, LABEL_SMOOTHING, seed=self.network.seed_generator)
            loss = loss + smoothing[0] * real - smoothing[1] * fake

        accuracy = (ops.cast(real > 0, "float32") + ops.cast(fake < 0, "float32")) / 2
        return loss, accuracy

    def generator_loss(self, previous: Any, segments: Any, training: bool) -> tuple[Any, ...]:
        generated = self.generated(previous, segments, training)
        fake, fake_features = self.network.critic(generated, training=training)
        _, real_features = self.network.critic(segments, training=training)
        mismatch = MEAN_WEIGHT * _mean_distance(generated, segments)
        mismatch = mismatch + FEATURE_WEIGHT * _mean_distance(fake_features, real_features)
        loss = ops.softplus(-fake)
        return (loss + mismatch if self.options.matching else loss), mismatch + ops.zeros_like(loss)


def _mean_distance(a: Any, b: Any) -> Any:
    """float32 (): the squared distance of two means, over N of (N, ...) each."""
    return ops.sum(ops.square(ops.mean(a, axis=0) - ops.mean(b, axis=0)))
