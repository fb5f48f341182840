"""Convolutional networks for a band: the piano's next two bars from its last two, and the others to the piano.

Source: I. Tham and M. Kim, "Generating Music Using Deep Learning" (2021): MelodyCNN and four Conditional HarmonyCNNs,
iterated from a starting segment. There the networks answer alike whatever they start from, since the best single answer
to "what comes next?" is the average of all that might. `latent=0` is as theirs. By default each network is told a few
more numbers, in training about what did come next, in writing drawn at random: one answer of many, as in a conditional
VAE (Sohn, Lee and Yan 2015). `skip` lets a network say "as before", and `forget` makes it used to its own mistakes.
Limit: a piece is written two bars at a time, and nothing remembers more than the two bars before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from keras import ops

from musictool.arch import Stage
from musictool.archs._melody_harmony import MelodyHarmonyArch
from musictool.archs._segments import Drawing, WritingNetwork, flat, in_windows
from musictool.dataset.windows import Batch
from musictool.layers.next_segment import NextSegment
from musictool.music.instruments import INSTRUMENTS, PIANO
from musictool.options import option


class FiveNetworks(WritingNetwork):
    """A network for each instrument."""

    def __init__(self, width: int, hidden: int, latent: int, skip: bool, forget: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.instruments = [
            NextSegment(width, hidden, latent, heard=1 if i == PIANO else 2, skip=skip, forget=forget, name=name)
            for i, name in enumerate(INSTRUMENTS)
        ]

    def build(self, shape: Any) -> None:
        for network in self.instruments:
            network.build(shape[:-1])

    def call(self, before: Any, segments: Any, training: bool = False) -> Any:
        """0/1 (N, S, P, I) twice -> nats (N, I): of each instrument's segment, after its last and with the piano's."""
        nats = [
            network.nats(heard(i, segments[..., PIANO], before[..., i]), segments[..., i], training)
            for i, network in enumerate(self.instruments)
        ]
        return ops.stack(nats, axis=-1)


class MelodyCnn(MelodyHarmonyArch):
    """For each instrument 3 convolutions of what it hears, 3 dense layers, 3 transposed convolutions."""

    name = "melody-cnn"

    @dataclass(frozen=True)
    class Options:
        width: int = option(
            12, "channels of the first convolution; the next have twice and four times", least=1, most=512
        )
        hidden: int = option(256, "units of the dense layers", least=1, most=8192)
        latent: int = option(
            32, "numbers that say which of all answers it is; 0: as in the original", least=0, most=1024
        )
        skip: bool = option(True, "a network can say that a step is as it was a segment ago")
        forget: float = option(0.1, "share of the notes heard that are left out in training", least=0, most=0.95)

    SIZES: ClassVar = {
        "small": {},
        "medium": {"width": 24, "hidden": 512, "latent": 64},
        "large": {"width": 48, "hidden": 1024, "latent": 128},
    }

    @cached_property
    def network(self) -> FiveNetworks:
        """The five networks as one, built."""
        said = self.options
        network = FiveNetworks(said.width, said.hidden, said.latent, said.skip, said.forget, name="network")
        network.build((None, *self.spec.shape))
        return network

    @cached_property
    def stages(self) -> list[Stage]:
        measures = ("loss", *INSTRUMENTS)
        return [Stage("network", self.network, self._loss_and_metrics, measures, calibrate=self.calibrate_thresholds)]

    def _loss_and_metrics(self, batch: Batch, training: bool) -> tuple[Any, ...]:
        nats = self.network(flat(batch.x), flat(batch.y), training=training)  # (B x L, I)
        each = [in_windows(nats[:, i], batch.y) for i in range(len(INSTRUMENTS))]
        return (sum(each), *each)

    def expect(self, instrument: int, piano: Any, before: Any, drawn: Any) -> Any:
        return self.network.instruments[instrument](heard(instrument, piano, before), drawn[:, instrument])

    def drawn(self, number: int, drawing: Drawing) -> np.ndarray:
        sd = 1.0 if drawing.sampler.noise_sd is None else drawing.sampler.noise_sd
        return sd * drawing.rng.standard_normal((number, len(INSTRUMENTS), self.options.latent), dtype=np.float32)


def heard(instrument: int, piano: Any, before: Any) -> tuple[Any, ...]:
    """What the network of an instrument hears: its own last segment, and the piano if it is another."""
    return (before,) if instrument == PIANO else (before, piano)
