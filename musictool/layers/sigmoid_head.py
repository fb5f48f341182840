"""The last layer of a network of frames: the probability of each key, and how a frame is drawn from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from musictool.engine import nn, ops

ONSET_LOGIT = -5.0  # of a key that does not sound yet, before training: one onset in 150 frames
HOLD_LOGIT = 6.0  # added before training for a key that sounds already


class SigmoidHead(nn.Layer):
    """Independent keys: one sigmoid per key, as Huang and Wu (2016) and all early models of piano-rolls have it.

    A head gives `logits`, scores a frame by them and draws one. A head that draws the keys in groups, each given those
    before it, is a subclass with more `parts` and its own `logits`; nothing else changes.

    Besides the features a head sees the previous frame directly: a key that sounds is likely to sound on, which takes
    long to learn through the few features of a recurrent layer. With `hold` off it sees the features only.

    Limit: the keys of a frame are independent, so that two chords that are each likely may be drawn half and half.

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
        """U, uniform numbers per frame drawn."""
        return self.size

    def build(self, shape: Any) -> None:
        """For features (..., W)."""
        self.kernel = self.add_weight((shape[-1], self.size), "glorot_uniform", name="kernel")
        self.bias = self.add_weight((self.size,), nn.initializers.Constant(ONSET_LOGIT), name="bias", autocast=False)
        if self.hold:
            initializer = nn.initializers.Constant(HOLD_LOGIT)
            self.hold_kernel = self.add_weight((self.size,), initializer, name="hold_kernel", autocast=False)

    # === What the head sees of the frames before, besides the features ===

    def context(self, frames: Any) -> Any:
        """The head's context after each of the frames, float32 0/1 (B, T, D): here the frame itself. A subclass that
        looks back further gives several arrays (B, T, ...)."""
        return frames

    def initial_context(self, batch_size: int) -> Any:
        """The state from which `update_context` begins."""
        return ()

    def update_context(self, frame: Any, state: Any) -> tuple[Any, Any]:
        """One step of `context`: a frame, float32 0/1 (B, D), and the state -> the context after it, the new state."""
        return frame, state

    def constants(self) -> Any:
        """What is the same at every step of a loop, computed once for all."""
        return ()

    # === Scoring ===

    def logits(self, features: Any, context: Any, target: Any, constants: Any = None) -> Any:
        """Logits of each key, given the keys of the parts before its own.

        Args:
            features: float (..., W).
            context: as `context` gives it: float32 0/1 (..., D), the previous frame.
            target: float32 0/1 (..., D), the frame itself, of which a key sees nothing but the parts before its own.
            constants: as `constants` gives them; None to compute them.

        Returns:
            float32 (..., D).
        """
        return ops.cast(ops.matmul(features, self.kernel), "float32") + self._offset(context)

    def _offset(self, previous: Any) -> Any:
        """float32 (..., D): the part of the logits that does not depend on the features."""
        return self.bias + previous * self.hold_kernel if self.hold else self.bias

    def loss_and_metrics(self, logits: Any, target: Any) -> tuple[Any, Any]:
        """How well a frame was predicted.

        Args:
            logits: as `logits` gives them.
            target: float32 0/1 (..., D), the frame.

        Returns:
            two float32 (...,): the nats of the frame, which is the sum over its keys of Bernoulli cross-entropy; and
            its accuracy, hits / (hits + false alarms + misses) of the keys that are likelier to sound than not, 1 where
            neither those nor the frame has any.
        """
        nats = ops.sum(ops.softplus(logits) - logits * target, axis=-1)
        return nats, accuracy(ops.cast(logits > 0, "float32"), target)

    # === Drawing ===

    def draw(
        self, features: Any, context: Any, uniform: Any, temperature: float, logit_bias: Any, constants: Any = None
    ) -> Any:
        """A frame, part by part.

        Args:
            features: float (B, W).
            context: as `update_context` gives it: float32 0/1 (B, D).
            uniform: float32 (B, U) in [0, 1).
            temperature: divides the logits: over 1 bolder, under 1 safer.
            logit_bias: float32 (D,), 0, or a logit that no temperature brings back.
            constants: as `constants` gives them; None to compute them.

        Returns:
            float32 0/1 (B, D).
        """
        frame = ops.zeros_like(uniform)
        part_size = self.size // self.parts
        for part in range(self.parts):
            # Draw all keys, given the parts before this one, and keep those of this part.
            logits = self.logits(features, context, frame, constants) / temperature + logit_bias  # (B, D)
            drawn = ops.cast(uniform < ops.sigmoid(logits), "float32")
            start, stop = part * part_size, (part + 1) * part_size
            frame = ops.concatenate([frame[:, :start], drawn[:, start:stop], frame[:, stop:]], axis=-1)
        return frame

    def _cast(self, weight: Any) -> Any:
        """A weight in the type that the layer computes in: Keras casts only within a network's `call`, and a step of
        generation is none."""
        return ops.cast(weight, self.compute_dtype)


def draw_ascending(is_drawn: Callable[[Any], Any], silence: Any) -> Any:
    """A frame number after number, each given those before it, as if one by one: from where a frame stands, all numbers
    up to the next 1 are drawn at once, since a 0 changes nothing for those behind it.

    Args:
        is_drawn: a frame, float32 0/1 (B, N) -> bool (B, N), whether each number becomes 1 if those before it are as in
            the frame.
        silence: float32 zeros (B, N).

    Returns:
        float32 0/1 (B, N).
    """
    size, places = silence.shape[-1], ops.arange(silence.shape[-1])

    def next_one(frame: Any, last: Any) -> Any:
        ones = is_drawn(frame) & (places > last[:, None])  # (B, N)
        place = ops.where(ops.any(ones, axis=-1), ops.cast(ops.argmax(ones, axis=-1), "int32"), size)
        return ops.where(places == place[:, None], 1.0, frame), place

    none_yet = ops.cast(silence[:, 0], "int32") - 1  # (B,)
    frame, _ = ops.while_loop(lambda _, last: ops.any(last < size), next_one, (silence, none_yet))
    return frame


def accuracy(predicted: Any, target: Any) -> Any:
    """float32 (...,): of 0/1 (..., D) and 0/1 (..., D), the keys of both over the keys of either; 1 where both are
    empty."""
    both, either = ops.sum(predicted * target, axis=-1), ops.sum(ops.maximum(predicted, target), axis=-1)
    return ops.where(either > 0, both / ops.maximum(either, 1.0), 1.0)
