"""DCGAN: two bars for five instruments out of 100 random numbers.

Source: I. Tham and M. Kim, "Generating Music Using Deep Learning" (2021), after A. Radford, L. Metz and S. Chintala,
"Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks" (2015). Theirs collapsed
to few pieces, and they tried three cures, each an option here:

    smoothing   the critic is told 0 to 0.1 and 0.9 to 1 instead of 0 and 1 (Salimans et al., "Improved Techniques for
                Training GANs", 2016), drawn anew for each segment
    matching    the generator is charged, beside, for how far its mean segment, and the mean output of the critic's
                first convolution, lie from those of the corpus: two L2 terms (Salimans 2016; MidiNet, 2017)
    ttur        the critic learns faster than the generator (Heusel et al., "GANs Trained by a Two Time-Scale Update
                Rule Converge to a Local Nash Equilibrium", 2017)

Limit: it hears nothing. Each two bars are made anew, whatever stood before: a primer does not change what follows, and
a long piece is a row of fragments. wgan is the cure for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import keras
import numpy as np
from keras import ops

from musictool.arch import ParameterGroup
from musictool.archs._adversaries import AdversarialArch, Adversaries
from musictool.archs._segments import Drawing
from musictool.layers.fragment_critic import FragmentCritic
from musictool.layers.fragment_generator import FragmentGenerator
from musictool.options import option
from musictool.sampling.sampler import FREE, Guidance, Sampler

LESS_SURE = 0.1  # how far a smoothed label lies from 0 or 1, at most
OF_MEAN, OF_FIRST = 0.1, 1.0  # what the two L2 terms are charged, as in MidiNet's code
FASTER = 4.0  # the critic with ttur
MOMENTUM = 0.5  # of Adam, as in DCGAN
TOGETHER = 16  # segments that are made in one call, of all pieces: none waits for another


class Deaf(keras.layers.Layer):
    """A generator that hears nothing of what stood before."""

    def __init__(self, inner: FragmentGenerator, **kwargs: Any):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, before: Any, noise: Any, training: bool = False) -> Any:
        return self.inner(noise, training=training)


class Gan(AdversarialArch):
    """Six transposed convolutions, and six convolutions that tell them from people."""

    name = "gan"
    LEARNING_RATE: ClassVar[float] = 1e-3
    CRITIC_MEASURES = ("critic_loss", "told_apart")
    GENERATOR_MEASURES = ("generator_loss", "mismatch")
    CURE = "; wgan is made against that"

    @dataclass(frozen=True)
    class Options:
        width: int = option(
            16, "channels of the last convolution but one; those before have up to 8 times", least=1, most=512
        )
        latent: int = option(100, "random numbers that a segment is made of", least=1, most=4096)
        smoothing: bool = option(True, "the critic is told 0..0.1 and 0.9..1 instead of 0 and 1")
        matching: bool = option(True, "the generator is charged for a mean that is not the corpus's")
        ttur: bool = option(True, "the critic learns four times as fast")
        neurons: Literal["none", "stochastic", "deterministic"] = option(
            "none", "what the critic sees: probabilities, cells drawn, or cells above 0.5"
        )

    SIZES: ClassVar = {"small": {}, "medium": {"width": 32}, "large": {"width": 64}}

    @cached_property
    def network(self) -> Adversaries:
        said = self.options
        generator = FragmentGenerator(said.width, self.spec.shape[-1], name="inner")
        generator.build((None, said.latent))
        critic = FragmentCritic(said.width, name="critic")
        critic.build((None, *self.spec.shape))
        deaf = Deaf(generator, name="generator")
        deaf.built = True
        network = Adversaries(deaf, critic, said.latent, name="network")
        network.built = True
        return network

    def groups(self, critic: Any, generator: Any) -> tuple[ParameterGroup, ...]:
        network = self.network
        rate = FASTER if self.options.ttur else 1.0
        return (
            ParameterGroup(network.critic.trainable_variables, critic, rate, beta_1=MOMENTUM),
            ParameterGroup(network.generator.trainable_variables, generator, beta_1=MOMENTUM),
        )

    def continuation(
        self, primer: np.ndarray, sampler: Sampler, seed: int, guidance: Guidance = FREE
    ) -> Iterator[np.ndarray]:
        drawing, pieces = Drawing(sampler, guidance, np.random.default_rng(seed)), len(primer)
        length = max(1, TOGETHER // pieces)
        nothing = np.zeros((length * pieces, *self.spec.shape), self.spec.dtype)
        while True:
            yield self.follow(nothing, drawing).reshape(length, pieces, *self.spec.shape).swapaxes(0, 1)

    def criticise(self, before: Any, segments: Any, training: bool) -> tuple[Any, ...]:
        made = ops.stop_gradient(self.made(before, segments, training))
        people, _ = self.network.critic(segments, training=training)
        machine, _ = self.network.critic(made, training=training)
        loss = ops.softplus(-people) + ops.softplus(machine)
        if self.options.smoothing and training:  # -ln p is charged as often as the label says, and -ln (1 - p) else
            unsure = keras.random.uniform((2, *ops.shape(people)), 0, LESS_SURE, seed=self.network.drawing)
            loss = loss + unsure[0] * people - unsure[1] * machine
        right = ops.cast(people > 0, "float32") + ops.cast(machine < 0, "float32")
        return loss, right / 2

    def deceive(self, before: Any, segments: Any, training: bool) -> tuple[Any, ...]:
        made = self.made(before, segments, training)
        machine, first = self.network.critic(made, training=training)
        _, of_people = self.network.critic(segments, training=training)
        apart = OF_MEAN * _apart(made, segments) + OF_FIRST * _apart(first, of_people)
        loss = ops.softplus(-machine)
        return (loss + apart if self.options.matching else loss), apart + ops.zeros_like(loss)


def _apart(ours: Any, theirs: Any) -> Any:
    """float32 (): the squared distance of two means, (N, ...) each."""
    return ops.sum(ops.square(ops.mean(ours, axis=0) - ops.mean(theirs, axis=0)))
