"""The layers of a Transformer: causal self-attention over a bounded span, and the stack of blocks around it.

Each computes a whole window at once, for training, and one row at a time from a cache of fixed size, for writing; the
two agree. A window of T rows is cut into N segments of S rows, so that its time and memory grow with T and not with its
square. Shapes in comments: B pieces, H heads of d numbers each, W = H d, M rows of memory before a segment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from musictool.engine import nn, ops
from musictool.layers.positions import RotaryEmbedding, apply_rotary, relative_shift

KEPT_SCORES = 1 << 17  # of a head and segment, beyond which the scores are computed again for the gradient
MASKED = -1e9  # the bias of scores that get no weight; added in float32, whatever the precision


@dataclass(frozen=True)
class AttentionSpan:
    """Which rows a row attends to: those before it in its segment and itself, and some rows before the segment.

    It never depends on where a window ends, so that one row at a time, with the last `cache_size` rows cached, attends
    to the same rows as in the whole window.

    Attributes:
        segment: S, rows of a segment.
        memory: M, rows before a segment that its rows attend to.
        max_distance: how far back a row attends at most, in rows; 0 is to itself only.
    """

    segment: int
    memory: int
    max_distance: int

    @property
    def cache_size(self) -> int:
        """C, the rows that a row attends to at most, itself among them."""
        return min(self.max_distance + 1, self.segment + self.memory)

    def split(self, rows: int) -> tuple[int, int, int]:
        """(N, S, M) for a window of so many rows: one short segment without memory where one is enough."""
        if rows <= self.segment:
            return 1, rows, 0
        return -(-rows // self.segment), self.segment, self.memory

    def with_memory(self, x: Any) -> Any:
        """Puts the M rows before each segment in front of it: float (B, N, H, S, d) -> (B, N, H, M + S, d).

        Zeros where the window has no rows before it.
        """
        count, segment = x.shape[1], x.shape[3]
        if count == 1:
            return x
        whole = -(-self.memory // segment)  # segments that the memory reaches into
        none = [(0, 0)] * 3
        before = [ops.pad(x, [(0, 0), (i, 0), *none])[:, :count] for i in range(whole, 0, -1)]
        joined = ops.concatenate([*before, x], axis=3)
        return joined[:, :, :, whole * segment - self.memory :]

    def mask(self, rows: int) -> np.ndarray:
        """bool (N, 1, S, M + S): whether each row of a segment attends to each row of the memory and the segment."""
        segments, segment, memory = self.split(rows)
        distance = np.arange(segment)[:, None] + memory - np.arange(memory + segment)  # (S, M + S)
        begins = np.arange(segments)[:, None, None] * segment
        exists = begins - memory + np.arange(memory + segment) >= 0  # (N, 1, M + S)
        return ((distance >= 0) & (distance <= self.max_distance) & exists)[:, None]

    def cache_ages(self, position: Any) -> Any:
        """int32 (C,): how many rows before `position`, an int32 scalar, each slot of the cache was written."""
        return ops.mod(position - ops.arange(self.cache_size, dtype="int32"), self.cache_size)

    def cache_mask(self, position: Any) -> Any:
        """bool (C,): whether the row at `position`, an int32 scalar, attends to each slot of the cache."""
        age = self.cache_ages(position)
        return ops.logical_and(age <= position, age <= ops.mod(position, self.segment) + self.memory)


class Place(NamedTuple):
    """What is known of a row by its position alone.

    Attributes:
        angles: float32 (2, d / 2), by which queries and keys are rotated; None for no rotation.
        slot: int32 (), where in the cache it is written.
        ages: int32 (C,), how many rows ago each slot was written; None where no score depends on it.
        mask_bias: float32 (C,), 0 for the slots that it attends to, else MASKED.
    """

    angles: Any
    slot: Any
    ages: Any
    mask_bias: Any


class Attention(nn.Layer):
    """Multi-head causal self-attention (Vaswani et al. 2017), the three projections made as one.

    Called on float (B, T, W) it gives (B, T, W). `step` does the same for one row, with the keys and values of the last
    rows in a ring of fixed size; so its time does not grow with what was written before.

    Args:
        width: W.
        heads: H; W is a multiple of it.
        span: which rows a row attends to.
        rotary: rotates queries and keys by their positions; None for no rotation.
        relative: a RelativePositionEmbedding or RelativeSinusoidalEmbedding, whose position keys add to the scores.
        stop_gradient: whether gradients stop at the memory, as in Transformer-XL.
        output_scale: of the output kernel before training.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        span: AttentionSpan,
        rotary: RotaryEmbedding | None = None,
        relative: Any = None,
        stop_gradient: bool = False,
        output_scale: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.width = width
        self.heads = heads
        self.head_size = width // heads
        self.span = span
        self.rotary = rotary
        self.relative = relative
        self.stop_gradient = stop_gradient
        self.output_scale = output_scale

    def build(self, shape: Any) -> None:
        std = math.sqrt(1 / self.width)
        normal = nn.initializers.RandomNormal
        self.qkv_kernel = self.add_weight((self.width, 3 * self.width), normal(0, std), name="qkv_kernel")
        output = normal(0, std * self.output_scale)
        self.output_kernel = self.add_weight((self.width, self.width), output, name="output_kernel")
        if self.relative:
            self.relative.build()

    def call(self, x: Any) -> Any:
        # cut the window into segments, the last one filled up with zeros
        rows = x.shape[1]
        segments, segment, memory = self.span.split(rows)
        x = ops.pad(x, [(0, 0), (0, segments * segment - rows), (0, 0)])  # (B, N S, W)

        # query, key and value of each row, for all heads at once
        query, key, value = self._project(x, self.qkv_kernel, segments)  # (B, N, H, S, d) each

        # put the keys and values of the memory before those of each segment
        if memory and self.stop_gradient:
            # no gradient through the rows of the memory, but one through the kernel that makes keys and values of them
            past = self._project(ops.stop_gradient(x), self.qkv_kernel[:, self.width :], segments)
            past_key, past_value = (self.span.with_memory(each)[:, :, :, :memory] for each in past)  # (B, N, H, M, d)
            key = ops.concatenate([past_key, key], axis=3)  # (B, N, H, M + S, d)
            value = ops.concatenate([past_value, value], axis=3)  # (B, N, H, M + S, d)
        else:
            key, value = self.span.with_memory(key), self.span.with_memory(value)  # (B, N, H, M + S, d)

        # the mean of the values in the span, weighted by the match
        mask_bias = np.where(self.span.mask(rows), 0.0, MASKED).astype(np.float32)  # (N, 1, S, M + S)
        given = [query, key, value]
        if self.relative:
            position_key = ops.flip(self.relative.keys(memory + segment), axis=1)  # (H, M + S, d), the furthest first
            given = [*self.relative.queries(query), key, value, position_key]

        def attend(*given: Any) -> Any:
            return self._attend(mask_bias, *given)

        keeps_scores = segment * (memory + segment) <= KEPT_SCORES
        context = attend(*given) if keeps_scores else ops.recomputed(attend)(*given)  # (B, N, H, S, d)

        # put the heads side by side and the segments after one another, and project
        context = ops.reshape(ops.transpose(context, (0, 1, 3, 2, 4)), (-1, segments * segment, self.width))
        return ops.matmul(context[:, :rows], self.output_kernel)  # (B, T, W)

    def _attend(self, mask_bias: Any, query: Any, *others: Any) -> Any:
        """The query for contents[, that for positions], keys, values[, position keys] -> (B, N, H, S, d)."""
        position_query, key, value, position_key = others if self.relative else (None, *others, None)
        # how well each query matches each key, and the distance to it
        scores = ops.matmul(query, ops.swapaxes(key, -1, -2))  # (B, N, H, S, M + S)
        if self.relative:
            by_distance = ops.matmul(position_query, ops.swapaxes(position_key, -1, -2))  # (B, N, H, S, M + S)
            scores = scores + relative_shift(by_distance)
        return ops.matmul(self._attention_weights(scores, mask_bias), value)

    def initial_state(self, batch_size: int) -> dict[str, Any]:
        """Empty rings of keys and values, (B, H, C, d), and the position keys of all distances, (H, C, d)."""
        shape = (batch_size, self.heads, self.span.cache_size, self.head_size)
        cache = {name: ops.zeros(shape, dtype=self.compute_dtype) for name in ("key", "value")}
        if self.relative:
            cache["position_key"] = ops.cast(self.relative.keys(self.span.cache_size), self.compute_dtype)
        return cache

    def place(self, position: Any) -> Place:
        """What follows from the position of a row, an int32 scalar; the same in all blocks of a stack."""
        return Place(
            angles=self.rotary.angles_at(position) if self.rotary else None,
            slot=ops.mod(position, self.span.cache_size),
            ages=self.span.cache_ages(position) if self.relative else None,
            mask_bias=ops.where(self.span.cache_mask(position), 0.0, MASKED),
        )

    def step(self, x: Any, cache: dict[str, Any], place: Place) -> tuple[Any, dict[str, Any]]:
        """One row: (B, W), the cache, and its place -> (B, W) and the cache after it."""
        # query, key and value of this row
        qkv = ops.matmul(x, ops.cast(self.qkv_kernel, x.dtype))  # (B, 3 W)
        qkv = ops.reshape(qkv, (-1, 3, self.heads, 1, self.head_size))  # (B, 3, H, 1, d)
        scale = np.array([1 / math.sqrt(self.head_size), 1], np.float32)[:, None, None, None]
        query_key = qkv[:, :2] * ops.cast(scale, x.dtype)  # (B, 2, H, 1, d)
        query_key = query_key if place.angles is None else apply_rotary(query_key, place.angles)
        query, key, value = query_key[:, 0], query_key[:, 1], qkv[:, 2]  # (B, H, 1, d) each

        # overwrite the oldest slot of the cache
        slot = (0, 0, place.slot, 0)
        key, value = ops.write(cache["key"], slot, key), ops.write(cache["value"], slot, value)
        cache = {**cache, "key": key, "value": value}  # (B, H, C, d)

        # attention of this row to all slots, as in `call`
        content_query, position_query = self.relative.queries(query) if self.relative else (query, None)
        scores = ops.matmul(content_query, ops.swapaxes(key, -1, -2))  # (B, H, 1, C)
        if self.relative:
            by_distance = ops.matmul(position_query, ops.swapaxes(cache["position_key"], -1, -2))  # (B, H, 1, C)
            scores = scores + ops.take(by_distance, place.ages, axis=-1)
        context = ops.matmul(self._attention_weights(scores, place.mask_bias), value)  # (B, H, 1, d)
        context = ops.reshape(context, (-1, self.width))
        return ops.matmul(context, ops.cast(self.output_kernel, x.dtype)), cache

    def _project(self, x: Any, kernel: Any, segments: int) -> list[Any]:
        """float (B, N S, W), (W, n W) -> n of (B, N, H, S, d), which are [query,] key and value."""
        segment, parts = x.shape[1] // segments, kernel.shape[1] // self.width
        shape = (-1, segments, segment, parts, self.heads, self.head_size)
        projected = ops.reshape(ops.matmul(x, ops.cast(kernel, x.dtype)), shape)  # (B, N, S, n, H, d)
        projected = ops.transpose(projected, (3, 0, 1, 4, 2, 5))  # (n, B, N, H, S, d)
        angles = None
        if self.rotary:
            angles = self.rotary.angles(np.arange(x.shape[1]).reshape(segments, 1, segment))
        return self._scaled_and_rotated([projected[i] for i in range(parts)], angles)

    def _scaled_and_rotated(self, projected: list[Any], angles: Any) -> list[Any]:
        """[query,] key, value: the query scaled by 1 / sqrt(d), query and key rotated by `angles`, if there are any."""
        *query, key, value = projected
        query = [q * (1 / math.sqrt(self.head_size)) for q in query]
        if angles is not None:
            query, key = [apply_rotary(q, angles) for q in query], apply_rotary(key, angles)
        return [*query, key, value]

    def _attention_weights(self, scores: Any, mask_bias: Any) -> Any:
        """Softmax in float32; a masked row gets a weight of exactly 0."""
        if scores.shape[-1] == 1:  # Keras warns of it
            return ops.ones_like(scores)
        return ops.cast(ops.softmax(ops.cast(scores, "float32") + mask_bias), self.compute_dtype)


