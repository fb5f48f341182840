"""The networks of a vae: an autoencoder for each instrument, and what says which latent comes next."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from musictool.archs._segments import SegmentsNetwork, WritingNetwork
from musictool.layers import gaussian
from musictool.layers.latent_predictor import LatentPredictor
from musictool.layers.segment_autoencoder import SegmentAutoencoder
from musictool.music.instruments import INSTRUMENTS, PIANO

MOST = 2.0  # of a number of a latent while it writes, in times its usual spread


class Autoencoders(SegmentsNetwork):
    """An autoencoder for each instrument. The thresholds are those for segments decoded from their own latents."""

    def __init__(self, width: int, latent: int, forget: float, dropout: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.instruments = [SegmentAutoencoder(width, latent, forget, dropout, name=name) for name in INSTRUMENTS]
        self.noise = keras.random.SeedGenerator(0)
        self.fixed = np.random.default_rng(0).standard_normal((len(INSTRUMENTS), latent)).astype(np.float32)
        self.spread = self.add_weight(
            (len(INSTRUMENTS), latent), "ones", name="spread", trainable=False, autocast=False
        )
        self.steps = self.add_weight(
            (), "zeros", name="steps", trainable=False, autocast=False, aggregation="only_first_replica"
        )

    def build(self, shape: Any) -> None:
        for network in self.instruments:
            network.build(shape[:-1])

    def call(self, segments: Any, training: bool = False) -> tuple[Any, Any, Any]:
        """0/1 (N, S, P, I) -> nats (N, I) of the segments, said from latents that are drawn (outside training always
        alike); what cells that sound have of them, (N, I); nats (N, I, Z) that each number of the latents tells."""
        nats, sounding, told = [], [], []
        for i, (network, own) in enumerate(zip(self.instruments, parts(segments), strict=True)):
            mean, deviation = network.posterior(own, training=training)
            noise = keras.random.normal(ops.shape(mean), seed=self.noise) if training else self.fixed[i]
            cells = gaussian.cost(network(mean + deviation * noise, training=training), own)
            nats.append(ops.sum(cells, axis=(1, 2)))
            sounding.append(ops.sum(cells * own, axis=(1, 2)))
            told.append(gaussian.told(mean, deviation))
        return ops.stack(nats, axis=1), ops.stack(sounding, axis=1), ops.stack(told, axis=1)

    def means(self, segments: Any) -> Any:
        """0/1 (N, S, P, I) -> float32 (N, I, Z): the posterior means."""
        pairs = zip(self.instruments, parts(segments), strict=True)
        return ops.stack([each.posterior(own)[0] for each, own in pairs], axis=1)

    def nats(self, latents: Any, segments: Any) -> Any:
        """float32 (N, I, Z), 0/1 (N, S, P, I) -> nats (N,) of the segments as said from these latents."""
        costs = [
            gaussian.cost(each(latents[:, i]), own)
            for i, (each, own) in enumerate(zip(self.instruments, parts(segments), strict=True))
        ]
        return sum(ops.sum(each, axis=(1, 2)) for each in costs)

    def held(self, instrument: int, latent: Any) -> Any:
        """Float32 (N, Z), each number no further from 0 than MOST times its usual spread."""
        most = MOST * self.spread[instrument]
        return ops.clip(latent, -most, most)

    def decode(self, latents: Any) -> Any:
        """float32 (N, I, Z) -> log-odds (N, S, P, I)."""
        return ops.stack([each(latents[:, i]) for i, each in enumerate(self.instruments)], axis=-1)


def parts(segments: Any) -> list[Any]:
    """Segments (N, S, P, I) -> (N, S, P) of each instrument, each in one piece of memory."""
    apart = ops.transpose(segments, (3, 0, 1, 2))
    return [apart[i] for i in range(len(INSTRUMENTS))]


class Predictors(WritingNetwork):
    """What comes next: for each instrument, from the latents that it hears. Its own last stands first."""

    def __init__(self, hidden: int, latent: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.instruments = [
            LatentPredictor(hidden, latent, heard=1 if i == PIANO else 2, name=name)
            for i, name in enumerate(INSTRUMENTS)
        ]

    def build(self, shape: Any) -> None:
        for network in self.instruments:
            network.build(None)

    def call(self, own: Any, piano: Any) -> Any:
        """float32 (N, I, Z), the last latents, and (N, Z), the piano's new one -> (N, I, Z), the next."""
        return ops.stack([self.next(i, own[:, i], piano) for i in range(len(INSTRUMENTS))], axis=1)

    def next(self, instrument: int, own: Any, piano: Any) -> Any:
        """The same of one: float32 (N, Z) twice -> (N, Z)."""
        network = self.instruments[instrument]
        return network(own) if instrument == PIANO else network(own, piano)
