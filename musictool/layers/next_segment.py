"""What an instrument plays next, given what it and perhaps the piano play: one of many answers, as a number says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from musictool.layers import gaussian
from musictool.layers.segment_decoder import SegmentDecoder
from musictool.layers.segment_encoder import SegmentEncoder

FREE_NATS = 0.1  # of each number, which a network may know of the answer for nothing: else it learns to ignore them


class NextSegment(keras.layers.Layer):
    """Segments heard -> 3 convolutions each -> 3 dense layers, which are told Z numbers -> 3 transposed convolutions.

    In training the numbers come from a second encoder, which has seen the answer and says of each number where it lies
    and how surely; the loss charges what that tells beyond the numbers' usual spread, a standard normal.

    Args:
        width, hidden: channels of the first convolution; units of a dense layer.
        latent: Z; 0 for a network that gives one answer.
        heard: segments that it hears, the instrument's own last one first.
        skip: whether each step hears directly what the instrument played a segment ago.
        forget: share of the cells heard that are silenced in training.
    """

    def __init__(self, width: int, hidden: int, latent: int, heard: int, skip: bool, forget: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.latent = latent
        self.forget = keras.layers.Dropout(forget)
        self.listening = [SegmentEncoder(width, name=f"listening_{i + 1}") for i in range(heard)]
        self.dense = [keras.layers.Dense(hidden, activation="relu", name=f"dense_{i + 1}") for i in range(2)]
        self.decoder = SegmentDecoder(width, name="decoder")
        self.skip = keras.layers.Dense(self.decoder.cells[0], name="skip") if skip else None
        if latent:
            self.seeing = SegmentEncoder(width, name="seeing")
            self.guess = keras.layers.Dense(2 * latent, dtype="float32", name="guess")
            self.noise = keras.random.SeedGenerator(0)
            self.fixed = np.random.default_rng(0).standard_normal(latent).astype(np.float32)

    def build(self, shape: Any) -> None:
        for encoder in self.listening:
            encoder.build(shape)
        features = self.listening[0].features * len(self.listening)
        self.dense[0].build((None, features))
        hidden = self.dense[0].units
        self.dense[1].build((None, hidden + self.latent))
        self.decoder.build((None, hidden))
        if self.skip:
            self.skip.build((None, hidden))
        if self.latent:
            self.seeing.build(shape)
            self.guess.build((None, self.seeing.features + hidden))

    def call(self, heard: Sequence[Any], numbers: Any) -> Any:
        """0/1 (N, S, P) each, float32 (N, Z) -> float32 (N, S, P), log-odds of each cell."""
        return self._answer(self._listened(heard, False), heard[0], numbers)

    def nats(self, heard: Sequence[Any], answer: Any, training: bool = False) -> Any:
        """Nats (N,) of an answer, 0/1 (N, S, P): exact without numbers, else at most so many (the evidence bound).

        Outside training the bound takes one fixed draw for all, so that it is the same at every call.
        """
        features = self._listened(heard, training)
        if not self.latent:
            return _cost(self._answer(features, heard[0], features[:, :0]), answer)
        mean, deviation = self._guessed(features, answer)
        noise = keras.random.normal(ops.shape(mean), seed=self.noise) if training else self.fixed
        told = gaussian.told(mean, deviation)  # (N, Z)
        told = ops.maximum(told, FREE_NATS) if training else told
        logits = self._answer(features, heard[0], mean + deviation * noise)
        return _cost(logits, answer) + ops.sum(told, axis=-1)

    def _listened(self, heard: Sequence[Any], training: bool) -> Any:
        kept = (self.forget(segment, training=training) for segment in heard)
        features = [encoder(segment) for encoder, segment in zip(self.listening, kept, strict=True)]
        return self.dense[0](ops.concatenate(features, axis=-1))  # (N, hidden)

    def _guessed(self, features: Any, answer: Any) -> tuple[Any, Any]:
        """Mean and standard deviation (N, Z) of the numbers that the answer is known by."""
        return gaussian.posterior(self.guess(ops.concatenate([self.seeing(answer), features], axis=-1)))

    def _answer(self, features: Any, before: Any, numbers: Any) -> Any:
        x = self.dense[1](ops.concatenate([features, ops.cast(numbers, features.dtype)], axis=-1))
        logits = self.decoder(x)
        if self.skip:
            logits = logits + ops.cast(self.skip(x), "float32")[..., None] * ops.cast(before, "float32")
        return logits


def _cost(logits: Any, answer: Any) -> Any:
    """float32 (N,), nats of all cells."""
    return ops.sum(gaussian.cost(logits, answer), axis=(-2, -1))
