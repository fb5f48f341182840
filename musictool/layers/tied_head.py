"""One small network shared by all keys (tied weights): what is learnt of one key holds for all."""

from __future__ import annotations

from typing import Any

import numpy as np

from musictool.engine import nn, ops
from musictool.layers.repeat_attention import CONTEXT, MAX_DISTANCE, RepeatAttention, delayed
from musictool.layers.sigmoid_head import HOLD_LOGIT, ONSET_LOGIT, SigmoidHead, draw_ascending

KERNEL_FRAMES = 4  # last frames in which a key sees the other keys
HISTORY = MAX_DISTANCE + CONTEXT  # last frames that are kept while a piece is written
REPEAT_HEADS = 4
RANK = 24  # numbers in which a key sees the keys around it
OUTPUT_RANK = 16  # numbers of the last layer that each key weighs in its own way
RARE_LOGIT = -20.0  # of a key that the network leaves out: finite, and never drawn in practice
RARE_HOLD_LOGIT = 22.0  # added if it sounds already


class TiedHead(SigmoidHead):
    """A key sees the features, its own past, the keys around it in the last frames and, as a `chain`, those below it.

    With x[t] the frames, f the features of frame t, and k a key, the probability that k sounds in frame t + 1 is

        around[k]  = p[k] + sum over j and i < KERNEL_FRAMES of x[t - i, j] A[i, k - j]
        below[k]   = sum over j < k of x[t + 1, j] (A'[k - j] + B[j])               as a `chain`; else 0
        first[k]   = relu(W [around[k] + below[k], past[k]] + V f + C x[t - 3 .. t])
        second[k]  = relu(W' first[k] + V' f + b')
        P(x[t + 1, k] = 1) = sigmoid((u + u[k]) . U (first[k] + second[k]) + w[k] . f + b[k] + c[k] x[t, k])

    where past[k] is what k did before and what followed when the music last went so
    (musictool/layers/repeat_attention.py). A, A', W, V, C, W', V', b', U and u are the same for all keys, as in the
    tied parallel networks of Johnson (2017); p, B, u[k], w, b and c are a key's own, which is what a plain layer of
    sigmoids has. The keys around are summed up in RANK numbers before they reach the H units, which takes RANK / H of
    the multiplications of a kernel from every key to every unit.

    As a chain the keys of a frame are drawn one after another from the lowest up, each given all those below it. The
    weights from a key to itself and to those below are left out, so that one product of matrices serves all keys in
    training (masking as in MADE, Germain 2015), the sum over all that sounds below as in NADE (Larochelle and Murray
    2011), and the likelihood of a frame is exact: the product over its keys. Without it the keys of a frame are
    independent.

    A key may have several numbers in a frame (`channels`, such as one for that it sounds and one for that it is
    struck). All are seen of the other keys, and each number of a key, given the key's numbers before it, has its own
    logit, so that the likelihood stays exact.

    Keys that the network leaves out are independent of all others. They have b and c only, which training does not
    move, since keys that never sound in training would become ever less likely.

    Dropout hits the same units of all keys of a frame: a mask per key would take longer to draw than to apply.

    Args:
        size: D, numbers in a frame: number i * D / channels + k is channel i of key k.
        hidden: H, units per key in each of two layers.
        chain: whether a key sees those below it in its own frame.
        dropout: dropout rate of the units and features.
        hold: whether each key has a weight of its own for that it sounds already.
        channels: numbers per key.
        keys: the keys that the network has; None for all.
    """

    def __init__(
        self,
        size: int,
        hidden: int,
        chain: bool,
        dropout: float = 0.0,
        hold: bool = True,
        channels: int = 1,
        keys: range | None = None,
        **kwargs: Any,
    ):
        super().__init__(size, hold, **kwargs)
        self.hidden = hidden
        self.chain = chain
        self.channels = channels
        first, stop = (keys.start, keys.stop) if keys else (0, size // channels)
        self.keys = stop - first
        # Where the network's numbers stand in a frame, key by key; where the others do; and the way back.
        numbers = np.arange(size).reshape(channels, -1)
        self.numbers = numbers[:, first:stop].T.ravel()  # (N,)
        self.others = np.setdiff1d(np.arange(size), self.numbers)
        self.order = np.argsort(np.concatenate([self.numbers, self.others]))
        self.repeat_attention = RepeatAttention(len(self.numbers), REPEAT_HEADS, name="repeat_attention")
        self.dropout = [nn.Dropout(dropout, name=f"dropout_{i}") for i in range(3)]

    def build(self, shape: Any) -> None:
        self.repeat_attention.build()
        keys, hidden, channels, numbers = self.keys, self.hidden, self.channels, len(self.numbers)
        normal, constant = nn.initializers.RandomNormal, nn.initializers.Constant
        small = normal(0, 0.1)  # a dozen keys sound in the last frames
        # A plain layer of sigmoids, and the biases of the keys that are left out.
        self.kernel = self.add_weight((shape[-1], numbers), "glorot_uniform", name="kernel")
        self.bias = self.add_weight((numbers,), constant(ONSET_LOGIT), name="bias", autocast=False)
        if self.hold:
            self.hold_kernel = self.add_weight((numbers,), constant(HOLD_LOGIT), name="hold_kernel", autocast=False)
        rare = constant(np.repeat([[RARE_LOGIT], [RARE_HOLD_LOGIT]], len(self.others), axis=1))
        self.rare = self.add_weight((2, len(self.others)), rare, trainable=False, name="rare", autocast=False)
        # The keys around and those below, by distance; the latter by key, too; a key's position.
        around = normal(0, 0.25)
        self.around_kernel = self.add_weight(
            (KERNEL_FRAMES, 2 * keys - 1, channels, RANK), around, name="around_kernel"
        )
        if self.chain:
            self.below_kernel = self.add_weight((keys - 1, channels, RANK), around, name="below_kernel")
            self.below_key_kernel = self.add_weight((numbers, RANK), around, name="below_key_kernel")
        self.key_position = self.add_weight((keys, RANK), around, name="key_position")
        # First layer: all that a key sees, and what is the same for all keys: frames, repeats, and features of both.
        seen = RANK + channels * self.repeat_attention.channels
        self.first_kernel = self.add_weight((seen, hidden), "he_normal", name="first_kernel")
        self.frame_kernel = self.add_weight((KERNEL_FRAMES * numbers, hidden), small, name="frame_kernel")
        self.copy_kernel = self.add_weight((REPEAT_HEADS, hidden), "glorot_uniform", name="copy_kernel")
        self.feature_kernel = self.add_weight((shape[-1], 2 * hidden), "glorot_uniform", name="feature_kernel")
        # Second layer and output: a logit for each channel, and one for each pair of them.
        self.hidden_kernel = self.add_weight((hidden, hidden), "he_normal", name="hidden_kernel")
        self.hidden_bias = self.add_weight((hidden,), "zeros", name="hidden_bias")
        outputs = channels * (channels + 1) // 2
        self.output_kernel = self.add_weight((hidden, OUTPUT_RANK), normal(0, hidden**-0.5), name="output_kernel")
        shared = normal(0, 0.2 * OUTPUT_RANK**-0.5)  # so that it begins with what the biases say, nearly
        self.output_shared_kernel = self.add_weight((outputs, OUTPUT_RANK), shared, name="output_shared_kernel")
        self.output_key_kernel = self.add_weight((keys, outputs, OUTPUT_RANK), "zeros", name="output_key_kernel")
        # [from, to] of keys: the distance between them as an index, and whether the first is below.
        distance = np.arange(keys)[None] - np.arange(keys)[:, None]
        self.around_index = distance + keys - 1  # (K, K) in [0, 2 K - 1)
        self.below_index = np.clip(distance - 1, 0, max(keys - 2, 0))
        self.is_below = np.triu(np.ones((keys, keys), np.float32), 1)

    # === What the head sees of the frames before ===

    def context(self, frames: Any) -> Any:
        """Each frame, the last KERNEL_FRAMES of them without the keys that are left out (B, T, KERNEL_FRAMES * N), the
        last first, and what RepeatAttention gives."""
        ours = self._ours(frames)
        recent = ops.concatenate([delayed(ours, lag) for lag in range(KERNEL_FRAMES)], axis=-1)
        return (frames, recent, *self.repeat_attention(ours))

    def initial_context(self, batch_size: int) -> Any:
        """The last HISTORY frames, and the first of them that is not padding."""
        return ops.zeros((batch_size, HISTORY, len(self.numbers))), ops.convert_to_tensor(HISTORY, "int32")

    def update_context(self, frame: Any, state: Any) -> tuple[Any, Any]:
        history, start = state
        history = ops.concatenate([history[:, 1:], self._ours(frame)[:, None]], axis=1)  # (B, HISTORY, N)
        start = ops.maximum(start - 1, 0)
        recent = ops.concatenate([history[:, HISTORY - 1 - lag] for lag in range(KERNEL_FRAMES)], axis=-1)
        return (frame, recent, *self.repeat_attention.latest(history, start)), (history, start)

    def _ours(self, frames: Any) -> Any:
        """(..., D) -> (..., N), the numbers of the network's keys, key by key."""
        return ops.take(frames, self.numbers, axis=-1)

    # === Scoring ===

    def constants(self) -> tuple[Any, Any]:
        """(KERNEL_FRAMES * N, K * RANK) and (N, K * RANK): what each number adds to what each key sees, in the last
        frames and, as a chain, in the frame itself; there 0 but where the number is of a key below."""
        kernel = ops.take(self._cast(self.around_kernel), self.around_index, axis=1)  # [frame, from, to, channel, .]
        around = ops.reshape(ops.transpose(kernel, (0, 1, 3, 2, 4)), (-1, self.keys * RANK))
        if not self.chain:
            return around, around[:0]
        is_below = ops.cast(self.is_below, self.compute_dtype)[:, :, None, None]
        kernel = ops.take(self._cast(self.below_kernel), self.below_index, axis=0) * is_below  # (K, K, channels, RANK)
        of_key = ops.reshape(self._cast(self.below_key_kernel), (self.keys, 1, self.channels, RANK))
        kernel = kernel + of_key * is_below
        return around, ops.reshape(ops.transpose(kernel, (0, 2, 1, 3)), (-1, self.keys * RANK))

    def logits(self, features: Any, context: Any, target: Any, constants: Any = None) -> Any:
        around_kernel, below_kernel = self.constants() if constants is None else constants
        (first, second), ours_of_target = self._shared(features, context), self._ours(target)
        around = self._around(context, around_kernel)
        if self.chain:
            around = around + self._below(ours_of_target, below_kernel)
        outputs = self._outputs(self._first_layer(around, self._past(context)) + first, second)
        ours, others = self._alone(features, context)
        return self._in_order(ours + self._by_number(outputs, self._by_key(ours_of_target)), others)

    def _alone(self, features: Any, context: Any) -> tuple[Any, Any]:
        """float32 (..., N) and (..., D - N): the logits of a plain layer of sigmoids, and of the keys left out."""
        previous = context[0]  # (..., D)
        ours = ops.cast(ops.matmul(features, self._cast(self.kernel)), "float32") + self.bias
        ours = ours + self._ours(previous) * self.hold_kernel if self.hold else ours
        return ours, self.rare[0] + ops.take(previous, self.others, axis=-1) * self.rare[1]

    def _in_order(self, ours: Any, others: Any) -> Any:
        """(..., N) and (..., D - N) -> (..., D), the numbers of a frame."""
        return ops.take(ops.concatenate([ours, others], axis=-1), self.order, axis=-1)

    def _by_key(self, numbers: Any) -> Any:
        """(..., N) -> (..., K, channels)."""
        return ops.reshape(numbers, (*ops.shape(numbers)[:-1], self.keys, self.channels))

    def _around(self, context: Any, kernel: Any) -> Any:
        """(..., K, RANK): the keys around each in the last frames, and its position."""
        recent = ops.cast(context[1], self.compute_dtype)
        around = ops.reshape(flat_matmul(recent, kernel), (*ops.shape(recent)[:-1], self.keys, RANK))
        return around + self._cast(self.key_position)

    def _below(self, numbers: Any, kernel: Any) -> Any:
        """(..., K, RANK): the keys below each, from the numbers (..., N) of the network's keys."""
        below = flat_matmul(ops.cast(numbers, self.compute_dtype), kernel)
        return ops.reshape(below, (*ops.shape(numbers)[:-1], self.keys, RANK))

    def _past(self, context: Any) -> Any:
        """(..., K, channels * C): what each key did before, and what is expected of it."""
        past = ops.cast(context[2], self.compute_dtype)  # (..., N, C)
        return ops.reshape(past, (*ops.shape(past)[:-2], self.keys, self.channels * self.repeat_attention.channels))

    def _shared(self, features: Any, context: Any) -> tuple[Any, Any]:
        """Two (..., 1, H): what all keys have in common, in the first layer and in the second."""
        recent, repeats = ops.cast(context[1], self.compute_dtype), ops.cast(context[3], self.compute_dtype)
        both = flat_matmul(self.dropout[0](features), self._cast(self.feature_kernel))  # (..., 2 H)
        first = both[..., : self.hidden] + flat_matmul(recent, self._cast(self.frame_kernel))
        first = first + flat_matmul(repeats, self._cast(self.copy_kernel))
        second = both[..., self.hidden :] + self._cast(self.hidden_bias)
        return first[..., None, :], second[..., None, :]

    def _first_layer(self, around: Any, past: Any) -> Any:
        """(..., K, H) before the activation, from what the keys see, (..., K, RANK) and (..., K, channels * C)."""
        return flat_matmul(ops.concatenate([around, past], axis=-1), self._cast(self.first_kernel))

    def _outputs(self, units: Any, second: Any) -> Any:
        """float32 (..., K, outputs): what the two layers give, from the first before its activation, (..., K, H), and
        what the second gets besides, (..., 1, H)."""
        units = ops.relu(units) * self.dropout[1](ops.ones_like(second))
        upper = ops.relu(flat_matmul(units, self._cast(self.hidden_kernel)) + second)
        units = units + upper * self.dropout[2](ops.ones_like(second))
        last = flat_matmul(units, self._cast(self.output_kernel))  # (..., OUTPUT_RANK)
        weights = self._cast(self.output_shared_kernel) + self._cast(
            self.output_key_kernel
        )  # (K, outputs, OUTPUT_RANK)
        return ops.cast(ops.sum(last[..., None, :] * weights, axis=-1), "float32")

    def _by_number(self, outputs: Any, target: Any) -> Any:
        """float32 (..., N): the logits that the network adds, from (..., K, outputs) and 0/1 (..., K, channels)."""
        logits = ops.stack(self._given_before(outputs, target), axis=-1)  # (..., K, channels)
        return ops.reshape(logits, (*ops.shape(logits)[:-2], len(self.numbers)))

    def _given_before(self, outputs: Any, target: Any) -> list[Any]:
        """float32 (...,) per channel of a key: its logit, given the key's channels before it.

        Args:
            outputs: (..., outputs), of each channel, then of each pair (0, 1), (0, 2), (1, 2), ...
            target: 0/1 (..., channels).
        """
        logits, pair = [], self.channels
        for channel in range(self.channels):
            logit = outputs[..., channel]
            for before in range(channel):
                logit = logit + outputs[..., pair] * target[..., before]
                pair += 1
            logits.append(logit)
        return logits

    # === Drawing ===

    def draw(
        self, features: Any, context: Any, uniform: Any, temperature: float, logit_bias: Any, constants: Any = None
    ) -> Any:
        """Number after number, each given those before it."""
        around_kernel, below_kernel = self.constants() if constants is None else constants
        # All that does not depend on what is drawn: (B, K, H) of each key, (B, N) of each number.
        first, second = self._shared(features, context)
        units = self._first_layer(self._around(context, around_kernel), self._past(context)) + first
        ours, others = self._alone(features, context)
        chance, bias = self._ours(uniform), self._ours(logit_bias)

        def is_drawn(frame: Any) -> Any:
            """bool (B, N): whether each number becomes 1, if those before it are as in the frame."""
            seen = units
            if self.chain:
                below = self._below(frame, below_kernel)
                seen = seen + flat_matmul(below, self._cast(self.first_kernel)[:RANK])
            logits = self._by_number(self._outputs(seen, second), self._by_key(frame)) + ours
            return chance < ops.sigmoid(logits / temperature + bias)

        drawn = ops.zeros_like(chance)
        if self.chain or self.channels > 1:
            drawn = draw_ascending(is_drawn, drawn)
        else:
            drawn = ops.cast(is_drawn(drawn), "float32")
        chance, bias = (ops.take(numbers, self.others, axis=-1) for numbers in (uniform, logit_bias))
        return self._in_order(drawn, ops.cast(chance < ops.sigmoid(others / temperature + bias), "float32"))


def flat_matmul(x: Any, kernel: Any) -> Any:
    """(..., N) times (N, M) -> (..., M), as one product of two matrices: many small ones take longer, most of all for
    the gradient of the kernel."""
    flat = ops.matmul(ops.reshape(x, (-1, kernel.shape[0])), kernel)
    return ops.reshape(flat, (*ops.shape(x)[:-1], kernel.shape[-1]))
