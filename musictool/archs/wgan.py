"""A Wasserstein GAN for a band that writes pieces: each two bars in view of the two before.

It is the cure for what ails gan, put together of five:

    gradient penalty    the critic's score may not change faster than the music does, so that it always tells the
                        generator where to go: I. Gulrajani et al., "Improved Training of Wasserstein GANs" (2017)
    instruments         a generator for each, with random numbers of its own and some that all share: H.-W. Dong et al.,
                        "MuseGAN" (2018)
    binary neurons      the critic never sees a cell that half sounds: H.-W. Dong and Y.-H. Yang (2018)
    context             generator and critic see the last segment: L.-C. Yang et al., "MidiNet" (2017)
    keys                the generator says which pitch classes suit a beat, alike in every key; the critic sees in which
                        key all of it fits best (both in musictool/layers/musegan.py)

Limit: MuseGAN's authors trained for up to a day on a GPU. What this has learnt after some minutes on a CPU is texture:
density, register, rhythm, how long notes are. It keeps to a key less than people do, and its instruments hardly to one
another's chords (docs/gan.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

from musictool.arch import ParameterGroup
from musictool.archs._adversaries import AdversarialArch, Adversaries
from musictool.backend.compile import gradient
from musictool.engine import nn, ops
from musictool.layers.musegan import BandCritic, BandGenerator
from musictool.options import option

BETA_1 = 0.5  # of Adam: Gulrajani's 0 is for images; either is stable here


class Wgan(AdversarialArch):
    """A generator for each instrument, and a critic with three views under a gradient penalty."""

    name = "wgan"
    LEARNING_RATE: ClassVar[float] = 1e-3
    SIZE_MULTIPLES: ClassVar[tuple[int, int]] = (4, 4)
    CRITIC_METRICS = ("critic_loss", "wasserstein", "penalty")
    GENERATOR_METRICS = ("generator_loss",)
    COLLAPSE_HINT = "; try more --set critic_steps"

    @dataclass(frozen=True)
    class Options:
        width: int = option(
            8,
            "channels of quarter notes and single pitches; up to four times as many of coarser ones",
            least=1,
            most=512,
        )
        latent: int = option(64, "size of the noise vector that all instruments share", least=1, most=4096)
        track_noise: int = option(32, "size of the noise vector of each instrument", least=0, most=4096)
        critic_steps: int = option(2, "updates of the critic per update of the generator", least=1, most=20)
        penalty: float = option(10.0, "weight of the gradient penalty", least=0, most=1000)
        neurons: Literal["deterministic", "stochastic", "none"] = option(
            "deterministic", "binary neurons: the critic sees cells above 0.5, cells drawn, or probabilities"
        )

    SIZES: ClassVar = {"small": {}, "medium": {"width": 16}, "large": {"width": 32, "latent": 128, "track_noise": 64}}

    @cached_property
    def network(self) -> Adversaries:
        steps, pitches, instruments = self.spec.shape
        options = self.options
        generator = BandGenerator(
            steps, pitches, options.width, options.latent, options.track_noise, instruments, name="generator"
        )
        generator.build((None, *self.spec.shape))
        critic = BandCritic(2 * options.width, name="critic")
        critic.build((None, *self.spec.shape))
        noise_size = options.latent + instruments * options.track_noise
        network = Adversaries(generator, critic, noise_size, instruments, name="network")
        network.built = True
        return network

    def groups(self, critic_loss: Any, generator_loss: Any) -> tuple[ParameterGroup, ...]:
        network, steps = self.network, self.options.critic_steps
        return (
            ParameterGroup(network.critic.trainable_variables, critic_loss, updates_per_step=steps, beta_1=BETA_1),
            ParameterGroup(network.generator.trainable_variables, generator_loss, beta_1=BETA_1),
        )

    def critic_loss(self, previous: Any, segments: Any, training: bool) -> tuple[Any, ...]:
        critic = self.network.critic
        generated = ops.stop_gradient(self.generated(previous, segments, training))
        wasserstein = critic(previous, segments) - critic(previous, generated)  # (N,), its estimate of the distance

        # the norm of the gradient, somewhere on the line from a real segment to a fake one, is to be 1
        shape = (ops.shape(segments)[0], 1, 1, 1)
        share = nn.random.uniform(shape, seed=self.network.seed_generator) if training else 0.5
        between = share * segments + (1 - share) * generated
        gradients = gradient(lambda x: critic(previous, x), between)  # (N, S, P, I)
        norm = ops.sqrt(ops.sum(ops.square(gradients), axis=(1, 2, 3)) + 1e-12)
        penalty = self.options.penalty * ops.square(norm - 1)
        return penalty - wasserstein, wasserstein, penalty

    def generator_loss(self, previous: Any, segments: Any, training: bool) -> tuple[Any, ...]:
        return (-self.network.critic(previous, self.generated(previous, segments, training)),)
