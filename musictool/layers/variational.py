"""The variational autoencoder of one instrument's segments, and the network that predicts its next latent.

Keys become a step, steps a beat, beats the whole segment, by dense layers with the same weights for each step and for
each beat: a figure is the same wherever in the segment it stands. All of it is matrix products, which a CPU does
several times as fast as the convolutions of conditional_segment.

    segment (N, S, P) -> BeatEncoder -> mean, std (N, Z) -> z = mean + std * noise -> BeatDecoder -> logits (N, S, P)

Source: D. P. Kingma and M. Welling, "Auto-Encoding Variational Bayes" (2014). Limit: within a beat and a segment, order
is known by position only, so that the same figure one step later is another one.
"""

from __future__ import annotations

from typing import Any

from musictool.engine import nn, ops

BEAT_STEPS = 4  # steps per beat; S is a multiple of it
INITIAL_LOGIT = -4.5  # of a cell before training: about one in a hundred sounds


def posterior_params(output: Any) -> tuple[Any, Any]:
    """A layer's output, float32 (N, 2 Z) -> mean and standard deviation of the latent, float32 (N, Z) each."""
    mean, raw_std = ops.split(output, 2, axis=-1)
    return mean, ops.softplus(raw_std + 0.5) + 1e-3  # about 1 before training, as the prior's


def kl(mean: Any, std: Any) -> Any:
    """float32 (N, Z), nats: KL divergence of each number of the latent from the prior, a standard normal."""
    return 0.5 * (ops.square(mean) + ops.square(std) - 1) - ops.log(std)


def bernoulli_nll(logits: Any, cells: Any) -> Any:
    """Nats, in the shape of both: the negative log-likelihood of each cell, 0 or 1, under its logit."""
    return ops.softplus(logits) - logits * ops.cast(cells, "float32")


