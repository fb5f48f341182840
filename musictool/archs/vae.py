"""A variational autoencoder for each instrument of a band, and networks that predict the next latents on two levels.

A segment of an instrument becomes Z numbers, its latent, near which like segments lie. Above the latents stands a plan
of the band, made of what all instruments played in the last `memory` segments. From the plan, from its own latents in
those segments, and from the new latents of the instruments before it, each gets its next one: piano, guitar, bass,
strings, drums, so that they share a harmony. The predictions are varied by noise, mixed with latents of other pieces (a
style), and decoded.

Two stages: `vae`, whose loss is the negative evidence bound with the KL term weighed by `beta`, and `predictors`, for
which the autoencoders are frozen; their loss is the nats of the next segment as decoded from the predicted latents. How
far latents lie from what is predicted is learnt beside it, and is how far the noise moves them. In training, some
of the last latents are what the predictors themselves have said, as all of them are in generation.

In generation, latents are clipped to two standard deviations of the corpus's, where nearly all that it has learnt lies:
a segment that came out a little too full would else lead to a fuller one, and so on.

Source: I. Tham and M. Kim, "Generating Music Using Deep Learning" (2021): MelodyNN and four ConditionalNNs between
VAEs, trained by the squared distance of latents (here by nats and, weighed by `latent_mse_weight`, that). Weight of the
KL term: Higgins et al., "beta-VAE" (2017); its warm-up: Sonderby et al. (2016); free bits: Kingma et al. (2016); input
dropout: Im et al., "Denoising Criterion for Variational Auto-Encoding Framework" (2017). A level above the bars: A.
Roberts et al., "A Hierarchical Latent Vector Model for Learning Long-Term Structure in Music" (MusicVAE, 2018), whose
conductor is recurrent. Learning from its own predictions: S. Bengio et al., "Scheduled Sampling" (2015), at all places
of a window at once as D. Duckworth et al., "Parallel Scheduled Sampling" (2019), do. Limit: nothing remembers more than
`memory` segments, and around what is predicted the numbers of a latent vary each by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from musictool.arch import AccompanimentArch, LatentArch, Stage
from musictool.archs._latent_networks import MAX_STDS, Autoencoders, Predictors, by_instrument
from musictool.archs._polyphony import binarise, top_k_per_step
from musictool.archs._segments import (
    BATCH_SEGMENTS,
    CALIBRATION_SEGMENTS,
    SamplingContext,
    SegmentsArch,
    default_context,
    flatten_windows,
    segment_pairs,
    unflatten_windows,
)
from musictool.backend.compile import compiled
from musictool.dataset.dataset import Encoded
from musictool.dataset.windows import Batch
from musictool.encoding import Spec
from musictool.engine import nn, ops
from musictool.engine.current import in_own_engine
from musictool.errors import BadOption
from musictool.layers.variational import BEAT_STEPS
from musictool.music.instruments import PIANO
from musictool.options import option
from musictool.sampling.guidance import FREE, Guidance
from musictool.sampling.sampler import Sampler
from musictool.sampling.thresholds import DensityCalibration, cell_thresholds


class Vae(SegmentsArch, AccompanimentArch, LatentArch):
    """For each instrument dense layers over keys, steps and beats to `latent` numbers, and back; a plan, and two more
    layers, from the last latents to the next."""

    name = "vae"
    FORMAT: ClassVar[int] = 2
    WINDOW: ClassVar[int] = 8
    BATCH_SIZE: ClassVar[int] = 8
    LEARNING_RATE: ClassVar[float] = 4e-3
    WARMUP: ClassVar[int] = 50
    DECAY: ClassVar[str] = "cosine"
    SIZE_MULTIPLES: ClassVar[tuple[int, int]] = (BEAT_STEPS, 1)
    DEFAULT_NOISE_SD: ClassVar[float] = 0.5  # in the standard deviations that are predicted of each number

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
        dropout: float = option(0.1, "dropout rate within the decoder and the plan", least=0, most=0.95)
        memory: int = option(4, "segments that the plan is made of", least=1, most=64)
        own_latents: float = option(
            0.25, "share of the segments in training for which stands what was predicted of them", least=0, most=1
        )
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
        options = self.options
        network = Predictors(
            len(self.instruments), options.hidden, options.latent, options.memory, options.dropout, name="predictors"
        )
        network.build((None, *self.spec.shape))
        return network

    @property
    def memory(self) -> int:
        return int(self.options.memory)

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
        segments = flatten_windows(batch.y)
        shape = (-1, batch.y.shape[1], *self._latent_shape)
        last, targets = self.vae.means(flatten_windows(batch.x)), self.vae.means(segments)  # (B x L, I, Z)
        last = ops.reshape(last, shape)  # (B, L, I, Z)

        # predict from the real latents; then again where some of them are what was predicted
        if training and self.options.own_latents:
            last = self._with_predicted(last, targets)
        means, stds = self.network(self._histories(last), targets, training=training)
        nats = self.vae.nll(means, segments)  # (B x L,)
        distance = ops.sum(ops.square(means - targets), axis=(1, 2))
        if not training:
            return tuple(unflatten_windows(metric, batch.y) for metric in (nats, distance))

        # the deviations learn by the likelihood of the latents under them, and leave the means alone
        scaled = ops.square((targets - ops.stop_gradient(means)) / stds)
        latent_nll = ops.sum(0.5 * scaled + ops.log(stds), axis=(1, 2))
        loss = nats + self.options.latent_mse_weight * distance + latent_nll
        return tuple(unflatten_windows(metric, batch.y) for metric in (loss, distance))

    def _with_predicted(self, last: Any, targets: Any) -> Any:
        """Latents of windows, float32 (B, L, I, Z), with those of some segments as drawn from what is predicted of
        them. No gradient goes through what is drawn."""
        shape, seed = ops.shape(last), self.network.seed_generator
        means, stds = self.network(self._histories(last), targets, training=True)
        drawn = ops.reshape(means + stds * nn.random.normal(ops.shape(means), seed=seed), shape)
        # what is predicted in one place of a window is what stands last in the next
        drawn = ops.stop_gradient(ops.concatenate([last[:, :1], drawn[:, :-1]], axis=1))
        is_drawn = nn.random.uniform((shape[0], shape[1], 1, 1), seed=seed) < self.options.own_latents
        return ops.where(is_drawn, drawn, last)

    def _histories(self, latents: Any) -> Any:
        """Latents of windows, float32 (B, L, I, Z) -> (B x L, M, I, Z): those of the last M segments in each place of a
        window; zeros, the middle of the prior, for what lies before it."""
        (number, *_), length, memory = ops.shape(latents), latents.shape[1], self.memory
        padded = ops.pad(latents, ((0, 0), (memory - 1, 0), (0, 0), (0, 0)))
        histories = ops.stack([padded[:, i : i + length] for i in range(memory)], axis=2)  # (B, L, M, I, Z)
        return ops.reshape(histories, (number * length, memory, *self._latent_shape))

    @property
    def _latent_shape(self) -> tuple[int, int]:
        """I and Z."""
        return len(self.instruments), self.options.latent

    @in_own_engine
    def next_segment(
        self, history: np.ndarray, context: SamplingContext, melody: np.ndarray | None = None
    ) -> np.ndarray:
        number, temperature = len(history), np.float32(context.sampler.temperature)
        inputs = (
            self._recent_latents(history),
            self.thresholds(number, context),
            temperature,
            self.latent_inputs(number, context),
        )
        segments = self._write(*inputs, *(() if melody is None else (melody,)))
        return np.asarray(ops.convert_to_numpy(segments))

    @in_own_engine
    def probabilities(self, history: np.ndarray, segments: np.ndarray) -> np.ndarray:
        inputs = self._recent_latents(history), self.latent_inputs(len(history), default_context(0)), segments
        return np.asarray(ops.convert_to_numpy(self._predict(*inputs)))

    @in_own_engine
    def surprisal(self, rows: np.ndarray, guidance: Guidance = FREE) -> np.ndarray:
        last = self.latents(np.concatenate([self.spec.start[None], rows]))[:-1]  # (T, I, Z)
        histories = ops.convert_to_numpy(self._histories(last[None]))  # (T, M, I, Z)
        batches = [slice(i, i + BATCH_SEGMENTS) for i in range(0, len(rows), BATCH_SEGMENTS)]
        nats = [ops.convert_to_numpy(self._nats(histories[batch], rows[batch])) for batch in batches]
        return np.concatenate([*nats, np.zeros(0)]).astype(np.float64)

    def _recent_latents(self, history: np.ndarray) -> np.ndarray:
        """uint8 0/1 (N, T, S, P, I), T >= 1 -> float32 (N, M, I, Z): the latents of the last M segments, clipped; zeros
        where there are fewer."""
        recent = history[:, -self.memory :]
        limit = MAX_STDS * ops.convert_to_numpy(self.vae.latent_std)
        latents = np.clip(self.latents(recent.reshape(-1, *self.spec.shape)), -limit, limit)
        latents = latents.reshape(len(recent), -1, *self._latent_shape)
        return np.pad(latents, ((0, 0), (self.memory - latents.shape[1], 0), (0, 0), (0, 0)))

    def _instrument_logits(self, instrument: int, history: Any, plan: Any, new: list[Any], latents: Any) -> Any:
        """The logits of what one instrument plays next, float32 (N, S, P).

        Args:
            history, plan: see Predictors.
            new: what the instruments before it play in the same segment, as latents.
            latents: as of `latent_inputs`.
        """
        noise, style, alpha = (values[:, instrument] for values in latents)
        mean, std = self.network.next(instrument, history, plan, new)
        latent = self.vae.clipped(instrument, mean + std * noise)
        return self.vae.instruments[instrument](alpha * style + (1 - alpha) * latent)

    @cached_property
    def _write(self) -> Any:
        """Compiled: history (N, M, I, Z), thresholds broadcast to (N, S, P, I), temperature, latents; and, where it is
        given, what the piano plays, uint8 0/1 (N, S, P) -> 0/1 (N, S, P, I)."""
        return compiled(self._band)

    def _band(self, history: Any, thresholds: Any, temperature: Any, latents: Any, piano: Any = None) -> Any:
        band: list[Any] = []
        new: list[Any] = []
        plan = self.network.plan(history)
        for i in range(len(self.instruments)):
            if i == PIANO and piano is not None:
                cells = ops.cast(piano, "float32")
            else:
                logits = self._instrument_logits(i, history, plan, new, latents)
                cells = binarise(logits, temperature, thresholds[..., i], self.network.max_polyphony[i])
                cells = ops.cast(cells, "float32")
            band.append(cells)
            new.append(self.vae.latent_of(i, cells))
        return ops.cast(ops.stack(band, axis=-1), self.spec.dtype.name)

    @cached_property
    def _predict(self) -> Any:
        """Compiled: history (N, M, I, Z), latents, segments, uint8 0/1 (N, S, P, I) -> probabilities of that shape."""

        def predict(history: Any, latents: Any, segments: Any) -> Any:
            logits: list[Any] = []
            new: list[Any] = []
            plan = self.network.plan(history)
            for i, cells in enumerate(by_instrument(ops.cast(segments, "float32"))):
                logits.append(self._instrument_logits(i, history, plan, new, latents))
                new.append(self.vae.latent_of(i, cells))
            return ops.sigmoid(top_k_per_step(ops.stack(logits, axis=-1), self.network.max_polyphony))

        return compiled(predict)

    @cached_property
    def _nats(self) -> Any:
        """Compiled: history, float32 (N, M, I, Z), segments, uint8 0/1 (N, S, P, I) -> nats (N,)."""

        def nats(history: Any, segments: Any) -> Any:
            segments = ops.cast(segments, "float32")
            means, _ = self.network(history, self.vae.means(segments))
            return self.vae.nll(means, segments)

        return compiled(nats)

    def latent_inputs(self, number: int, context: SamplingContext) -> Any:
        """Noise in the deviations that are predicted, latents of the style, and how much of the style: float32 (number,
        I, Z) twice, (number, I, 1)."""
        shape = (number, *self._latent_shape)
        noise = self.noise_sd(context.sampler) * context.rng.standard_normal(shape, dtype=np.float32)
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
