"""Attention over earlier frames: what each key did some frames ago, and what followed when it last sounded so."""

from __future__ import annotations

from typing import Any

import numpy as np

from musictool.engine import nn, ops

LAGS = (0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 15, 19, 23, 31, 47, 63)  # frames back from the current one
CONTEXT = 8  # frames that are compared, to find an earlier position like the current one
MAX_DISTANCE = 192  # frames back that such a position may lie
MASKED_SCORE = -1e9  # of a position that does not exist
SMOOTHING = 0.25  # added to what two frames have in common and to their lengths, so that silence is like silence


class RepeatAttention(nn.Layer):
    """Frames -> numbers for every key: whether it sounded at each of LAGS, and how much each head expects it.

    Music repeats itself, and a recurrent layer cannot spell out a phrase that it read long ago. A head compares the
    last CONTEXT frames with those before every earlier position (the cosine of two frames, with a weight for each
    distance from the position), adds a bias for each distance, such as that of a phrase, and expects the mean of the
    frames that followed there; it may also attend to nothing. That is attention (Bahdanau 2015) with the music itself
    as its queries, keys and values, and a few dozen weights, which finds a repeated tune from the first epoch on.

    Limit: a tune that comes back in another key is not recognised.

    Args:
        size: D, keys.
        heads: A, each with weights of its own.
    """

    def __init__(self, size: int, heads: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = size
        self.heads = heads

    @property
    def channels(self) -> int:
        """C, numbers per key."""
        return len(LAGS) + self.heads

    def build(self, shape: Any = None) -> None:
        """The first head begins by comparing one frame, the next two, and so on by doubling."""
        compared = 2.0 ** np.arange(self.heads)
        weights = 8.0 * (np.arange(CONTEXT) < compared[:, None]) / np.minimum(compared, CONTEXT)[:, None]
        constant = nn.initializers.Constant
        self.match_weights = self.add_weight(
            (self.heads, CONTEXT), constant(weights), name="match_weights", autocast=False
        )
        self.distance_bias = self.add_weight((self.heads, MAX_DISTANCE), "zeros", name="distance_bias", autocast=False)
        self.null_logit = self.add_weight((self.heads,), constant(7.0), name="null_logit", autocast=False)

    def call(self, frames: Any) -> tuple[Any, Any]:
        """The numbers after each frame.

        Args:
            frames: float32 0/1 (B, T, D).

        Returns:
            float32 (B, T, D, C), and float32 (B, T, A) in [0, 1]: how sure each head is that it has found a repeat.
        """
        # Compare every frame with every other, then the frames `back` before each of two positions.
        similarity = frame_similarity(frames, frames)  # (B, T, T)
        contexts = ops.stack([_shifted(similarity, back, back) for back in range(CONTEXT)], axis=-1)
        expected, certainty = self._attend(frames, contexts, ops.arange(ops.shape(frames)[1]), 0)
        lags = ops.stack([delayed(frames, lag) for lag in LAGS], axis=-1)  # (B, T, D, lags)
        return ops.concatenate([lags, expected], axis=-1), certainty

    def latest(self, frames: Any, start: Any) -> tuple[Any, Any]:
        """The same after the last of at least LAGS[-1] + 1 frames: (B, D, C) and (B, A).

        Args:
            frames: float32 0/1 (B, T, D).
            start: int, the first frame that exists; those before it are padding, all zeros.
        """
        length = frames.shape[1]
        exists = ops.cast(ops.arange(length) >= start, "float32")
        # Compare the last CONTEXT frames, the last one first, with all: (B, CONTEXT, T).
        similarity = frame_similarity(ops.flip(frames[:, -CONTEXT:], axis=1), frames) * exists
        contexts = ops.stack([_shifted(similarity[:, back : back + 1], 0, back) for back in range(CONTEXT)], axis=-1)
        contexts = contexts * ops.flip(exists[-CONTEXT:])  # (B, 1, T, CONTEXT)
        expected, certainty = self._attend(frames, contexts, ops.arange(length - 1, length), start)
        lags = ops.stack([frames[:, length - 1 - lag] for lag in LAGS], axis=-1)  # (B, D, lags)
        return ops.concatenate([lags, expected[:, 0]], axis=-1), certainty[:, 0]

    def _attend(self, frames: Any, similarity: Any, queries: Any, start: Any) -> tuple[Any, Any]:
        """What the heads expect after some of the positions, and how sure each is of a repeat.

        Args:
            frames: (B, T, D).
            similarity: (B, Q, T, CONTEXT), of the frames before each of Q positions and before each of all T.
            queries: int (Q,), those positions.
            start: the first position that exists.

        Returns:
            (B, Q, D, A), (B, Q, A).
        """
        # A query attends to the positions before it, up to MAX_DISTANCE back.
        positions = ops.arange(ops.shape(frames)[1])
        distance = queries[:, None] - positions[None]  # (Q, T)
        visible = (distance >= 1) & (distance <= MAX_DISTANCE) & (positions[None] >= start)

        # Score: weighted similarity of the contexts, and a bias for the distance.
        bias = ops.take(self.distance_bias, ops.clip(distance - 1, 0, MAX_DISTANCE - 1), axis=1)  # (A, Q, T)
        score = ops.matmul(similarity, ops.transpose(self.match_weights))  # (B, Q, T, A)
        score = ops.where(visible, ops.transpose(score, (0, 3, 1, 2)) + bias, MASKED_SCORE)  # (B, A, Q, T)

        # Softmax over the positions and nothing at all, whose score is null_logit.
        null = self.null_logit[:, None, None]
        top = ops.maximum(ops.max(score, axis=-1, keepdims=True), null)
        weights = ops.exp(score - top)
        weights = weights / (ops.sum(weights, axis=-1, keepdims=True) + ops.exp(null - top))

        # The value of a position is the frame after it; the last one has none that a query could see.
        values = ops.concatenate([frames[:, 1:], ops.zeros_like(frames[:, :1])], axis=1)  # (B, T, D)
        expected = ops.matmul(weights, values[:, None])  # (B, A, Q, D)
        return ops.transpose(expected, (0, 2, 3, 1)), ops.transpose(ops.sum(weights, axis=-1), (0, 2, 1))


def frame_similarity(queries: Any, keys: Any) -> Any:
    """(B, Q, T) in [0, 1]: the smoothed cosine of 0/1 frames (B, Q, D) and (B, T, D)."""
    query_length, key_length = (ops.sqrt(ops.sum(frames, axis=-1) + SMOOTHING) for frames in (queries, keys))
    common = ops.matmul(queries, ops.transpose(keys, (0, 2, 1))) + SMOOTHING
    return common / (query_length[:, :, None] * key_length[:, None])


def delayed(frames: Any, lag: int) -> Any:
    """(B, T, D): the frame `lag` frames before each, zeros before the first."""
    if not lag:
        return frames
    return ops.pad(frames, ((0, 0), (lag, 0), (0, 0)))[:, : ops.shape(frames)[1]]


def _shifted(similarity: Any, down: int, right: int) -> Any:
    """(B, Q, T), shifted, with zeros moving in."""
    queries, length = ops.shape(similarity)[1], ops.shape(similarity)[2]
    return ops.pad(similarity, ((0, 0), (down, 0), (right, 0)))[:, :queries, :length]
