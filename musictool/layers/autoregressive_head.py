"""Instrument after instrument within a frame: what the bass plays follows what the piano plays."""

from __future__ import annotations

from typing import Any

import numpy as np

from musictool.engine import nn, ops
from musictool.layers.sigmoid_head import SigmoidHead


class AutoregressiveHead(SigmoidHead):
    """One sigmoid per key, given the features and the keys of all instruments before its own.

    Each instrument has hidden units of its own, which see the features and the notes of the instruments before it, and
    add to what the features alone say. The weights from an instrument to itself and to the ones before it are held at
    0, so that one product of matrices serves all instruments in training (masking as in MADE, Germain 2015), and the
    probability of a frame is exact: the product over its instruments.

    Limit: the keys of one instrument are still independent of one another.

    Args:
        size: D, numbers in a frame.
        parts: I, instruments; D is a multiple of it.
        hidden: H, hidden units per instrument.
        hold: whether each key has a weight of its own for that it sounds already.
    """

    def __init__(self, size: int, parts: int, hidden: int, hold: bool = True, **kwargs: Any):
        super().__init__(size, hold, **kwargs)
        self.parts = parts  # type: ignore[misc]  # of the class in heads whose number is fixed
        self.hidden = hidden

    def build(self, shape: Any) -> None:
        super().build(shape)
        part_size, units = self.size // self.parts, self.parts * self.hidden
        earlier = np.triu(np.ones((self.parts, self.parts), np.float32), 1)  # [from, to], 1 where `from` comes before
        self.mask = np.kron(earlier, np.ones((part_size, self.hidden), np.float32))  # (D, I * H)
        normal = nn.initializers.RandomNormal
        self.feature_kernel = self.add_weight((shape[-1], units), "glorot_uniform", name="feature_kernel")
        self.note_kernel = self.add_weight((self.size, units), normal(0, 0.2), name="note_kernel")
        self.hidden_bias = self.add_weight((units,), "zeros", name="hidden_bias")
        self.output_kernel = self.add_weight(
            (self.parts, self.hidden, part_size), normal(0, 0.5 / self.hidden**0.5), name="output_kernel"
        )

    def constants(self) -> Any:
        """The note kernel, 0 from an instrument to itself and to those before it."""
        return ops.cast(self.note_kernel, self.compute_dtype) * ops.cast(self.mask, self.compute_dtype)

    def logits(self, features: Any, context: Any, target: Any, constants: Any = None) -> Any:
        alone = super().logits(features, context, target)  # (..., D)
        # Hidden units of each instrument, from the features and the notes of the instruments before it.
        note_kernel = self.constants() if constants is None else constants
        notes = ops.matmul(ops.cast(target, self.compute_dtype), note_kernel)
        feature_kernel, hidden_bias, output_kernel = (
            ops.cast(weight, self.compute_dtype)  # also where Keras does not: outside a call of the layer
            for weight in (self.feature_kernel, self.hidden_bias, self.output_kernel)
        )
        hidden = ops.tanh(ops.matmul(features, feature_kernel) + notes + hidden_bias)  # (..., I * H)
        hidden = ops.reshape(hidden, (-1, self.parts, self.hidden))
        # One output layer per instrument.
        given = ops.einsum("nih,ihp->nip", hidden, output_kernel)  # (N, I, P)
        return alone + ops.reshape(ops.cast(given, "float32"), ops.shape(alone))