class TransformerStack(nn.Layer):
    """Blocks of attention and feed-forward, each adding to what came in, normalised before each (pre-norm).

    Called on float (B, T, D) it gives (B, T, W). `step` does the same for one row, from a state of fixed size.

    The norm is by root mean square (Zhang and Sennrich 2019) and the feed-forward layers square what their rectifiers
    let pass (So et al., "Primer", 2021): both cost less than what is usual, and learn no worse.

    Args:
        attentions: one Attention per block.
        width: W.
        multiple: hidden units of a feed-forward layer, as a multiple of W.
        dropout: dropout rate, of the input and of what each layer adds.
        positions: a PositionEmbedding; None if attention knows positions by itself.
    """

    def __init__(
        self,
        attentions: list[Attention],
        width: int,
        multiple: int,
        dropout: float,
        positions: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.width = width
        self.attentions = attentions
        self.input_projection = nn.Dense(width, use_bias=False, name="input_projection")
        self.positions = positions
        blocks = range(len(attentions))
        self.norms = [nn.RMSNormalization(name=f"norm_{i}") for i in range(2 * len(attentions) + 1)]
        self.up = [nn.Dense(multiple * width, "relu", name=f"up_{i}") for i in blocks]
        std = residual_scale(len(attentions)) / math.sqrt(multiple * width)
        small = [nn.initializers.RandomNormal(0, std) for _ in blocks]  # one that is shared draws the same each time
        self.down = [nn.Dense(width, kernel_initializer=small[i], name=f"down_{i}") for i in blocks]
        self.dropout = nn.Dropout(dropout, name="dropout")

    def build(self, shape: Any) -> None:
        self.input_projection.build(shape)
        inner = (*shape[:-1], self.width)
        for layer in (*self.norms, *self.attentions, *self.up, *([self.positions] if self.positions else [])):
            layer.build(inner)
        for layer in self.down:
            layer.build((*shape[:-1], self.up[0].units))

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], self.width)

    def call(self, x: Any, training: bool = False) -> Any:
        x = self.input_projection(x)  # (B, T, W)
        if self.positions:
            x = self.positions(x, training=training)
        x = self.dropout(x, training=training)
        for i, attention in enumerate(self.attentions):
            x = x + self.dropout(attention(self.norms[2 * i](x)), training=training)
            x = x + self.dropout(self._feed_forward(i, self.norms[2 * i + 1](x)), training=training)
        return self.norms[-1](x)  # (B, T, W)

    def initial_state(self, batch_size: int) -> dict[str, Any]:
        """The position of the next row, an int32 scalar, and the cache of each attention."""
        caches = [attention.initial_state(batch_size) for attention in self.attentions]
        return {"position": ops.zeros((), dtype="int32"), "caches": caches}

    def step(self, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """One row: (B, D) and the state before it -> (B, W) and the state after it."""
        position, caches = state["position"], []
        place = self.attentions[0].place(position)
        x = self.input_projection(x)  # (B, W)
        if self.positions:
            x = self.positions.step(x, position)
        for i, attention in enumerate(self.attentions):
            context, cache = attention.step(self.norms[2 * i](x), state["caches"][i], place)
            x = x + context
            x = x + self._feed_forward(i, self.norms[2 * i + 1](x))
            caches.append(cache)
        return self.norms[-1](x), {"position": position + 1, "caches": caches}

    def _feed_forward(self, i: int, x: Any) -> Any:
        hidden = ops.square(self.up[i](x))  # (..., multiple W)
        return self.down[i](hidden)  # (..., W)


def residual_scale(blocks: int) -> float:
    """How much smaller the weights of what each of the 2 x `blocks` layers adds begin, so that the sum stays near 1."""
    return 1 / math.sqrt(2 * blocks)
