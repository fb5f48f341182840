"""Convolutional networks for a band: the piano's next two bars from its last two, and the others to the piano.

Source: I. Tham and M. Kim, "Generating Music Using Deep Learning" (2021): MelodyCNN and four Conditional HarmonyCNNs,
iterated from a starting segment. There the networks answer alike whatever they start from, since the best single answer
to "what comes next?" is the average of all that might. `latent=0` is as theirs. By default each network has a latent:
in training it comes from an encoder of what did come next, in generation it is drawn at random: one answer of many, as
in a conditional VAE (Sohn, Lee and Yan 2015). `skip_previous` lets a network repeat what stood before, and
`input_dropout` makes it used to its own mistakes. Limit: a piece is written two bars at a time, and nothing remembers
more than the two bars before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from musictool.archs._melody_harmony import MelodyHarmonyArch, network_inputs
from musictool.archs._segments import GeneratingNetwork, SamplingContext
from musictool.engine import ops
from musictool.layers.conditional_segment import DEPTH, STRIDE, NextSegment
from musictool.music.instruments import INSTRUMENTS, PIANO
from musictool.options import option


class BandNetwork(GeneratingNetwork):
    """A NextSegment for each instrument of segments of a shape (S, P, I); see there for the other arguments."""

    def __init__(
        self,
        shape: tuple[int, ...],
        width: int,
        hidden: int,
        latent: int,
        skip_previous: bool,
        input_dropout: float,
        **kwargs: Any,
    ):
        steps, pitches, instruments = shape
        super().__init__(instruments, **kwargs)
        self.instruments = [
            NextSegment(
                steps,
                pitches,
                width,
                hidden,
                latent,
                inputs=1 if i == PIANO else 2,
                skip_previous=skip_previous,
                input_dropout=input_dropout,
                name=name,
            )
            for i, name in enumerate(INSTRUMENTS[:instruments])
        ]

    def build(self, shape: Any) -> None:
        for network in self.instruments:
            network.build(shape[:-1])

    def call(self, previous: Any, segments: Any, training: bool = False) -> Any:
        """0/1 (N, S, P, I) twice -> nats (N, I): of each instrument's segment, after its last and with the piano's."""
        nats = [
            network.nll(network_inputs(i, segments[..., PIANO], previous[..., i]), segments[..., i], training)
            for i, network in enumerate(self.instruments)
        ]
        return ops.stack(nats, axis=-1)


class MelodyCnn(MelodyHarmonyArch):
    """For each instrument 3 convolutions of each input segment, 3 dense layers, 3 transposed convolutions."""

    name = "melody-cnn"
    SIZE_MULTIPLES: ClassVar[tuple[int, int]] = (STRIDE**DEPTH, STRIDE**DEPTH)

    @dataclass(frozen=True)
    class Options:
        width: int = option(
            12, "channels of the first convolution; the next have twice and four times", least=1, most=512
        )
        hidden: int = option(256, "hidden units per dense layer", least=1, most=8192)
        latent: int = option(
            32, "size of the latent that chooses among answers; 0: none, as in the original", least=0, most=1024
        )
        skip_previous: bool = option(True, "a skip connection from each step of the segment before")
        input_dropout: float = option(0.1, "dropout rate of the input cells", least=0, most=0.95)

    SIZES: ClassVar = {
        "small": {},
        "medium": {"width": 24, "hidden": 512, "latent": 64},
        "large": {"width": 48, "hidden": 1024, "latent": 128},
    }

    @cached_property
    def network(self) -> BandNetwork:
        """The five networks as one, built."""
        options = self.options
        network = BandNetwork(
            self.spec.shape,
            options.width,
            options.hidden,
            options.latent,
            options.skip_previous,
            options.input_dropout,
            name="network",
        )
        network.build((None, *self.spec.shape))
        return network

    def instrument_logits(self, instrument: int, piano: Any, previous: Any, latents: Any) -> Any:
        inputs = network_inputs(instrument, piano, previous)
        return self.network.instruments[instrument](inputs, latents[:, instrument])

    def latent_inputs(self, number: int, context: SamplingContext) -> np.ndarray:
        """float32 (number, I, Z)."""
        shape = (number, len(self.instruments), self.options.latent)
        return self.noise_sd(context.sampler) * context.rng.standard_normal(shape, dtype=np.float32)