class BeatEncoder(nn.Layer):
    """0/1 (N, S, P) -> float (N, 2 width).

    Args:
        width: features per beat, a multiple of BEAT_STEPS; a step has a quarter as many.
        input_dropout: dropout rate of the cells.
    """

    def __init__(self, width: int, input_dropout: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.width = width
        self.input_dropout = nn.Dropout(input_dropout)
        self.step, self.beat, self.segment = (
            nn.Dense(units, activation="leaky_relu", name=name)
            for units, name in ((width // BEAT_STEPS, "step"), (width, "beat"), (2 * width, "segment"))
        )

    def build(self, shape: Any) -> None:
        _, steps, pitches = shape
        self.beats = steps // BEAT_STEPS
        self.step.build((None, steps, pitches))
        self.beat.build((None, self.beats, self.width))
        self.segment.build((None, self.beats * self.width))

    def compute_output_shape(self, shape: Any) -> Any:
        return (shape[0], 2 * self.width)

    def call(self, segments: Any, training: bool = False) -> Any:
        # the features of four steps side by side are the input of a beat, those of all beats the input of the whole
        x = self.step(self.input_dropout(segments, training=training))  # (N, S, width / 4)
        x = self.beat(ops.reshape(x, (-1, self.beats, self.width)))  # (N, S / 4, width)
        return self.segment(ops.reshape(x, (-1, self.beats * self.width)))  # (N, 2 width)


class BeatDecoder(nn.Layer):
    """The mirror of a BeatEncoder: latents, float (N, Z) -> float32 (N, S, P), the logit of each cell.

    Args:
        steps, pitches: S, a multiple of BEAT_STEPS, and P.
        width: features per beat, a multiple of BEAT_STEPS.
        dropout: dropout rate after each of the first two layers.
    """

    def __init__(self, steps: int, pitches: int, width: int, dropout: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.dropout = nn.Dropout(dropout)
        self.width, self.steps, self.beats = width, steps, steps // BEAT_STEPS
        self.segment, self.unfold, self.beat = (
            nn.Dense(units, activation="leaky_relu", name=name)
            for units, name in ((2 * width, "segment"), (self.beats * width, "unfold"), (width, "beat"))
        )
        silent = nn.initializers.Constant(INITIAL_LOGIT)  # else it takes an epoch to learn that most cells are
        self.step = nn.Dense(pitches, bias_initializer=silent, name="step")

    def build(self, shape: Any) -> None:
        self.segment.build(shape)
        self.unfold.build((None, 2 * self.width))
        self.beat.build((None, self.beats, self.width))
        self.step.build((None, self.steps, self.width // BEAT_STEPS))

    def call(self, latents: Any, training: bool = False) -> Any:
        # whole segment, then beats, then steps
        x = self.dropout(self.segment(latents), training=training)  # (N, 2 width)
        x = self.dropout(self.unfold(x), training=training)  # (N, S / 4 x width)
        x = self.beat(ops.reshape(x, (-1, self.beats, self.width)))  # (N, S / 4, width)
        x = ops.reshape(x, (-1, self.steps, self.width // BEAT_STEPS))  # (N, S, width / 4)
        return ops.cast(self.step(x), "float32")  # (N, S, P)


class SegmentAutoencoder(nn.Layer):
    """The posterior over the latent of a segment, and the logits of a segment with a given latent.

    Args:
        steps, pitches: S and P.
        width: of encoder and decoder.
        latent: Z.
        input_dropout: dropout rate of the cells that the encoder sees; the decoder has to reconstruct all of them.
        dropout: dropout rate within the decoder.
    """

    def __init__(
        self,
        steps: int,
        pitches: int,
        width: int,
        latent: int,
        input_dropout: float = 0.0,
        dropout: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.latent = latent
        self.encoder = BeatEncoder(width, input_dropout, name="encoder")
        self.posterior_head = nn.Dense(2 * latent, dtype="float32", name="posterior_head")
        self.decoder = BeatDecoder(steps, pitches, width, dropout, name="decoder")

    def build(self, shape: Any) -> None:
        self.encoder.build(shape)
        self.posterior_head.build(self.encoder.compute_output_shape(shape))
        self.decoder.build((None, self.latent))

    def call(self, latents: Any, training: bool = False) -> Any:
        """float32 (N, Z) -> float32 (N, S, P), the logit of each cell."""
        return self.decoder(latents, training=training)

    def posterior(self, segments: Any, training: bool = False) -> tuple[Any, Any]:
        """0/1 (N, S, P) -> mean and standard deviation of the latent, float32 (N, Z) each."""
        return posterior_params(self.posterior_head(self.encoder(segments, training=training)))


class LatentPredictor(nn.Layer):
    """Latents and a plan -> two dense layers -> mean and standard deviation of the next latent, float32 (N, Z) each; a
    linear layer from the latents to the mean beside them.

        latents (N, inputs x Z), plan (N, hidden) -> (N, Z), (N, Z)

    Args:
        hidden: units of a dense layer.
        latent: Z.
        inputs: how many latents it is given.
    """

    def __init__(self, hidden: int, latent: int, inputs: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.inputs, self.latent = inputs, latent
        self.dense = [nn.Dense(hidden, activation="leaky_relu", name=f"dense_{i + 1}") for i in range(2)]
        self.linear = nn.Dense(latent, use_bias=False, dtype="float32", name="linear")
        self.output_layer = nn.Dense(2 * latent, dtype="float32", name="output_layer")

    def build(self, shape: Any) -> None:
        inputs, hidden = self.inputs * self.latent, self.dense[0].units
        self.dense[0].build((None, inputs + hidden))
        self.dense[1].build((None, hidden))
        self.linear.build((None, inputs))
        self.output_layer.build((None, hidden))

    def call(self, latents: Any, plan: Any) -> tuple[Any, Any]:
        x = ops.concatenate([latents, ops.cast(plan, latents.dtype)], axis=-1)
        for dense in self.dense:
            x = dense(x)  # (N, hidden)
        mean, std = posterior_params(self.output_layer(x))
        return self.linear(latents) + mean, std
