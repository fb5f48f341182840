"""A variational autoencoder for each instrument of a band, and networks that say which latent comes next.

A segment of an instrument becomes Z numbers, its latent, near which like segments lie. One network says the piano's
next latent from its last; four say that of guitar, bass, strings and drums, each from the piano's new one and its own
last. What they say is varied by noise, mixed with latents of other pieces (a style), and decoded.

Two stages: `vae`, judged by what a segment costs, with what the latent tells weighed by `beta`, and `predictors`, for
which the autoencoders stand still; they are judged by the nats of the next segment as the decoder says it from the
latent foretold.

While it writes, latents are held within twice their usual spread, where nearly all that it has learnt lies: a segment
that came out a little too full would else lead to a fuller one, and so on.

Source: I. Tham and M. Kim, "Generating Music Using Deep Learning" (2021): MelodyNN and four ConditionalNNs between
VAEs, trained by the squared distance of latents (here by nats and, weighed by `distance`, that). Weight of the KL term:
Higgins et al., "beta-VAE" (2017); its warm-up: Sonderby et al. (2016); free bits: Kingma et al. (2016); cells that the
encoder does not hear: Im et al., "Denoising Criterion for Variational Auto-Encoding Framework" (2017). Limits: nothing
remembers more than the two bars before, and what is foretold is one latent, the middle of all that might come, so that
writing takes its variety from noise that knows no better.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from keras import ops

from musictool.arch import Stage
from musictool.archs._latent_networks import Autoencoders, Predictors
from musictool.archs._latents import Latents
from musictool.archs._melody_harmony import MelodyHarmonyArch
from musictool.archs._segments import AT_ONCE, COUNTED, Drawing, flat, in_windows, pairs
from musictool.backend.compile import compiled
from musictool.dataset.dataset import Encoded
from musictool.dataset.windows import Batch
from musictool.music.instruments import INSTRUMENTS, PIANO
from musictool.options import option
from musictool.sampling.binarising import Densities, cuts
from musictool.sampling.sampler import FREE, Guidance, Sampler

NOISE_SD = 0.5  # of a latent's usual spread, where nothing else is asked for


class Vae(MelodyHarmonyArch, Latents):
    """For each instrument dense layers over keys, steps and beats to `latent` numbers, and back; two more between."""

    name = "vae"
    LEARNING_RATE: ClassVar[float] = 4e-3
    WARMUP: ClassVar[int] = 50
    DECAY: ClassVar[str] = "cosine"

    @dataclass(frozen=True)
    class Options:
        latent: int = option(16, "numbers that stand for a segment of an instrument", least=1, most=1024)
        width: int = option(128, "numbers that stand for a beat within the autoencoders", least=4, most=8192)
        hidden: int = option(256, "units of the dense layers that say what comes next", least=1, most=8192)
        beta: float = option(0.1, "weight of what the latent tells; 1: the evidence bound", least=0, most=1000)
        kl_warmup: int = option(300, "steps in which that weight grows from 0", least=0, most=10_000_000)
        free_nats: float = option(0.05, "that each number of a latent may tell for nothing", least=0, most=100)
        sounding: float = option(1.0, "weight in training of the cells that sound", least=0.01, most=1000)
        forget: float = option(0.3, "share of the cells heard that are silenced in training", least=0, most=0.95)
        dropout: float = option(0.1, "share left out within the decoder in training", least=0, most=0.95)
        distance: float = option(
            1.0, "weight of the squared distance of latents in what comes next", least=0, most=1000
        )

    SIZES: ClassVar = {
        "small": {},
        "medium": {"latent": 32, "width": 256, "hidden": 512},
        "large": {"latent": 64, "width": 512, "hidden": 1024},
    }

    @cached_property
    def vae(self) -> Autoencoders:
        """The five autoencoders as one network, built."""
        said = self.options
        network = Autoencoders(said.width, said.latent, said.forget, said.dropout, name="vae")
        network.build((None, *self.spec.shape))
        return network

    @cached_property
    def network(self) -> Predictors:
        """The five predictors as one network, built."""
        network = Predictors(self.options.hidden, self.options.latent, name="predictors")
        network.build((None, *self.spec.shape))
        return network

    @cached_property
    def stages(self) -> list[Stage]:
        return [
            Stage(
                "vae",
                self.vae,
                self._vae_loss,
                ("loss", "reconstruction", "kl"),
                calibrate=self._calibrate_vae,
                time_share=3,
            ),
            Stage(
                "predictors",
                self.network,
                self._loss_and_metrics,
                ("loss", "distance"),
                calibrate=self.calibrate_thresholds,
            ),
        ]

    def _vae_loss(self, batch: Batch, training: bool) -> tuple[Any, ...]:
        said, segments = self.options, flat(batch.y)
        nats, sounding, told = self.vae(segments, training=training)
        reconstruction, kl = ops.sum(nats, axis=1), ops.sum(told, axis=(1, 2))
        if training:
            weighted = reconstruction + (said.sounding - 1) * ops.sum(sounding, axis=1)
            loss = weighted + self._grown_beta() * ops.sum(ops.maximum(told, said.free_nats), axis=(1, 2))
        else:
            loss = reconstruction + said.beta * kl
        return tuple(in_windows(each, batch.y) for each in (loss, reconstruction, kl))

    def _grown_beta(self) -> Any:
        """The weight of the KL term in this step of training."""
        said, steps = self.options, self.vae.steps
        grown = ops.minimum(1.0, (steps + 1.0) / max(1, said.kl_warmup))
        steps.assign_add(1.0)
        return said.beta * grown

    def _loss_and_metrics(self, batch: Batch, training: bool) -> tuple[Any, ...]:
        before, segments = flat(batch.x), flat(batch.y)
        own, real = self.vae.means(before), self.vae.means(segments)  # (N, I, Z)
        latents = self.network(own, real[:, PIANO])
        nats = self.vae.nats(latents, segments)
        distance = ops.sum(ops.square(latents - real), axis=(1, 2))
        loss = nats + self.options.distance * distance if training else nats
        return tuple(in_windows(each, batch.y) for each in (loss, distance))

    def expect(self, instrument: int, piano: Any, before: Any, drawn: Any) -> Any:
        noise, style, alpha = (each[:, instrument] for each in drawn)
        own = self.vae.held(instrument, self.vae.instruments[instrument].posterior(before)[0])
        heard = own if instrument == PIANO else self.vae.held(PIANO, self.vae.instruments[PIANO].posterior(piano)[0])
        latent = self.vae.held(instrument, self.network.next(instrument, own, heard) + noise)
        return self.vae.instruments[instrument](alpha * style + (1 - alpha) * latent)

    def drawn(self, number: int, drawing: Drawing) -> Any:
        """Noise, latents of the style, and how much of the style: float32 (number, I, Z) twice, (number, I, 1)."""
        guidance = drawing.guidance
        shape = (number, len(INSTRUMENTS), self.options.latent)
        sd = NOISE_SD if drawing.sampler.noise_sd is None else drawing.sampler.noise_sd
        noise = (
            np.float32(sd)
            * drawing.rng.standard_normal(shape, dtype=np.float32)
            * ops.convert_to_numpy(self.vae.spread)
        )
        if guidance.style is None:
            return noise, np.zeros(shape, np.float32), np.zeros((*shape[:2], 1), np.float32)
        sets = self._style(guidance.style)
        style = np.stack([latents[drawing.rng.integers(len(latents), size=number)] for latents in sets], axis=1)
        return noise, style, np.full((*shape[:2], 1), guidance.alpha, np.float32)

    def _style(self, segments: np.ndarray) -> list[np.ndarray]:
        """float32 (n, Z) for each instrument: the latents of its different segments, of (N, S, P, I)."""
        if getattr(self, "_styled", (None,))[0] is not segments:
            latents, sets = self.latents(segments), []
            for i in range(len(INSTRUMENTS)):
                packed = np.packbits(segments[..., i].reshape(len(segments), -1), axis=1)
                sets.append(latents[np.unique(packed, axis=0, return_index=True)[1], i])
            self._styled = (segments, sets)
        return list(self._styled[1])

    def latents(self, rows: np.ndarray) -> np.ndarray:
        parts = [self._means(rows[i : i + AT_ONCE]) for i in range(0, len(rows), AT_ONCE)]
        nothing = np.zeros((0, len(INSTRUMENTS), self.options.latent), np.float32)
        return np.concatenate([nothing, *map(ops.convert_to_numpy, parts)])

    def decoded(self, latents: np.ndarray, sampler: Sampler, seed: int) -> np.ndarray:
        rng, written = np.random.default_rng(seed), [np.zeros((0, *self.spec.shape), self.spec.dtype)]
        thresholds = ops.convert_to_numpy(self.vae.thresholds)
        for i in range(0, len(latents), AT_ONCE):
            logits = self._decode(latents[i : i + AT_ONCE].astype(np.float32), np.float32(sampler.temperature))
            said = ops.convert_to_numpy(logits)
            written.append((said > cuts(sampler.threshold, thresholds, said.shape, rng)).astype(self.spec.dtype))
        return np.concatenate(written)

    def continuation(
        self, primer: np.ndarray, sampler: Sampler, seed: int, guidance: Guidance = FREE
    ) -> Iterator[np.ndarray]:
        """From nothing but the start row it goes on from segments whose latents are drawn from the prior."""
        if primer.shape[1] == 1 and not primer.any():
            shape = (len(primer), len(INSTRUMENTS), self.options.latent)
            latents = np.random.default_rng((seed, 1)).standard_normal(shape, dtype=np.float32)
            primer = self.decoded(latents, sampler, seed)[:, None]
        return super().continuation(primer, sampler, seed, guidance)

    def calibrated(self, guidance: Guidance) -> np.ndarray:
        """The more of the style there is in a latent, the surer the decoder is of it: mixed as log-odds."""
        odds = [
            np.log(each / (1 - each))
            for each in (super().calibrated(guidance), ops.convert_to_numpy(self.vae.thresholds))
        ]
        alpha = 0.0 if guidance.style is None else guidance.alpha
        return np.asarray(1 / (1 + np.exp(-(1 - alpha) * odds[0] - alpha * odds[1])), np.float32)

    def _calibrate_vae(self, encoded: Encoded) -> None:
        """Count how far latents usually lie apart, and the thresholds for what is decoded from them."""
        densities, latents = Densities(len(INSTRUMENTS)), []
        for _, segments in pairs(encoded, COUNTED):
            latents.append(self.latents(segments))
            said = self._decode(latents[-1], np.float32(1))
            densities.add(ops.convert_to_numpy(said), segments)
        self.vae.spread.assign(np.concatenate(latents).std(axis=0))
        self.vae.thresholds.assign(densities.thresholds())

    @cached_property
    def _means(self) -> Any:
        """Compiled: 0/1 (N, S, P, I) -> float32 (N, I, Z)."""
        return compiled(lambda segments: self.vae.means(ops.cast(segments, "float32")))

    @cached_property
    def _decode(self) -> Any:
        """Compiled: float32 (N, I, Z), heat -> probabilities (N, S, P, I)."""
        return compiled(lambda latents, heat: ops.sigmoid(self.vae.decode(latents) / heat))
