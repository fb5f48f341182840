"""The networks of a vae: an autoencoder for each instrument, and what predicts the next latents."""

from __future__ import annotations

from typing import Any

import numpy as np

from musictool.archs._segments import GeneratingNetwork, SegmentsNetwork
from musictool.engine import nn, ops
from musictool.layers.variational import LatentPredictor, SegmentAutoencoder, bernoulli_nll, kl
from musictool.music.instruments import INSTRUMENTS

MAX_STDS = 2.0  # how far a number of a latent may lie from 0 in generation, in standard deviations of the corpus's


class Autoencoders(SegmentsNetwork):
    """An autoencoder for each instrument. The thresholds are those for segments decoded from their own latents.

    Args:
        shape: (S, P, I).
        width, latent, input_dropout, dropout: of each SegmentAutoencoder.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        width: int,
        latent: int,
        input_dropout: float,
        dropout: float,
        **kwargs: Any,
    ):
        steps, pitches, instruments = shape
        super().__init__(instruments, **kwargs)
        self.instruments = [
            SegmentAutoencoder(steps, pitches, width, latent, input_dropout, dropout, name=name)
            for name in INSTRUMENTS[:instruments]
        ]
        self.seed_generator = nn.SeedGenerator(0)
        self.fixed_noise = np.random.default_rng(0).standard_normal((instruments, latent)).astype(np.float32)
        self.latent_std = self.add_weight(
            (instruments, latent), "ones", name="latent_std", trainable=False, autocast=False
        )
        self.training_steps = self.add_weight(
            (), "zeros", name="training_steps", trainable=False, autocast=False, aggregation="only_first_replica"
        )

    def build(self, shape: Any) -> None:
        for network in self.instruments:
            network.build(shape[:-1])

    def call(self, segments: Any, training: bool = False) -> tuple[Any, Any, Any]:
        """What segments cost by way of latents that are drawn; outside training always the same draw.

        Args:
            segments: 0/1 (N, S, P, I).

        Returns:
            Nats (N, I) of the segments; the share of the sounding cells in them, nats (N, I); the KL divergence of each
            number of the latents, nats (N, I, Z).
        """
        nll, sounding_nll, divergence = [], [], []
        for i, (network, cells) in enumerate(zip(self.instruments, by_instrument(segments), strict=True)):
            mean, std = network.posterior(cells, training=training)
            noise = nn.random.normal(ops.shape(mean), seed=self.seed_generator) if training else self.fixed_noise[i]
            cell_nll = bernoulli_nll(network(mean + std * noise, training=training), cells)  # (N, S, P)
            nll.append(ops.sum(cell_nll, axis=(1, 2)))
            sounding_nll.append(ops.sum(cell_nll * cells, axis=(1, 2)))
            divergence.append(kl(mean, std))
        return ops.stack(nll, axis=1), ops.stack(sounding_nll, axis=1), ops.stack(divergence, axis=1)

    def means(self, segments: Any) -> Any:
        """0/1 (N, S, P, I) -> float32 (N, I, Z): the posterior means."""
        pairs = zip(self.instruments, by_instrument(segments), strict=True)
        return ops.stack([network.posterior(cells)[0] for network, cells in pairs], axis=1)

    def nll(self, latents: Any, segments: Any) -> Any:
        """float32 (N, I, Z), 0/1 (N, S, P, I) -> nats (N,) of the segments as decoded from these latents."""
        pairs = zip(self.instruments, by_instrument(segments), strict=True)
        cell_nll = [bernoulli_nll(network(latents[:, i]), cells) for i, (network, cells) in enumerate(pairs)]
        return sum(ops.sum(nll, axis=(1, 2)) for nll in cell_nll)

    def clipped(self, instrument: int, latent: Any) -> Any:
        """Float32 (N, Z), each number no further from 0 than MAX_STDS times its standard deviation in the corpus."""
        limit = MAX_STDS * self.latent_std[instrument]
        return ops.clip(latent, -limit, limit)

    def latent_of(self, instrument: int, cells: Any) -> Any:
        """What an instrument plays, 0/1 (N, S, P) -> its latents as generation reads them, float32 (N, Z)."""
        return self.clipped(instrument, self.instruments[instrument].posterior(cells)[0])

    def decode(self, latents: Any) -> Any:
        """float32 (N, I, Z) -> logits (N, S, P, I)."""
        return ops.stack([network(latents[:, i]) for i, network in enumerate(self.instruments)], axis=-1)


def by_instrument(segments: Any) -> list[Any]:
    """Segments (N, S, P, I) -> (N, S, P) of each instrument, each in one piece of memory."""
    cells = ops.transpose(segments, (3, 0, 1, 2))  # (I, N, S, P)
    return [cells[i] for i in range(segments.shape[-1])]


class Predictors(GeneratingNetwork):
    """What comes next, on two levels: a plan of the whole band, and the latent of each instrument.

    The plan is made of the latents of all instruments in the last segments. An instrument's next latent follows from
    the plan, from its latents in those segments, and from the new latents of the instruments before it (piano, guitar,
    bass, strings, drums), so that each plays to those that are there.

    Args:
        instruments: I.
        hidden: units of the layers of the plan, and of each LatentPredictor.
        latent: Z.
        memory: M, how many segments there are.
        dropout: dropout rate of the plan.
    """

    def __init__(self, instruments: int, hidden: int, latent: int, memory: int, dropout: float, **kwargs: Any):
        super().__init__(instruments, **kwargs)
        self.memory, self.latent = memory, latent
        self.planning = [nn.Dense(hidden, activation="leaky_relu", name=f"plan_{i + 1}") for i in range(2)]
        self.dropout = nn.Dropout(dropout)
        self.seed_generator = nn.SeedGenerator(0)
        self.instruments = [
            LatentPredictor(hidden, latent, inputs=memory + i, name=name)
            for i, name in enumerate(INSTRUMENTS[:instruments])
        ]

    def build(self, shape: Any) -> None:
        self.planning[0].build((None, self.memory * self.num_instruments * self.latent))
        self.planning[1].build((None, self.planning[0].units))
        for network in self.instruments:
            network.build(None)

    def call(self, history: Any, latents: Any, training: bool = False) -> tuple[Any, Any]:
        """Mean and standard deviation of the next latents, float32 (N, I, Z) each.

        Args:
            history: float32 (N, M, I, Z), the last latents, the latest behind.
            latents: float32 (N, I, Z), the next ones; of each instrument, the later ones see it.
        """
        plan, params = self.plan(history, training=training), []
        for i in range(self.num_instruments):
            params.append(self.next(i, history, plan, [latents[:, j] for j in range(i)]))
        means, stds = zip(*params, strict=True)
        return ops.stack(means, axis=1), ops.stack(stds, axis=1)

    def plan(self, history: Any, training: bool = False) -> Any:
        """History, float32 (N, M, I, Z) -> float (N, hidden)."""
        x = ops.reshape(history, (-1, self.memory * self.num_instruments * self.latent))
        for dense in self.planning:
            x = self.dropout(dense(x), training=training)
        return x

    def next(self, instrument: int, history: Any, plan: Any, new: list[Any]) -> tuple[Any, Any]:
        """Mean and standard deviation of the next latent of one instrument, float32 (N, Z) each, given the new latents
        of those before it, (N, Z) each."""
        last = ops.reshape(history[:, :, instrument], (-1, self.memory * self.latent))
        return self.instruments[instrument](ops.concatenate([last, *new], axis=-1), plan)
