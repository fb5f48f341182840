"""What each key did in the frames heard so far: now and some frames ago, and what followed when it last sounded so."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

LAGS = (0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 15, 19, 23, 31, 47, 63)  # frames back from the last one that was heard
CONTEXT = 8  # frames that are compared, to find a place like this one
REACH = 192  # frames back that such a place may lie
HIDDEN = -1e9  # the score of a place that does not exist
ALONE = 0.25  # what two frames without a key in common have in common, so that silence is like silence


class Recollection(keras.layers.Layer):
    """Frames -> numbers for every key: whether it sounded at each of LAGS, and how much each recollector expects it.

    Music repeats itself, and a recurrent layer cannot spell out what it heard a phrase ago. A recollector compares the
    last CONTEXT frames with those before every earlier place (the cosine of two frames, with a weight for each distance
    from the place), adds a liking for certain distances, such as a phrase, and expects the mean of the frames that
    followed there; it may also look at nothing. That is attention (Bahdanau 2015) with the music itself as its keys
    and a few dozen weights, which finds a repeated tune from the first epoch on.

    Honest limit: a tune that comes back on another key is not recognised.

    Args:
        size: D, keys.
        recollectors: A, each with weights of its own.
    """

    def __init__(self, size: int, recollectors: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = size
        self.recollectors = recollectors

    @property
    def channels(self) -> int:
        """C, numbers for a key."""
        return len(LAGS) + self.recollectors

    def build(self, shape: Any = None) -> None:
        """The first recollector begins by comparing one frame, the next two, and so on by doubling."""
        compared = 2.0 ** np.arange(self.recollectors)
        weights = 8.0 * (np.arange(CONTEXT) < compared[:, None]) / np.minimum(compared, CONTEXT)[:, None]
        constant = keras.initializers.Constant
        self.likeness = self.add_weight(
            (self.recollectors, CONTEXT), constant(weights), name="likeness", autocast=False
        )
        self.distance = self.add_weight((self.recollectors, REACH), "zeros", name="distance", autocast=False)
        self.nothing = self.add_weight((self.recollectors,), constant(7.0), name="nothing", autocast=False)

    def call(self, frames: Any, first: Any = 0) -> tuple[Any, Any]:
        """What is known when each frame has been heard.

        Args:
            frames: float32 0/1 (B, T, D).
            first: the first frame that exists; those before it are zeros that nobody has heard.

        Returns:
            float32 (B, T, D, C), and float32 (B, T, A): how far each recollector has found a place like this one.
        """
        expected, found = self._recollect(frames, first)
        lags = ops.stack([earlier(frames, lag) for lag in LAGS], axis=-1)  # (B, T, D, lags)
        return ops.concatenate([lags, expected], axis=-1), found

    def _recollect(self, frames: Any, first: Any) -> tuple[Any, Any]:
        length = ops.shape(frames)[1]
        alike = self._alike(frames, first)  # (B, T, T)
        distance, exists = self._distances(length, first)  # (T, T)
        liking = ops.take(self.distance, ops.clip(distance - 1, 0, REACH - 1), axis=1)  # (A, T, T)
        compared = ops.stack([_diagonal(alike, back) for back in range(CONTEXT)], axis=-1)  # (B, T, T, CONTEXT)
        score = ops.transpose(ops.matmul(compared, ops.transpose(self.likeness)), (0, 3, 1, 2))  # (B, A, T, T)
        score = ops.where(exists, score + liking, HIDDEN)
        top = ops.maximum(ops.max(score, axis=-1, keepdims=True), self.nothing[:, None, None])
        weight = ops.exp(score - top)
        weight = weight / (ops.sum(weight, axis=-1, keepdims=True) + ops.exp(self.nothing[:, None, None] - top))
        follows = ops.concatenate([frames[:, 1:], ops.zeros_like(frames[:, :1])], axis=1)  # (B, T, D)
        expected = ops.matmul(weight, follows[:, None])  # (B, A, T, D)
        return ops.transpose(expected, (0, 2, 3, 1)), ops.transpose(ops.sum(weight, axis=-1), (0, 2, 1))

    def _alike(self, frames: Any, first: Any) -> Any:
        """(B, T, T) in [0, 1]: the cosine of every two frames; 0 where one does not exist."""
        exists = ops.cast(ops.arange(ops.shape(frames)[1]) >= first, "float32")[:, None]
        unit = exists / ops.sqrt(ops.sum(frames, axis=-1, keepdims=True) + ALONE)  # (B, T, 1)
        return (ops.matmul(frames, ops.transpose(frames, (0, 2, 1))) + ALONE) * unit * ops.transpose(unit, (0, 2, 1))

    def _distances(self, length: Any, first: Any) -> tuple[Any, Any]:
        """How far each place [of, at] lies back, and whether it may be looked at: it exists and is in reach."""
        places = ops.arange(length)
        distance = places[:, None] - places[None]
        return distance, (distance >= 1) & (distance <= REACH) & (places[None] >= first)


def earlier(frames: Any, lag: int) -> Any:
    """(B, T, D): what was heard so many frames before each."""
    if not lag:
        return frames
    return ops.pad(frames, ((0, 0), (lag, 0), (0, 0)))[:, : ops.shape(frames)[1]]


def _diagonal(alike: Any, back: int) -> Any:
    """(B, T, T) of what lies so far before both."""
    if not back:
        return alike
    length = ops.shape(alike)[1]
    return ops.pad(alike, ((0, 0), (back, 0), (back, 0)))[:, :length, :length]
