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
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from musictool.archs._adversaries import Adversaries
from musictool.archs._feature_matching import MatchingArch, MatchingOptions
from musictool.engine import nn
from musictool.layers.dcgan import FragmentCritic, FragmentGenerator
from musictool.sampling.guidance import FREE, Guidance
from musictool.sampling.sampler import Sampler

BATCH_SEGMENTS = 16  # made in one call, of all pieces: none waits for another


class Unconditional(nn.Layer):
    """A generator that does not look at what stood before."""

    def __init__(self, inner: FragmentGenerator, **kwargs: Any):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, previous: Any, noise: Any, training: bool = False) -> Any:
        return self.inner(noise, training=training)


class Gan(MatchingArch):
    """Six transposed convolutions, and six convolutions that tell their segments from real ones."""

    name = "gan"
    Options = MatchingOptions
    COLLAPSE_HINT = "; wgan is made against that"

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

    def critic_outputs(self, segments: Any, real: Any, training: bool) -> tuple[Any, Any]:
        logits, features = self.network.critic(segments, training=training)
        return logits, features

    def continuation(
        self, primer: np.ndarray, sampler: Sampler, seed: int, guidance: Guidance = FREE
    ) -> Iterator[np.ndarray]:
        context, pieces = self.context(sampler, guidance, seed), len(primer)
        length = max(1, BATCH_SEGMENTS // pieces)
        silence = np.zeros((length * pieces, *self.spec.shape), self.spec.dtype)
        while True:
            segments = self.next_segment(silence[:, None], context)  # (length x B, S, P, I)
            yield segments.reshape(length, pieces, *self.spec.shape).swapaxes(0, 1)
