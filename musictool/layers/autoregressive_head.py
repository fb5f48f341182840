"""Instrument after instrument within a frame: what the bass plays follows what the piano plays."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from musictool.layers.sigmoid_head import SigmoidHead


class AutoregressiveHead(SigmoidHead):
    """A sigmoid a key, given the features and the keys of all instruments before its own.

    Each instrument has hidden units of its own, which hear the features and the notes of the instruments before it, and
    which add to what the features alone say. The weights that would let an instrument hear itself or a later one are
    held at 0, so that one product of matrices serves all instruments in training (masking as in MADE, Germain 2015),
    and the probability of a frame is exact: the product over its instruments.

    Honest limit: the keys of one instrument are still drawn without knowing of one another.

    Args:
        size: D, numbers in a frame.
        parts: I, instruments; D is a multiple of it.
        hidden: hidden units of each instrument.
    """

    def __init__(self, size: int, parts: int, hidden: int, hold: bool = True, **kwargs: Any):
        super().__init__(size, hold, **kwargs)
        self.parts = parts  # type: ignore[misc]  # of the class in heads whose number is fixed
        self.hidden = hidden

    def build(self, shape: Any) -> None:
        super().build(shape)
        each = self.size // self.parts
        earlier = np.triu(np.ones((self.parts, self.parts), np.float32), 1)  # [from, to], 1 where `from` comes before
        self.mask = np.kron(earlier, np.ones((each, self.hidden), np.float32))  # (D, I * hidden)
        units = self.parts * self.hidden
        self.hear = self.add_weight((shape[-1], units), "glorot_uniform", name="hear")
        self.follow = self.add_weight((self.size, units), keras.initializers.RandomNormal(0, 0.2), name="follow")
        self.threshold = self.add_weight((units,), "zeros", name="threshold")
        small = keras.initializers.RandomNormal(0, 0.5 / self.hidden**0.5)
        self.say = self.add_weight((self.parts, self.hidden, each), small, name="say")

    def logits(self, features: Any, before: Any, y: Any) -> Any:
        alone = super().logits(features, before, y)  # (..., D)
        notes = ops.matmul(ops.cast(y, self.compute_dtype), self.follow * ops.cast(self.mask, self.compute_dtype))
        units = ops.tanh(ops.matmul(features, self.hear) + notes + self.threshold)  # (..., I * hidden)
        units = ops.reshape(units, (-1, self.parts, self.hidden))
        said = ops.einsum("nih,ihp->nip", units, self.say)
        return alone + ops.reshape(ops.cast(said, "float32"), ops.shape(alone))
