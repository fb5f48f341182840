"""The variational autoencoder of one instrument: a segment as Z numbers, and back (Kingma and Welling 2014)."""

from __future__ import annotations

from typing import Any

import keras

from musictool.layers.beat_decoder import BeatDecoder
from musictool.layers.beat_encoder import BeatEncoder
from musictool.layers.gaussian import posterior


class SegmentAutoencoder(keras.layers.Layer):
    """What is known of a segment's Z numbers, and what a segment with such numbers plays.

    Args:
        width: of encoder and decoder.
        latent: Z.
        forget: share of the cells that the encoder does not hear in training; the decoder has to say them all.
        dropout: share of the decoder's numbers that are left out in training.
    """

    def __init__(self, width: int, latent: int, forget: float = 0.0, dropout: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.latent = latent
        self.encoder = BeatEncoder(width, forget, name="encoder")
        self.guess = keras.layers.Dense(2 * latent, dtype="float32", name="guess")
        self.decoder = BeatDecoder(width, dropout, name="decoder")

    def build(self, shape: Any) -> None:
        self.encoder.build(shape)
        self.guess.build(self.encoder.compute_output_shape(shape))
        self.decoder.build((None, self.latent))

    def call(self, numbers: Any, training: bool = False) -> Any:
        """float32 (N, Z) -> float32 (N, S, P), log-odds of each cell."""
        return self.decoder(numbers, training=training)

    def posterior(self, segments: Any, training: bool = False) -> tuple[Any, Any]:
        """0/1 (N, S, P) -> mean and standard deviation, float32 (N, Z) each, of the numbers that it may have had."""
        return posterior(self.guess(self.encoder(segments, training=training)))
