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

    def call(self, frames: Any) -> tuple[Any, Any]:
        """What is known when each frame has been heard.

        Args:
            frames: float32 0/1 (B, T, D).

        Returns:
            float32 (B, T, D, C), and float32 (B, T, A): how far each recollector has found a place like this one.
        """
        alike = cosines(frames, frames)  # (B, T, T)
        compared = ops.stack([_moved(alike, back, back) for back in range(CONTEXT)], axis=-1)
        expected, found = self._expected(frames, compared, ops.arange(ops.shape(frames)[1]), 0)
        lags = ops.stack([earlier(frames, lag) for lag in LAGS], axis=-1)  # (B, T, D, lags)
        return ops.concatenate([lags, expected], axis=-1), found

    def latest(self, frames: Any, first: Any) -> tuple[Any, Any]:
        """The same when the last of at least LAGS[-1] + 1 frames has been heard, (B, D, C) and (B, A).

        Args:
            frames: float32 0/1 (B, T, D).
            first: int, the first frame that exists; those before it are zeros that nobody has heard.
        """
        length = frames.shape[1]
        exists = ops.cast(ops.arange(length) >= first, "float32")
        alike = cosines(ops.flip(frames[:, -CONTEXT:], axis=1), frames) * exists  # (B, CONTEXT, T), the last one first
        compared = ops.stack([_moved(alike[:, back : back + 1], 0, back) for back in range(CONTEXT)], axis=-1)
        compared = compared * ops.flip(exists[-CONTEXT:])
        expected, found = self._expected(frames, compared, ops.arange(length - 1, length), first)
        lags = ops.stack([frames[:, length - 1 - lag] for lag in LAGS], axis=-1)  # (B, D, lags)
        return ops.concatenate([lags, expected[:, 0]], axis=-1), found[:, 0]

    def _expected(self, frames: Any, compared: Any, at: Any, first: Any) -> tuple[Any, Any]:
        """What recollectors at some of the places expect, and how far they have found one like theirs.

        Args:
            frames: (B, T, D).
            compared: (B, Q, T, CONTEXT), how alike the frames before each of Q places and before each of all are.
            at: int (Q,), the places.
            first: the first place that exists.

        Returns:
            (B, Q, D, A), (B, Q, A).
        """
        places = ops.arange(ops.shape(frames)[1])
        distance = at[:, None] - places[None]  # (Q, T)
        exists = (distance >= 1) & (distance <= REACH) & (places[None] >= first)
        liking = ops.take(self.distance, ops.clip(distance - 1, 0, REACH - 1), axis=1)  # (A, Q, T)
        score = ops.transpose(ops.matmul(compared, ops.transpose(self.likeness)), (0, 3, 1, 2))  # (B, A, Q, T)
        score = ops.where(exists, score + liking, HIDDEN)
        nothing = self.nothing[:, None, None]
        top = ops.maximum(ops.max(score, axis=-1, keepdims=True), nothing)
        weight = ops.exp(score - top)
        weight = weight / (ops.sum(weight, axis=-1, keepdims=True) + ops.exp(nothing - top))
        follows = ops.concatenate([frames[:, 1:], ops.zeros_like(frames[:, :1])], axis=1)  # (B, T, D)
        expected = ops.matmul(weight, follows[:, None])  # (B, A, Q, D)
        return ops.transpose(expected, (0, 2, 3, 1)), ops.transpose(ops.sum(weight, axis=-1), (0, 2, 1))


def cosines(some: Any, others: Any) -> Any:
    """(B, Q, T) in [0, 1]: how alike 0/1 frames (B, Q, D) and (B, T, D) are."""
    lengths = [ops.sqrt(ops.sum(each, axis=-1) + ALONE) for each in (some, others)]
    common = ops.matmul(some, ops.transpose(others, (0, 2, 1))) + ALONE
    return common / (lengths[0][:, :, None] * lengths[1][:, None])


def earlier(frames: Any, lag: int) -> Any:
    """(B, T, D): what was heard so many frames before each."""
    if not lag:
        return frames
    return ops.pad(frames, ((0, 0), (lag, 0), (0, 0)))[:, : ops.shape(frames)[1]]


def _moved(alike: Any, down: int, right: int) -> Any:
    """(B, Q, T), moved, with zeros where nothing comes from."""
    places, length = ops.shape(alike)[1], ops.shape(alike)[2]
    return ops.pad(alike, ((0, 0), (down, 0), (right, 0)))[:, :places, :length]
