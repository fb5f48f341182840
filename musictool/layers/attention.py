"""Causal self-attention with a bounded reach, for whole windows and for one row at a time with what was kept."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from musictool.layers.distances import skewed
from musictool.layers.reach import Reach
from musictool.layers.rotary import Rotary, turned

HIDDEN = -1e9  # added in float32, whatever the precision


class Attention(keras.layers.Layer):
    """Each row asks the rows in its reach, with H heads (Vaswani et al. 2017), the three projections made as one.

    Called on float (B, T, W) it gives (B, T, W). `step` does the same for one row, with the keys and values of the
    last rows in a ring of fixed size; so its time does not grow with what was written before.

    Args:
        width: W.
        heads: H; W is a multiple of it.
        reach: which rows a row sees.
        distances: LearnedDistances, SinusoidDistances or None.
        rotary: None unless places are told by turning.
        stop: whether what is learned stops at a segment's beginning, as in Transformer-XL; what is seen does not.
        scale: of the output's weights before training.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        reach: Reach,
        distances: Any = None,
        rotary: Rotary | None = None,
        stop: bool = False,
        scale: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.width = width
        self.heads = heads
        self.size = width // heads
        self.reach = reach
        self.distances = distances
        self.rotary = rotary
        self.stop = stop
        self.scale = scale

    def build(self, shape: Any) -> None:
        std = math.sqrt(1 / self.width)
        normal = keras.initializers.RandomNormal
        self.ask = self.add_weight((self.width, 3 * self.width), normal(0, std), name="ask")
        self.tell = self.add_weight((self.width, self.width), normal(0, std * self.scale), name="tell")
        if self.distances:
            self.distances.build()

    def call(self, x: Any) -> Any:
        rows = x.shape[1]
        segments, segment, memory = self.reach.cut(rows)
        x = ops.pad(x, [(0, 0), (0, segments * segment - rows), (0, 0)])
        query, key, value = self._heads(x, self.ask, segments)  # each (B, N, H, S, d)
        if memory and self.stop:
            told = self._heads(ops.stop_gradient(x), self.ask[:, self.width :], segments)
            key, value = (
                ops.concatenate([self.reach.with_memory(kept)[:, :, :, :memory], own], axis=3)
                for kept, own in zip(told, (key, value), strict=True)
            )
        else:
            key, value = self.reach.with_memory(key), self.reach.with_memory(value)
        vectors = self.distances.vectors(memory + segment) if self.distances else None
        what, where = self.distances.split(query) if self.distances else (query, query)
        scores = ops.matmul(what, ops.swapaxes(key, -1, -2))  # (B, N, H, S, M + S)
        if vectors is not None:
            scores = scores + skewed(ops.matmul(where, ops.swapaxes(ops.flip(vectors, axis=1), -1, -2)))
        hidden = np.where(self.reach.visible(rows), 0.0, HIDDEN).astype(np.float32)
        heard = ops.matmul(self._shares(scores, hidden), value)  # (B, N, H, S, d)
        heard = ops.reshape(ops.transpose(heard, (0, 1, 3, 2, 4)), (-1, segments * segment, self.width))
        return ops.matmul(heard[:, :rows], self.tell)

    def _heads(self, x: Any, kernel: Any, segments: int) -> list[Any]:
        """float (B, N S, W), (W, n W) -> n of (B, N, H, S, d), turned and scaled where n counts from the query on."""
        segment = x.shape[1] // segments
        parts = kernel.shape[1] // self.width
        shape = (-1, segments, segment, parts, self.heads, self.size)
        split = ops.transpose(ops.reshape(ops.matmul(x, ops.cast(kernel, x.dtype)), shape), (3, 0, 1, 4, 2, 5))
        turns = None
        if self.rotary:
            turns = self.rotary.turns(np.arange(x.shape[1]).reshape(segments, 1, segment))
        return self._placed([split[i] for i in range(parts)], turns)

    def _placed(self, split: list[Any], turns: Any) -> list[Any]:
        """[query,] key, value with the query scaled, and query and key turned to their place."""
        *query, key, value = split
        query = [each * (1 / math.sqrt(self.size)) for each in query]
        if turns is not None:
            query, key = [turned(each, turns) for each in query], turned(key, turns)
        return [*query, key, value]

    def _shares(self, scores: Any, hidden: Any) -> Any:
        """How much of each row is heard: softmax in float32, where what is hidden gets exactly nothing."""
        if scores.shape[-1] == 1:  # Keras warns of it
            return ops.ones_like(scores)
        return ops.cast(ops.softmax(ops.cast(scores, "float32") + hidden), self.compute_dtype)

    def initial_state(self, batch_size: int) -> dict[str, Any]:
        """Rings of keys and values, (B, H, slots, d), and the vectors of all distances, (H, slots, d)."""
        ring = ops.zeros((batch_size, self.heads, self.reach.slots, self.size), dtype=self.compute_dtype)
        state = {"key": ring, "value": ring}
        if self.distances:
            state["distances"] = ops.cast(self.distances.vectors(self.reach.slots), self.compute_dtype)
        return state

    def step(self, x: Any, state: dict[str, Any], place: Any) -> tuple[Any, dict[str, Any]]:
        """One row: (B, W), the state, and its place, an int32 scalar -> (B, W) and the state after it."""
        split = ops.reshape(ops.matmul(x, ops.cast(self.ask, x.dtype)), (-1, 3, self.heads, 1, self.size))
        turns = self.rotary.turns_at(place) if self.rotary else None
        query, key, value = self._placed([split[:, i] for i in range(3)], turns)  # each (B, H, 1, d)
        at = (0, 0, ops.mod(place, self.reach.slots), 0)
        state = {
            **state,
            "key": ops.slice_update(state["key"], at, key),
            "value": ops.slice_update(state["value"], at, value),
        }
        what, where = self.distances.split(query) if self.distances else (query, query)
        scores = ops.matmul(what, ops.swapaxes(state["key"], -1, -2))  # (B, H, 1, slots)
        if self.distances:
            by_age = ops.matmul(where, ops.swapaxes(state["distances"], -1, -2))
            scores = scores + ops.take(by_age, self.reach.ages(place), axis=-1)
        hidden = ops.where(self.reach.visible_slots(place), 0.0, HIDDEN)
        heard = ops.reshape(ops.matmul(self._shares(scores, hidden), state["value"]), (-1, self.width))
        return ops.matmul(heard, ops.cast(self.tell, x.dtype)), state
