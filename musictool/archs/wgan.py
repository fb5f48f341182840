"""A Wasserstein GAN for a band that writes pieces: each two bars in view of the two before.

It is the cure for what ails gan, put together of five:

    gradient penalty    the critic's verdict may not change faster than the music does, so that it always tells the
                        generator where to go: I. Gulrajani et al., "Improved Training of Wasserstein GANs" (2017)
    instruments         a generator for each, with random numbers of its own and some that all share: H.-W. Dong et al.,
                        "MuseGAN" (2018)
    binary neurons      the critic never sees a cell that half sounds: H.-W. Dong and Y.-H. Yang (2018)
    what stood before   both players hear the last segment: L.-C. Yang et al., "MidiNet" (2017)
    keys                the generator says which pitch classes suit a beat, alike in every key (layers/harmony.py); the
                        critic sees in which key all of it fits best

Limit: MuseGAN's authors trained for up to a day on a GPU. What this has learnt after some minutes on a CPU is texture:
density, register, rhythm, how long notes are. It keeps to a key less than people do, and its instruments hardly to one
another's chords (docs/gan.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import keras
from keras import ops

from musictool.arch import ParameterGroup
from musictool.archs._adversaries import AdversarialArch, Adversaries
from musictool.backend.compile import slope
from musictool.layers.band_critic import BandCritic
from musictool.layers.band_generator import BandGenerator
from musictool.options import option

MOMENTUM = 0.5  # of Adam: Gulrajani's 0 for images; either is stable here


class Wgan(AdversarialArch):
    """A generator for each instrument, and a critic of four looks under a gradient penalty."""

    name = "wgan"
    LEARNING_RATE: ClassVar[float] = 1e-3
    CRITIC_MEASURES = ("critic_loss", "told_apart", "penalty")
    GENERATOR_MEASURES = ("generator_loss",)
    CURE = "; try more --set turns"

    @dataclass(frozen=True)
    class Options:
        width: int = option(
            8,
            "channels of quarter notes and single pitches; up to four times as many of coarser ones",
            least=1,
            most=512,
        )
        latent: int = option(64, "random numbers that all instruments share", least=1, most=4096)
        private: int = option(32, "random numbers of each instrument", least=0, most=4096)
        turns: int = option(2, "steps of the critic for each of the generator", least=1, most=20)
        penalty: float = option(10.0, "of a slope of the critic that is not 1, times its square", least=0, most=1000)
        neurons: Literal["deterministic", "stochastic", "none"] = option(
            "deterministic", "what the critic sees: cells above 0.5, cells drawn, or probabilities"
        )

    SIZES: ClassVar = {"small": {}, "medium": {"width": 16}, "large": {"width": 32, "latent": 128, "private": 64}}

    @cached_property
    def network(self) -> Adversaries:
        said, instruments = self.options, self.spec.shape[-1]
        generator = BandGenerator(said.width, said.latent, said.private, instruments, name="generator")
        generator.build((None, *self.spec.shape))
        critic = BandCritic(2 * said.width, name="critic")
        critic.build((None, *self.spec.shape))
        network = Adversaries(generator, critic, said.latent + instruments * said.private, name="network")
        network.built = True
        return network

    def groups(self, critic: Any, generator: Any) -> tuple[ParameterGroup, ...]:
        network = self.network
        return (
            ParameterGroup(
                network.critic.trainable_variables, critic, updates_per_step=self.options.turns, beta_1=MOMENTUM
            ),
            ParameterGroup(network.generator.trainable_variables, generator, beta_1=MOMENTUM),
        )

    def criticise(self, before: Any, segments: Any, training: bool) -> tuple[Any, ...]:
        critic = self.network.critic
        made = ops.stop_gradient(self.made(before, segments, training))
        apart = critic(before, segments) - critic(before, made)
        shape = (ops.shape(segments)[0], 1, 1, 1)
        share = keras.random.uniform(shape, seed=self.network.drawing) if training else 0.5
        between = share * segments + (1 - share) * made
        slopes = slope(lambda x: critic(before, x), between)
        steepness = ops.sqrt(ops.sum(ops.square(slopes), axis=(1, 2, 3)) + 1e-12)
        penalty = self.options.penalty * ops.square(steepness - 1)
        return penalty - apart, apart, penalty

    def deceive(self, before: Any, segments: Any, training: bool) -> tuple[Any, ...]:
        return (-self.network.critic(before, self.made(before, segments, training)),)
