"""A variational autoencoder for each instrument of a band, and networks that predict the next latent.

A segment of an instrument becomes Z numbers, its latent, near which like segments lie. One network predicts the piano's
next latent from its last; four predict that of guitar, bass, strings and drums, each from the piano's new one and its
own last. The predictions are varied by noise, mixed with latents of other pieces (a style), and decoded.

Two stages: `vae`, whose loss is the negative evidence bound with the KL term weighed by `beta`, and `predictors`, for
which the autoencoders are frozen; their loss is the nats of the next segment as decoded from the predicted latent.

In generation, latents are clipped to two standard deviations of the corpus's, where nearly all that it has learnt lies:
a segment that came out a little too full would else lead to a fuller one, and so on.

Source: I. Tham and M. Kim, "Generating Music Using Deep Learning" (2021): MelodyNN and four ConditionalNNs between
VAEs, trained by the squared distance of latents (here by nats and, weighed by `latent_mse_weight`, that). Weight of the
KL term: Higgins et al., "beta-VAE" (2017); its warm-up: Sonderby et al. (2016); free bits: Kingma et al. (2016); input
dropout: Im et al., "Denoising Criterion for Variational Auto-Encoding Framework" (2017). Limit: nothing remembers more
than the two bars before, and what is predicted is one latent, the middle of all that might come, so that the variety of
what is written is that of noise that knows no better.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from musictool.arch import LatentArch, Stage
from musictool.archs._latent_networks import Autoencoders, Predictors
from musictool.archs._melody_harmony import MelodyHarmonyArch
from musictool.archs._segments import (
    BATCH_SEGMENTS,
    CALIBRATION_SEGMENTS,
    SamplingContext,
    flatten_windows,
    segment_pairs,
    unflatten_windows,
)
from musictool.backend.compile import compiled
from musictool.dataset.dataset import Encoded
from musictool.dataset.windows import Batch
from musictool.encoding import Spec
from musictool.engine import ops
from musictool.engine.current import in_own_engine
from musictool.errors import BadOption
from musictool.layers.variational import BEAT_STEPS
from musictool.music.instruments import PIANO
from musictool.options import option
from musictool.sampling.guidance import FREE, Guidance
from musictool.sampling.sampler import Sampler
from musictool.sampling.thresholds import DensityCalibration, cell_thresholds


class Vae(MelodyHarmonyArch, LatentArch):
    """For each instrument dense layers over keys, steps and beats to `latent` numbers, and back; two more between."""

    name = "vae"
    LEARNING_RATE: ClassVar[float] = 4e-3
    WARMUP: ClassVar[int] = 50
    DECAY: ClassVar[str] = "cosine"
    SIZE_MULTIPLES: ClassVar[tuple[int, int]] = (BEAT_STEPS, 1)
    DEFAULT_NOISE_SD: ClassVar[float] = 0.5  # in standard deviations of each number of the latents in the corpus

    @dataclass(frozen=True)
    class Options:
        latent: int = option(16, "size of the latent of a segment of an instrument", least=1, most=1024)
        width: int = option(128, "features per beat in the autoencoders, a multiple of 4", least=4, most=8192)
        hidden: int = option(256, "hidden units of the networks that predict latents", least=1, most=8192)
        beta: float = option(0.1, "weight of the KL term; 1: the evidence bound", least=0, most=1000)
        kl_warmup: int = option(300, "steps in which that weight grows from 0", least=0, most=10_000_000)
        free_nats: float = option(0.05, "KL per number of a latent that costs nothing", least=0, most=100)
        positive_weight: float = option(1.0, "weight of sounding cells in the training loss", least=0.01, most=1000)
        input_dropout: float = option(0.3, "dropout rate of the encoder's input cells", least=0, most=0.95)
        dropout: float = option(0.1, "dropout rate within the decoder", least=0, most=0.95)
        latent_mse_weight: float = option(
            1.0, "weight of the squared distance of predicted latents in the training loss", least=0, most=1000
        )

    SIZES: ClassVar = {
        "small": {},
        "medium": {"latent": 32, "width": 256, "hidden": 512},
        "large": {"latent": 64, "width": 512, "hidden": 1024},
    }

    def __init__(self, spec: Spec, settings: Any = None, conditions: int = 0):
        super().__init__(spec, settings, conditions)
        if self.options.width % BEAT_STEPS:
            raise BadOption(f"option width: {self.options.width} is not a multiple of {BEAT_STEPS}")

    @cached_property
    def vae(self) -> Autoencoders:
        """The five autoencoders as one network, built."""
        options = self.options
        network = Autoencoders(
            self.spec.shape, options.width, options.latent, options.input_dropout, options.dropout, name="vae"
        )
        network.build((None, *self.spec.shape))
        return network

    @cached_property
    def network(self) -> Predictors:
        """The five predictors as one network, built."""
        network = Predictors(len(self.instruments), self.options.hidden, self.options.latent, name="predictors")
        network.build((None, *self.spec.shape))
        return network

    @cached_property
    def stages(self) -> list[Stage]:
        return [
            Stage(
                "vae",
                self.vae,
                self._autoencoder_loss,
                ("loss", "reconstruction", "kl"),
                calibrate=self._calibrate_autoencoders,
                time_share=3,
            ),
            Stage(
                "predictors",
                self.network,
                self._predictor_loss,
                ("loss", "distance"),
                calibrate=self.calibrate,
            ),
        ]

    def _autoencoder_loss(self, batch: Batch, training: bool) -> tuple[Any, ...]:
        """(B, L) each: the loss, nats of the segments, and KL divergence of their latents."""
        options, segments = self.options, flatten_windows(batch.y)
        nll, sounding_nll, divergence = self.vae(segments, training=training)
        reconstruction, total_kl = ops.sum(nll, axis=1), ops.sum(divergence, axis=(1, 2))  # (B x L,)
        if training:
            # sounding cells weigh more; the KL term grows, and some of it is free
            weighted = reconstruction + (options.positive_weight - 1) * ops.sum(sounding_nll, axis=1)
            charged_kl = ops.sum(ops.maximum(divergence, options.free_nats), axis=(1, 2))
            loss = weighted + self._annealed_beta() * charged_kl
        else:
            loss = reconstruction + options.beta * total_kl
        return tuple(unflatten_windows(metric, batch.y) for metric in (loss, reconstruction, total_kl))

    def _annealed_beta(self) -> Any:
        """The weight of the KL term in this step of training."""
        options, steps = self.options, self.vae.training_steps
        share = ops.minimum(1.0, (steps + 1.0) / max(1, options.kl_warmup))
        steps.assign_add(1.0)
        return options.beta * share

    def _predictor_loss(self, batch: Batch, training: bool) -> tuple[Any, ...]:
        """(B, L) each: the loss, and the squared distance of predicted latents."""
        previous, segments = flatten_windows(batch.x), flatten_windows(batch.y)

        # predict each next latent from the real ones, and decode it
        latents, targets = self.vae.means(previous), self.vae.means(segments)  # (B x L, I, Z)
        predicted = self.network(latents, targets[:, PIANO])
        nats = self.vae.nll(predicted, segments)  # (B x L,)

        distance = ops.sum(ops.square(predicted - targets), axis=(1, 2))
        loss = nats + self.options.latent_mse_weight * distance if training else nats
        return tuple(unflatten_windows(metric, batch.y) for metric in (loss, distance))

    def instrument_logits(self, instrument: int, piano: Any, previous: Any, latents: Any) -> Any:
        noise, style, alpha = (values[:, instrument] for values in latents)
        autoencoder = self.vae.instruments[instrument]

        # encode what stands before, and the piano's new segment
        own = self.vae.clipped(instrument, autoencoder.posterior(previous)[0])  # (N, Z)
        lead = own if instrument == PIANO else self.vae.clipped(PIANO, self.vae.instruments[PIANO].posterior(piano)[0])

        # predict, vary, mix with the style, decode
        latent = self.vae.clipped(instrument, self.network.next(instrument, own, lead) + noise)
        return autoencoder(alpha * style + (1 - alpha) * latent)  # (N, S, P)

    def latent_inputs(self, number: int, context: SamplingContext) -> Any:
        """Noise, latents of the style, and how much of the style: float32 (number, I, Z) twice, (number, I, 1)."""
        shape = (number, len(self.instruments), self.options.latent)
        noise = (
            self.noise_sd(context.sampler)
            * context.rng.standard_normal(shape, dtype=np.float32)
            * ops.convert_to_numpy(self.vae.latent_std)
        )
        if not context.style_latents:
            return noise, np.zeros(shape, np.float32), np.zeros((*shape[:2], 1), np.float32)
        style = [latents[context.rng.integers(len(latents), size=number)] for latents in context.style_latents]
        return noise, np.stack(style, axis=1), np.full((*shape[:2], 1), context.guidance.alpha, np.float32)

    def context(self, sampler: Sampler, guidance: Guidance, seed: int) -> SamplingContext:
        context = super().context(sampler, guidance, seed)
        if guidance.style is None:
            return context
        return replace(context, style_latents=self._style_latents(guidance.style))

    def _style_latents(self, segments: np.ndarray) -> tuple[np.ndarray, ...]:
        """float32 (n, Z) for each instrument: the latents of its different segments, of (N, S, P, I)."""
        latents, different = self.latents(segments), []
        for i in range(len(self.instruments)):
            packed = np.packbits(segments[..., i].reshape(len(segments), -1), axis=1)
            different.append(latents[np.unique(packed, axis=0, return_index=True)[1], i])
        return tuple(different)

    @in_own_engine
    def latents(self, rows: np.ndarray) -> np.ndarray:
        parts = [self._means(rows[i : i + BATCH_SEGMENTS]) for i in range(0, len(rows), BATCH_SEGMENTS)]
        none = np.zeros((0, len(self.instruments), self.options.latent), np.float32)
        return np.concatenate([none, *map(ops.convert_to_numpy, parts)])

    @in_own_engine
    def decode_latents(self, latents: np.ndarray, sampler: Sampler, seed: int) -> np.ndarray:
        rng, segments = np.random.default_rng(seed), [np.zeros((0, *self.spec.shape), self.spec.dtype)]
        densities = ops.convert_to_numpy(self.vae.thresholds)
        for i in range(0, len(latents), BATCH_SEGMENTS):
            batch = latents[i : i + BATCH_SEGMENTS].astype(np.float32)
            probabilities = ops.convert_to_numpy(self._decode(batch, np.float32(sampler.temperature)))
            thresholds = cell_thresholds(sampler.threshold, densities, probabilities.shape, rng)
            segments.append((probabilities > thresholds).astype(self.spec.dtype))
        return np.concatenate(segments)

    def continuation(
        self, primer: np.ndarray, sampler: Sampler, seed: int, guidance: Guidance = FREE
    ) -> Iterator[np.ndarray]:
        """From nothing but the start row it goes on from segments whose latents are drawn from the prior."""
        if primer.shape[1] == 1 and not primer.any():
            shape = (len(primer), len(self.instruments), self.options.latent)
            latents = np.random.default_rng((seed, 1)).standard_normal(shape, dtype=np.float32)
            primer = self.decode_latents(latents, sampler, seed)[:, None]
        return super().continuation(primer, sampler, seed, guidance)

    def calibrated_thresholds(self, guidance: Guidance) -> np.ndarray:
        """The more of the style there is in a latent, the surer the decoder is of it: mixed as logits."""
        logits = [
            np.log(thresholds / (1 - thresholds))
            for thresholds in (super().calibrated_thresholds(guidance), ops.convert_to_numpy(self.vae.thresholds))
        ]
        alpha = 0.0 if guidance.style is None else guidance.alpha
        return np.asarray(1 / (1 + np.exp(-(1 - alpha) * logits[0] - alpha * logits[1])), np.float32)

    def _calibrate_autoencoders(self, encoded: Encoded) -> None:
        """Measure the standard deviation of the latents, and the thresholds for what is decoded from them."""
        calibration, latents = DensityCalibration(len(self.instruments)), []
        for _, segments in segment_pairs(encoded, CALIBRATION_SEGMENTS):
            latents.append(self.latents(segments))
            probabilities = self._decode(latents[-1], np.float32(1))
            calibration.add(ops.convert_to_numpy(probabilities), segments)
        self.vae.latent_std.assign(np.concatenate(latents).std(axis=0))
        self.vae.thresholds.assign(calibration.thresholds())

    @cached_property
    def _means(self) -> Any:
        """Compiled: 0/1 (N, S, P, I) -> float32 (N, I, Z)."""
        return compiled(lambda segments: self.vae.means(ops.cast(segments, "float32")))

    @cached_property
    def _decode(self) -> Any:
        """Compiled: float32 (N, I, Z), temperature -> probabilities (N, S, P, I)."""
        return compiled(lambda latents, temperature: ops.sigmoid(self.vae.decode(latents) / temperature))
