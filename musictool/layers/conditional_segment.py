"""What an instrument plays next, given its last segment and perhaps the piano's: a conditional VAE of convolutions.

    context (N, S, P) each -> SegmentEncoder -> features (N, hidden) -+
    latent (N, Z), drawn: in training from a posterior that has seen  +-> dense -> SegmentDecoder -> logits (N, S, P)
    the target, in generation from a standard normal -----------------+

Source: K. Sohn, H. Lee and X. Yan, "Learning Structured Output Representation using Deep Conditional Generative Models"
(2015), over the convolutions of I. Tham and M. Kim's MelodyCNN (2021). Limit: one latent for a whole segment, so that
which of several answers it is, is decided once per two bars.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from musictool.engine import nn, ops
from musictool.layers.variational import INITIAL_LOGIT, bernoulli_nll, kl, posterior_params

KERNEL, STRIDE = 4, 2
DEPTH = 3  # convolutions; S and P are multiples of STRIDE ** DEPTH
FREE_NATS = 0.1  # of each number's KL that costs nothing in training: else a network learns to ignore its latent


class SegmentEncoder(nn.Layer):
    """0/1 (N, S, P) -> three convolutions, each of half the height and width -> float (N, S / 8 x P / 8 x 4 width).

    Args:
        width: channels of the first convolution; the next have twice and four times as many.
    """

    def __init__(self, width: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.convolutions = [
            nn.Conv2D(width * 2**i, KERNEL, STRIDE, "same", activation="relu", name=f"convolution_{i + 1}")
            for i in range(DEPTH)
        ]
        self.flatten = nn.Flatten()

    def build(self, shape: Any) -> None:
        shape = (None, *shape[1:], 1)
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
        self.features = int(shape[1] * shape[2] * shape[3])

    def compute_output_shape(self, shape: Any) -> Any:
        return (shape[0], self.features)

    def call(self, segments: Any) -> Any:
        x = segments[..., None]  # (N, S, P, 1)
        for convolution in self.convolutions:
            x = convolution(x)
        return self.flatten(x)  # (N, features)


class SegmentDecoder(nn.Layer):
    """The mirror of a SegmentEncoder: float (N, F) -> dense -> three transposed convolutions -> float32 (N, S, P).

    What comes out is the logit of each cell. A bias for each pitch is added at the end, so that the convolutions, to
    which all pitches are alike, need not learn where an instrument plays.

    Args:
        steps, pitches: S and P, multiples of STRIDE ** DEPTH.
        width: channels of the last convolution but one; those before have twice and four times as many.
    """

    def __init__(self, steps: int, pitches: int, width: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.pitches = pitches
        scale = STRIDE**DEPTH
        self.smallest = (steps // scale, pitches // scale, width * 2 ** (DEPTH - 1))
        self.unfold = nn.Dense(self.smallest[0] * self.smallest[1] * self.smallest[2], activation="relu", name="unfold")
        self.convolutions = [
            nn.Conv2DTranspose(channels, KERNEL, STRIDE, "same", activation=activation, name=f"convolution_{i + 1}")
            for i, (channels, activation) in enumerate(((width * 2, "relu"), (width, "relu"), (1, None)))
        ]

    def build(self, shape: Any) -> None:
        self.unfold.build(shape)
        shape = (None, *self.smallest)
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
        silent = nn.initializers.Constant(INITIAL_LOGIT)
        self.pitch_bias = self.add_weight((self.pitches,), silent, name="pitch_bias", autocast=False)

    def call(self, features: Any) -> Any:
        x = ops.reshape(self.unfold(features), (-1, *self.smallest))  # (N, S / 8, P / 8, 4 width)
        for convolution in self.convolutions:
            x = convolution(x)
        return ops.cast(x[..., 0], "float32") + self.pitch_bias  # (N, S, P)


class NextSegment(nn.Layer):
    """Context -> 3 convolutions each -> 3 dense layers, the second of which gets the latent -> 3 transposed ones.

    Args:
        steps, pitches: S and P, multiples of STRIDE ** DEPTH.
        width, hidden: channels of the first convolution; units of a dense layer.
        latent: Z; 0 for a network that gives one answer.
        inputs: segments in the context; the instrument's own last one is the first.
        skip_previous: whether each step also sees directly what the instrument played a segment ago.
        input_dropout: dropout rate of the context's cells.
    """

    def __init__(
        self,
        steps: int,
        pitches: int,
        width: int,
        hidden: int,
        latent: int,
        inputs: int,
        skip_previous: bool,
        input_dropout: float,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.latent = latent
        self.input_dropout = nn.Dropout(input_dropout)
        self.context_encoders = [SegmentEncoder(width, name=f"context_encoder_{i + 1}") for i in range(inputs)]
        self.dense = [nn.Dense(hidden, activation="relu", name=f"dense_{i + 1}") for i in range(2)]
        self.decoder = SegmentDecoder(steps, pitches, width, name="decoder")
        self.skip_weights = nn.Dense(steps, name="skip_weights") if skip_previous else None
        if latent:
            self.target_encoder = SegmentEncoder(width, name="target_encoder")
            self.posterior_head = nn.Dense(2 * latent, dtype="float32", name="posterior_head")
            self.seed_generator = nn.SeedGenerator(0)
            self.fixed_noise = np.random.default_rng(0).standard_normal(latent).astype(np.float32)

    def build(self, shape: Any) -> None:
        for encoder in self.context_encoders:
            encoder.build(shape)
        features = self.context_encoders[0].features * len(self.context_encoders)
        self.dense[0].build((None, features))
        hidden = self.dense[0].units
        self.dense[1].build((None, hidden + self.latent))
        self.decoder.build((None, hidden))
        if self.skip_weights:
            self.skip_weights.build((None, hidden))
        if self.latent:
            self.target_encoder.build(shape)
            self.posterior_head.build((None, self.target_encoder.features + hidden))

    def call(self, context: Sequence[Any], latent: Any) -> Any:
        """0/1 (N, S, P) each, float32 (N, Z) -> float32 (N, S, P), the logit of each cell."""
        return self._logits(self._features(context, False), context[0], latent)

    def nll(self, context: Sequence[Any], target: Any, training: bool = False) -> Any:
        """Nats (N,) of a target, 0/1 (N, S, P): exact without a latent, else an upper bound (the negative ELBO).

        Outside training the bound takes one fixed draw for all, so that it is the same at every call.
        """
        features = self._features(context, training)
        if not self.latent:
            return _segment_nll(self._logits(features, context[0], features[:, :0]), target)

        # draw a latent from the posterior (the reparameterisation trick)
        mean, std = self._posterior(features, target)
        noise = nn.random.normal(ops.shape(mean), seed=self.seed_generator) if training else self.fixed_noise
        logits = self._logits(features, context[0], mean + std * noise)

        # reconstruction + KL, of which each number has some for nothing in training
        divergence = kl(mean, std)  # (N, Z)
        divergence = ops.maximum(divergence, FREE_NATS) if training else divergence
        return _segment_nll(logits, target) + ops.sum(divergence, axis=-1)  # (N,)

    def _features(self, context: Sequence[Any], training: bool) -> Any:
        dropped = (self.input_dropout(segment, training=training) for segment in context)
        features = [encoder(segment) for encoder, segment in zip(self.context_encoders, dropped, strict=True)]
        return self.dense[0](ops.concatenate(features, axis=-1))  # (N, hidden)

    def _posterior(self, features: Any, target: Any) -> tuple[Any, Any]:
        """Mean and standard deviation (N, Z) of the latent of a target in its context."""
        both = ops.concatenate([self.target_encoder(target), features], axis=-1)
        return posterior_params(self.posterior_head(both))

    def _logits(self, features: Any, previous: Any, latent: Any) -> Any:
        x = self.dense[1](ops.concatenate([features, ops.cast(latent, features.dtype)], axis=-1))  # (N, hidden)
        logits = self.decoder(x)  # (N, S, P)
        if self.skip_weights:  # per step, how much what the instrument played a segment ago counts
            weights = ops.cast(self.skip_weights(x), "float32")[..., None]  # (N, S, 1)
            logits = logits + weights * ops.cast(previous, "float32")
        return logits


def _segment_nll(logits: Any, target: Any) -> Any:
    """float32 (N,), nats of all cells."""
    return ops.sum(bernoulli_nll(logits, target), axis=(-2, -1))
