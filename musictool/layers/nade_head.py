"""A frame as a neural autoregressive distribution estimator: each key given those below it, through hidden units."""

from __future__ import annotations

from typing import Any

from musictool.engine import nn, ops
from musictool.layers.sigmoid_head import SigmoidHead, draw_ascending


class NadeHead(SigmoidHead):
    """One sigmoid per key, given the features and all keys below it.

    With x the frame that is predicted and f the features,

        h[k]          = sigmoid(c + C f + sum over j < k of x[j] W[j])       H hidden units, of each key
        P(x[k] = 1)   = sigmoid(b[k] + B[k] f + a[k] y[k] + V[k] . h[k])     y the frame before it

    which is NADE (Larochelle and Murray 2011) with biases c + C f and b + B f that move with the features
    (Boulanger-Lewandowski, Bengio and Vincent 2012). W and V are the same in all frames. The sum grows from key to key,
    so that a frame takes D H multiplications and not D^2 H, and the likelihood is exact: the product over the keys.

    Args:
        size: D, numbers in a frame.
        hidden: H.
        hold: whether each key has the weight a for that it sounds already; theirs has none.
        dropout: dropout rate of the hidden units, the same units for all keys of a frame.
    """

    def __init__(self, size: int, hidden: int, hold: bool = True, dropout: float = 0.0, **kwargs: Any):
        super().__init__(size, hold, **kwargs)
        self.hidden = hidden
        self.dropout = nn.Dropout(dropout, name="dropout")

    def build(self, shape: Any) -> None:
        super().build(shape)
        normal = nn.initializers.RandomNormal
        self.feature_kernel = self.add_weight((shape[-1], self.hidden), "glorot_uniform", name="feature_kernel")
        self.hidden_bias = self.add_weight((self.hidden,), "zeros", name="hidden_bias")
        self.note_kernel = self.add_weight((self.size, self.hidden), normal(0, 0.2), name="note_kernel")
        spread = normal(0, 0.5 / self.hidden**0.5)  # so that a frame begins with what the biases say, nearly
        self.output_kernel = self.add_weight((self.size, self.hidden), spread, name="output_kernel")

    def logits(self, features: Any, context: Any, target: Any, constants: Any = None) -> Any:
        alone = super().logits(features, context, target)  # (..., D)
        return alone + self._given_below(self._of_features(features), target)

    def _of_features(self, features: Any) -> tuple[Any, Any]:
        """Two (..., H): what the features add to all hidden units, and the dropout mask of these."""
        units = ops.matmul(features, self._cast(self.feature_kernel)) + self._cast(self.hidden_bias)
        return units, self.dropout(ops.ones_like(units))

    def _given_below(self, of_features: tuple[Any, Any], frame: Any) -> Any:
        """float32 (..., D): what the hidden units of each key add to its logit, given the keys of the frame below."""
        units, mask = of_features
        notes = self._cast(frame)[..., None] * self._cast(self.note_kernel)  # (..., D, H)
        below = ops.cumsum(notes[..., :-1, :], axis=-2)
        below = ops.concatenate([ops.zeros_like(notes[..., :1, :]), below], axis=-2)  # nothing below the lowest
        hidden = ops.sigmoid(units[..., None, :] + below)
        weights = self._cast(self.output_kernel) * mask[..., None, :]  # (..., D, H)
        return ops.cast(ops.sum(hidden * weights, axis=-1), "float32")

    def _cast(self, weight: Any) -> Any:
        """In the type that the layer computes in: Keras casts only within a network's `call`, and a step of generation
        is none."""
        return ops.cast(weight, self.compute_dtype)

    def draw(
        self, features: Any, context: Any, uniform: Any, temperature: float, logit_bias: Any, constants: Any = None
    ) -> Any:
        alone, of_features = super().logits(features, context, None), self._of_features(features)

        def is_drawn(frame: Any) -> Any:
            logits = alone + self._given_below(of_features, frame)
            return uniform < ops.sigmoid(logits / temperature + logit_bias)

        return draw_ascending(is_drawn, ops.zeros_like(uniform))
