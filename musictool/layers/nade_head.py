"""A frame as a neural autoregressive distribution estimator: each key given those below it, through hidden units."""

from __future__ import annotations

from typing import Any

import numpy as np

from musictool.engine import nn, ops
from musictool.layers.sigmoid_head import SigmoidHead, draw_ascending


class NadeHead(SigmoidHead):
    """One sigmoid per key, given the features and all keys below it.

    With x the frame that is predicted and f the features,

        h[k]          = sigmoid(c + C f + sum over j < k of x[j] W[j])       H hidden units, of each key
        P(x[k] = 1)   = sigmoid(b[k] + B[k] f + a[k] y[k] + V[k] . h[k])     y the frame before it

    which is NADE (Larochelle and Murray 2011) with biases c + C f and b + B f that move with the features
    (Boulanger-Lewandowski, Bengio and Vincent 2012). W and V are the same in all frames. The sum grows from key to key,
    so that drawing a frame takes D H multiplications and not D^2 H. The likelihood is exact: the product over the keys.

    Args:
        size: D, numbers in a frame.
        hidden: H.
        hold: whether each key has the weight a for that it sounds already; theirs has none.
    """

    def __init__(self, size: int, hidden: int, hold: bool = True, **kwargs: Any):
        super().__init__(size, hold, **kwargs)
        self.hidden = hidden
        self.is_below = np.triu(np.ones((size, size), np.float32), 1)  # [from, to] of keys

    def build(self, shape: Any) -> None:
        super().build(shape)
        normal = nn.initializers.RandomNormal
        self.feature_kernel = self.add_weight((shape[-1], self.hidden), "glorot_uniform", name="feature_kernel")
        self.hidden_bias = self.add_weight((self.hidden,), "zeros", name="hidden_bias", autocast=False)
        self.note_kernel = self.add_weight((self.size, self.hidden), normal(0, 0.2), name="note_kernel", autocast=False)
        spread = normal(0, 0.5 / self.hidden**0.5)  # so that a frame begins with what the biases say, nearly
        self.output_kernel = self.add_weight((self.size, self.hidden), spread, name="output_kernel", autocast=False)

    def logits(self, features: Any, context: Any, target: Any, constants: Any = None) -> Any:
        alone = super().logits(features, context, target)  # (..., D)
        below = self._below(target) if len(features.shape) == 2 else self._below_of_many(target)
        return alone + self._outputs(self._of_features(features), below)

    def _of_features(self, features: Any) -> Any:
        """float32 (..., H): what the features add to the hidden units of all keys."""
        return ops.cast(ops.matmul(features, self.feature_kernel), "float32") + self.hidden_bias

    def _below(self, frame: Any) -> Any:
        """Float32 (B, D, H): what reaches the hidden units of each key from the keys below it in a frame (B, D)."""
        notes = frame[..., None] * ops.convert_to_tensor(self.note_kernel)
        below = ops.cumsum(notes[:, :-1], axis=1)
        return ops.concatenate([ops.zeros_like(notes[:, :1]), below], axis=1)  # nothing below the lowest

    def _below_of_many(self, frames: Any) -> Any:
        """The same of windows, (B, T, D) -> (B, T, D, H), as one product with a kernel from every key to the hidden
        units of every other, masked as in MADE (Germain 2015): D times the multiplications, in a third of the time."""
        kernel = ops.convert_to_tensor(self.note_kernel)[:, None] * self.is_below[:, :, None]  # [from, to, unit]
        below = ops.matmul(ops.reshape(frames, (-1, self.size)), ops.reshape(kernel, (self.size, -1)))
        return ops.reshape(below, (*ops.shape(frames), self.hidden))

    def _outputs(self, units: Any, below: Any) -> Any:
        """Float32 (..., D): what the hidden units of each key add to its logit, from (..., H) and (..., D, H)."""
        hidden = ops.sigmoid(units[..., None, :] + below)
        return ops.sum(hidden * ops.convert_to_tensor(self.output_kernel), axis=-1)

    def draw(
        self, features: Any, context: Any, uniform: Any, temperature: float, logit_bias: Any, constants: Any = None
    ) -> Any:
        alone, units = super().logits(features, context, None), self._of_features(features)

        def is_drawn(frame: Any) -> Any:
            logits = alone + self._outputs(units, self._below(frame))
            return uniform < ops.sigmoid(logits / temperature + logit_bias)

        return draw_ascending(is_drawn, ops.zeros_like(uniform))
