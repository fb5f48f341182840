"""One small network shared by all keys (tied weights): what is learnt of one key holds for all."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from musictool.layers.repeat_attention import CONTEXT, MAX_DISTANCE, RepeatAttention, delayed
from musictool.layers.sigmoid_head import SigmoidHead

KERNEL_FRAMES = 4  # last frames in which a key sees the other keys
HISTORY = MAX_DISTANCE + CONTEXT  # last frames that are kept while a piece is written
REPEAT_HEADS = 4


class TiedHead(SigmoidHead):
    """A key sees the features, its own past, the keys around it in the last frames and, as a `chain`, those below it.

    The keys around it count by their distance from it, whichever key it is, as in the tied parallel networks of Johnson
    (2017). Besides, each key adds a vector of its own to all others, and has a vector for its position and weights of
    its own in the output layer, which is what a plain layer of sigmoids has. What a key did before, and what followed
    when it last sounded so, comes from musictool/layers/repeat_attention.py.

    With `chain` the keys of a frame are drawn one after another from the lowest up, each given all those below it. The
    weights from a key to itself and to those below are left out, so that one product of matrices serves all keys in
    training (masking as in MADE, Germain 2015), the sum over all that sounds below as in NADE (Larochelle and Murray
    2011), and the likelihood of a frame is exact: the product over its keys. Without it the keys of a frame are
    independent.

    Limit: a frame takes two products of D * D * H numbers, so this is for one keyboard and not for a band.

    Args:
        size: D, numbers in a frame.
        hidden: H, units per key in each of two layers.
        chain: whether a key sees those below it in its own frame.
        dropout: dropout rate of the units and features.
        hold: whether each key has a weight of its own for that it sounds already.
    """

    def __init__(self, size: int, hidden: int, chain: bool, dropout: float = 0.0, hold: bool = True, **kwargs: Any):
        super().__init__(size, hold, **kwargs)
        self.hidden = hidden
        self.chain = chain
        self.repeat_attention = RepeatAttention(size, REPEAT_HEADS, name="repeat_attention")
        self.dropout = [keras.layers.Dropout(dropout, name=f"dropout_{i}") for i in range(3)]

    def build(self, shape: Any) -> None:
        super().build(shape)
        self.repeat_attention.build()
        size, hidden, channels = self.size, self.hidden, self.repeat_attention.channels
        small = keras.initializers.RandomNormal(0, 0.1)  # a dozen keys sound in the last frames
        # First layer: the keys around, the key's own history and position, repeats, and the features of both layers.
        self.relative_kernel = self.add_weight((KERNEL_FRAMES, 2 * size - 1, hidden), small, name="relative_kernel")
        self.key_kernel = self.add_weight((KERNEL_FRAMES, size, hidden), small, name="key_kernel")
        self.history_kernel = self.add_weight((channels, hidden), "glorot_uniform", name="history_kernel")
        self.key_position = self.add_weight((size, hidden), small, name="key_position")
        self.copy_kernel = self.add_weight((REPEAT_HEADS, hidden), "glorot_uniform", name="copy_kernel")
        self.feature_kernel = self.add_weight((shape[-1], 2 * hidden), "glorot_uniform", name="feature_kernel")
        # The keys below, by distance and by key.
        if self.chain:
            self.chain_relative_kernel = self.add_weight((size - 1, hidden), small, name="chain_relative_kernel")
            self.chain_key_kernel = self.add_weight((size, hidden), small, name="chain_key_kernel")
        # Second layer and output.
        self.hidden_kernel = self.add_weight((hidden, hidden), "he_normal", name="hidden_kernel")
        self.hidden_bias = self.add_weight((hidden,), "zeros", name="hidden_bias")
        output = keras.initializers.RandomNormal(0, hidden**-0.5)
        self.output_kernel = self.add_weight((hidden,), output, name="output_kernel")
        self.output_key_kernel = self.add_weight((size, hidden), "zeros", name="output_key_kernel")
        distance = np.arange(size)[None] - np.arange(size)[:, None]  # [from, to]
        self.relative_index = distance + size - 1  # (D, D) in [0, 2 D - 1)
        self.is_below = np.triu(np.ones((size, size), np.float32), 1)  # (D, D), [from, to]

    # === What the head sees of the frames before ===

    def context(self, frames: Any) -> Any:
        """The last KERNEL_FRAMES frames (B, T, KERNEL_FRAMES * D), the last first, and what RepeatAttention gives."""
        recent = ops.concatenate([delayed(frames, lag) for lag in range(KERNEL_FRAMES)], axis=-1)
        return (recent, *self.repeat_attention(frames))

    def initial_context(self, batch_size: int) -> Any:
        """The last HISTORY frames, and the first of them that is not padding."""
        return ops.zeros((batch_size, HISTORY, self.size)), ops.convert_to_tensor(HISTORY, "int32")

    def update_context(self, frame: Any, state: Any) -> tuple[Any, Any]:
        history, start = state
        history = ops.concatenate([history[:, 1:], frame[:, None]], axis=1)  # (B, HISTORY, D)
        start = ops.maximum(start - 1, 0)
        recent = ops.concatenate([history[:, HISTORY - 1 - lag] for lag in range(KERNEL_FRAMES)], axis=-1)
        return (recent, *self.repeat_attention.latest(history, start)), (history, start)

    # === Scoring ===

    def logits(self, features: Any, context: Any, target: Any) -> Any:
        units = self._units(features, context)
        if self.chain:
            units = units + self._units_from_below(target)
        second = ops.expand_dims(self._second_layer_features(features), -2)  # (..., 1, H)
        given = self._output(units, second, self._output_weights())  # (..., D)
        return given + self._sigmoid_logits(features, context)

    def _sigmoid_logits(self, features: Any, context: Any) -> Any:
        """float32 (..., D): those of a plain layer of sigmoids, to which the shared network adds."""
        return super().logits(features, context[0][..., : self.size], None)

    def _units(self, features: Any, context: Any) -> Any:
        """(..., D, H): the first layer before its activation, without the keys below."""
        recent, history, repeats = (ops.cast(numbers, self.compute_dtype) for numbers in context)
        # The keys in the last frames: a kernel by distance from the key, and a vector of each that is the same to all.
        kernel = ops.take(self._cast(self.relative_kernel), self.relative_index, axis=1)
        kernel = kernel + self._cast(self.key_kernel)[:, :, None]  # (KERNEL_FRAMES, D, D, H), [frame, from, to]
        kernel = ops.reshape(kernel, (KERNEL_FRAMES * self.size, self.size * self.hidden))
        shape = (*ops.shape(recent)[:-1], self.size, self.hidden)
        units = ops.reshape(ops.matmul(recent, kernel), shape)  # (..., D, H)
        # What is the same for all keys: the features, and whether there is a repeat.
        feature_kernel = self._cast(self.feature_kernel)[:, : self.hidden]
        shared = ops.matmul(self.dropout[0](features), feature_kernel)  # (..., H)
        shared = shared + ops.matmul(repeats, self._cast(self.copy_kernel))
        # The key's own past, and its position on the keyboard.
        units = units + ops.matmul(history, self._cast(self.history_kernel))
        return units + ops.expand_dims(shared, -2) + self._cast(self.key_position)

    def _units_from_below(self, target: Any) -> Any:
        """(..., D, H): what the sounding keys below each add to its first layer."""
        kernel = ops.reshape(self._chain_kernel(), (self.size, self.size * self.hidden))
        units = ops.matmul(ops.cast(target, self.compute_dtype), kernel)
        return ops.reshape(units, (*ops.shape(target)[:-1], self.size, self.hidden))

    def _chain_kernel(self) -> Any:
        """(D, D, H), [from, to], 0 but where `from` is below."""
        index = np.clip(self.relative_index - self.size, 0, self.size - 2)
        kernel = ops.take(self._cast(self.chain_relative_kernel), index, axis=0)
        kernel = kernel + self._cast(self.chain_key_kernel)[:, None]
        return kernel * ops.cast(self.is_below, self.compute_dtype)[:, :, None]

    def _second_layer_features(self, features: Any) -> Any:
        """(..., H): what the features add to the second layer of every key."""
        return ops.matmul(features, self._cast(self.feature_kernel)[:, self.hidden :])

    def _output_weights(self) -> Any:
        """(D, H): those that all keys share and those of each."""
        return self._cast(self.output_kernel) + self._cast(self.output_key_kernel)

    def _output(self, units: Any, features: Any, weights: Any) -> Any:
        """float32 (...,): the logit that the two layers give a key, from three (..., H)."""
        first = self.dropout[1](ops.relu(units))
        second = ops.matmul(first, self._cast(self.hidden_kernel)) + features + self._cast(self.hidden_bias)
        second = self.dropout[2](ops.relu(second))
        return ops.cast(ops.sum((first + second) * weights, axis=-1), "float32")

    def _cast(self, weight: Any) -> Any:
        """A weight in the type that the layer computes in: Keras casts only within a network's `call`, and a step of
        generation is none."""
        return ops.cast(weight, self.compute_dtype)

    # === Drawing ===

    def draw(self, features: Any, context: Any, uniform: Any, temperature: float, logit_bias: Any) -> Any:
        if not self.chain:
            return super().draw(features, context, uniform, temperature, logit_bias)
        # All that does not depend on the keys that are drawn.
        units, chain_kernel = self._units(features, context), self._chain_kernel()  # (B, D, H), (D, D, H)
        sigmoid_logits = self._sigmoid_logits(features, context)  # (B, D)
        second = self._second_layer_features(features)  # (B, H)
        weights, keys = self._output_weights(), ops.arange(self.size)

        def draw_key(key: Any, frame: Any) -> Any:
            # The first layer of this key, with what the keys drawn so far add: (B, H).
            below = ops.matmul(ops.cast(frame, self.compute_dtype), ops.take(chain_kernel, key, axis=1))
            first = ops.take(units, key, axis=1) + below
            logit = self._output(first, second, ops.take(weights, key, axis=0))  # (B,)
            logit = logit + ops.take(sigmoid_logits, key, axis=1)
            probability = ops.sigmoid(logit / temperature + ops.take(logit_bias, key))
            drawn = ops.cast(uniform < probability[:, None], "float32")
            return ops.where(keys == key, drawn, frame)

        return ops.fori_loop(0, self.size, draw_key, ops.zeros_like(uniform))
