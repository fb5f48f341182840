"""A Wasserstein GAN for a band that writes pieces: each two bars in view of the two before, learnt several in a row.

It is the cure for what ails gan, put together of six:

    gradient penalty    the critic's score may not change faster than the music does, so that it always tells the
                        generator where to go: I. Gulrajani et al., "Improved Training of Wasserstein GANs" (2017)
    instruments         a generator for each, with random numbers of its own and some that all share, and of either some
                        that hold for the whole piece: H.-W. Dong et al., "MuseGAN" (2018)
    binary neurons      the critic never sees a cell that half sounds: H.-W. Dong and Y.-H. Yang (2018)
    context             the generator sees the last segment: L.-C. Yang et al., "MidiNet" (2017)
    own answers         the generator goes on from what it has written itself, for as many segments as a window has, and
                        the critic sees all of them in a row: what a network writes when it runs free is to be told
                        from music by no other (A. Lamb et al., "Professor Forcing", 2016). No gradient goes back from
                        a segment into the one before it
    keys                the generator says which pitch classes suit a beat, alike in every key; the critic sees in which
                        key all of it fits best (both in musictool/layers/musegan.py)

`--window 4`, the default, is how many segments the critic sees: eight bars.

Limit: MuseGAN's authors trained for up to a day on a GPU; what this learns in minutes on a CPU, docs/gan.md says. The
generator itself sees two bars. What stays the same through a piece is what its random numbers keep, and no theme comes
back.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from musictool.arch import ParameterGroup
from musictool.archs._adversaries import AdversarialArch, Adversaries
from musictool.archs._segments import SamplingContext, flatten_windows
from musictool.backend.compile import gradient
from musictool.dataset.windows import Batch
from musictool.engine import nn, ops
from musictool.layers.musegan import OCTAVE, BandCritic, BandGenerator
from musictool.options import option

BETA_1 = 0.5  # of Adam: Gulrajani's 0 is for images; either is stable here


class Wgan(AdversarialArch):
    """A generator for each instrument, and a critic of several segments in a row under a gradient penalty."""

    name = "wgan"
    FORMAT: ClassVar[int] = 2
    WINDOW: ClassVar[int] = 4
    BATCH_SIZE: ClassVar[int] = 8
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
        chord_noise: int = option(4, "random numbers of each pitch class, for all instruments", least=1, most=64)
        track_noise: int = option(32, "size of the noise vector of each instrument", least=0, most=4096)
        piece_noise: float = option(0.5, "share of these vectors that holds for a whole piece", least=0, most=1)
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
            steps,
            pitches,
            options.width,
            options.latent,
            options.chord_noise,
            options.track_noise,
            instruments,
            name="generator",
        )
        generator.build((None, *self.spec.shape))
        critic = BandCritic(2 * options.width, name="critic")
        critic.build((None, *self.spec.shape))
        network = Adversaries(generator, critic, generator.noise_size, instruments, name="network")
        network.built = True
        return network

    def groups(self, critic_loss: Any, generator_loss: Any) -> tuple[ParameterGroup, ...]:
        network, steps = self.network, self.options.critic_steps
        return (
            ParameterGroup(network.critic.trainable_variables, critic_loss, updates_per_step=steps, beta_1=BETA_1),
            ParameterGroup(network.generator.trainable_variables, generator_loss, beta_1=BETA_1),
        )

    def on_batch(self, loss: Any, batch: Batch, training: bool) -> tuple[Any, ...]:
        """(B, L) each, the same for all segments of a window; 0 where a window has padding."""
        counts = ops.min(batch.mask, axis=1)  # (B,)
        metrics = loss(ops.cast(batch.x[:, 0], "float32"), ops.cast(batch.y, "float32"), training)
        return tuple(ops.repeat((metric * counts)[:, None], batch.y.shape[1], axis=1) for metric in metrics)

    def critic_loss(self, previous: Any, segments: Any, training: bool) -> tuple[Any, ...]:
        """Of real segments in a row, float32 0/1 (N, L, S, P, I), and those before each row, (N, S, P, I)."""
        critic, rows = self.network.critic, ops.concatenate([previous[:, None], segments], axis=1)
        generated = ops.stop_gradient(self.rows_generated(previous, segments, training))
        wasserstein = critic(rows) - critic(generated)  # (N,), its estimate of the distance

        # the norm of the gradient, somewhere on the line from real rows to fake ones, is to be 1
        shape = (ops.shape(rows)[0], 1, 1, 1, 1)
        share = nn.random.uniform(shape, seed=self.network.seed_generator) if training else 0.5
        between = share * rows + (1 - share) * generated
        gradients = gradient(critic, between)  # (N, 1 + L, S, P, I)
        norm = ops.sqrt(ops.sum(ops.square(gradients), axis=(1, 2, 3, 4)) + 1e-12)
        penalty = self.options.penalty * ops.square(norm - 1)
        return penalty - wasserstein, wasserstein, penalty

    def generator_loss(self, previous: Any, segments: Any, training: bool) -> tuple[Any, ...]:
        return (-self.network.critic(self.rows_generated(previous, segments, training)),)

    def rows_generated(self, previous: Any, segments: Any, training: bool) -> Any:
        """What the generator writes in the place of segments, as the critic sees it.

        Args:
            previous, segments: as of `critic_loss`.

        Returns:
            float32 (N, 1 + L, S, P, I): `previous`, and L segments, each of which follows from the one before.
        """
        noise, rows = self._noise_of_rows(segments, training), [previous]
        for i in range(segments.shape[1]):
            logits = self.network(ops.stop_gradient(rows[-1]), noise[:, i], training=training)
            rows.append(self.neurons(logits, training))
        return ops.stack(rows, axis=1)

    def _noise_of_rows(self, segments: Any, training: bool) -> Any:
        """float32 (N, L, Z), for each of segments (N, L, S, P, I); some numbers are the same for all of a row."""
        noise = self.network.draw_noise(flatten_windows(segments), training)
        noise = ops.reshape(noise, (-1, segments.shape[1], self.network.noise_size))
        return ops.where(self._is_held, noise[:, :1], noise)

    @cached_property
    def _is_held(self) -> np.ndarray:
        """bool (Z,): which of the random numbers are drawn once for a piece. None of those of the chords is."""
        options, instruments = self.options, self.spec.shape[-1]
        sizes = options.latent, options.track_noise
        shared, of_track = (np.arange(size) < round(options.piece_noise * size) for size in sizes)
        return np.concatenate([shared, np.zeros(OCTAVE * options.chord_noise, bool), np.tile(of_track, instruments)])

    def noise(self, previous: np.ndarray, context: SamplingContext, segments: np.ndarray | None = None) -> np.ndarray:
        """Noise, of which a part is the same in every call for the same pieces."""
        noise = super().noise(previous, context)
        of_pieces = np.random.default_rng((context.seed, 1)).standard_normal(noise.shape, dtype=np.float32)
        return np.where(self._is_held, self.noise_sd(context.sampler) * of_pieces, noise)
