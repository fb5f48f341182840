"""The last layer of a model of frames: how likely each key is to sound, and how a frame is drawn."""

from __future__ import annotations

from typing import Any, ClassVar

import keras
from keras import ops

from musictool.sampling.sampler import Sampler

RARE = -5.0  # log-odds of a key to begin to sound, before training: once in 150 frames
HELD = 6.0  # what is added to them before training where the key sounds already


class SigmoidHead(keras.layers.Layer):
    """Each key by itself: a sigmoid a key, as Huang and Wu (2016) and all of the early models of piano-rolls have it.

    A head gives `logits`, judges a frame by them and draws one. A head that goes through the frame in an order, so that
    a later key knows the earlier ones, is a subclass with more `parts` and its own `logits`; nothing else changes.

    Besides the features a head hears the frame before directly: a key that sounds is likely to sound on, and to say so
    through the few features of a recurrent layer takes long to learn. With `hold` off it hears the features only.

    Honest limit: the keys of a frame do not know of one another, so that two chords that are each likely may be drawn
    half and half.

    Args:
        size: D, numbers in a frame.
        hold: whether each key has a weight of its own for that it sounds already.
    """

    parts: ClassVar[int] = 1  # groups of keys, equal in size, that are drawn one after another

    def __init__(self, size: int, hold: bool = True, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = size
        self.hold = hold

    @property
    def draws(self) -> int:
        """U, uniform numbers that one drawing takes."""
        return self.size

    def build(self, shape: Any) -> None:
        """For features (..., W)."""
        width = shape[-1]
        self.kernel = self.add_weight((width, self.size), "glorot_uniform", name="kernel")
        self.bias = self.add_weight((self.size,), keras.initializers.Constant(RARE), name="bias", autocast=False)
        if self.hold:
            held = keras.initializers.Constant(HELD)
            self.held = self.add_weight((self.size,), held, name="held", autocast=False)

    def context(self, frames: Any) -> Any:
        """What the head hears of the past itself when each of the frames, float32 0/1 (B, T, D), has been heard: the
        frame. A subclass that hears more gives several arrays (B, T, ...)."""
        return frames

    def initial_context(self, batch_size: int) -> Any:
        """The same for one frame after another: what is kept before the first."""
        return ()

    def update_context(self, frame: Any, state: Any) -> tuple[Any, Any]:
        """float32 0/1 (B, D) and what is kept -> what the head hears of the past now, and what is kept after it."""
        return frame, state

    def logits(self, features: Any, before: Any, y: Any) -> Any:
        """Log-odds of each key, given the keys of the parts before its own.

        Args:
            features: float (..., W).
            before: what `recollect` gives: float32 0/1 (..., D), the frame before.
            y: float32 0/1 (..., D), the frame itself: of it a key hears nothing but the parts before its own.

        Returns:
            float32 (..., D).
        """
        return ops.cast(ops.matmul(features, self.kernel), "float32") + self._usual(before)

    def _usual(self, before: Any) -> Any:
        """float32 (..., D): what is to be said of each key without the features."""
        return self.bias + before * self.held if self.hold else self.bias

    def loss_and_metrics(self, logits: Any, y: Any) -> tuple[Any, Any]:
        """How well a frame was foretold.

        Args:
            logits: as `logits` gives them.
            y: float32 0/1 (..., D), the frame.

        Returns:
            two float32 (...,): the nats of the frame, which is the sum over its keys of Bernoulli cross-entropy; and
            its accuracy, hits / (hits + false alarms + misses) of the keys that are likelier to sound than not, 1 where
            neither those nor the frame has any.
        """
        nats = ops.sum(ops.softplus(logits) - logits * y, axis=-1)
        return nats, accuracy(ops.cast(logits > 0, "float32"), y)

    def draw(self, features: Any, before: Any, uniform: Any, sampler: Sampler, logit_bias: Any) -> Any:
        """A frame, part by part.

        Args:
            features: float (B, W).
            before: what `remember` gives: float32 0/1 (B, D).
            uniform: float32 (B, U) in [0, 1).
            sampler: of which only the temperature has a meaning for keys that are drawn one by one.
            never: float32 (D,), 0, or a logit that no temperature brings back.

        Returns:
            float32 0/1 (B, D).
        """
        frame = ops.zeros_like(uniform)
        each = self.size // self.parts
        for part in range(self.parts):
            logits = self.logits(features, before, frame) / sampler.temperature + logit_bias
            drawn = ops.cast(uniform < ops.sigmoid(logits), "float32")
            own = slice(part * each, (part + 1) * each)
            frame = ops.concatenate([frame[:, : own.start], drawn[:, own], frame[:, own.stop :]], axis=-1)
        return frame


def accuracy(foretold: Any, y: Any) -> Any:
    """float32 (...,): of 0/1 (..., D) and 0/1 (..., D), the keys of both over the keys of either; 1 where both are
    empty."""
    both, either = ops.sum(foretold * y, axis=-1), ops.sum(ops.maximum(foretold, y), axis=-1)
    return ops.where(either > 0, both / ops.maximum(either, 1.0), 1.0)
