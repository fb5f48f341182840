"""Attention and feed-forward layers on top of one another, for whole windows and for one row at a time."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


class TransformerStack(keras.layers.Layer):
    """Blocks of attention and feed-forward, each adding to what came in, normalised before each (pre-norm).

    Called on float (B, T, D) it gives (B, T, W). `step` does the same for one row with the state carried by hand.

    The norm is by root mean square (Zhang and Sennrich 2019) and the feed-forward layers square what they let pass
    (So et al., "Primer", 2021): both cost less than what is usual, and learn no worse.

    Args:
        attentions: one Attention a block.
        width: W.
        multiple: units of a feed-forward layer, for each of W.
        dropout: share of numbers dropped in training, of what comes in and of what each layer adds.
        places: a LearnedPlaces; None if attention knows of places by itself.
    """

    def __init__(
        self, attentions: list[Any], width: int, multiple: int, dropout: float, places: Any = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.width = width
        self.attentions = attentions
        self.enter = keras.layers.Dense(width, use_bias=False, name="enter")
        self.places = places
        blocks = range(len(attentions))
        self.norms = [keras.layers.RMSNormalization(name=f"norm_{i}") for i in range(2 * len(attentions) + 1)]
        self.widen = [keras.layers.Dense(multiple * width, "relu", name=f"widen_{i}") for i in blocks]
        std = residual_scale(len(attentions)) / math.sqrt(multiple * width)
        small = [keras.initializers.RandomNormal(0, std) for _ in blocks]  # one that is shared draws the same each time
        self.narrow = [keras.layers.Dense(width, kernel_initializer=small[i], name=f"narrow_{i}") for i in blocks]
        self.dropout = keras.layers.Dropout(dropout, name="dropout")

    def build(self, shape: Any) -> None:
        self.enter.build(shape)
        inner = (*shape[:-1], self.width)
        for layer in (*self.norms, *self.attentions, *self.widen, *([self.places] if self.places else [])):
            layer.build(inner)
        for layer in self.narrow:
            layer.build((*shape[:-1], self.widen[0].units))

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], self.width)

    def call(self, x: Any, training: bool = False) -> Any:
        x = self.enter(x)
        if self.places:
            x = self.places(x, training=training)
        x = self.dropout(x, training=training)
        for i, attention in enumerate(self.attentions):
            x = x + self.dropout(attention(self.norms[2 * i](x)), training=training)
            x = x + self.dropout(self._feed(i, x), training=training)
        return self.norms[-1](x)

    def _feed(self, i: int, x: Any) -> Any:
        return self.narrow[i](ops.square(self.widen[i](self.norms[2 * i + 1](x))))

    def initial_state(self, batch_size: int) -> dict[str, Any]:
        """The place of the next row, int32, and the state of each attention."""
        kept = [attention.initial_state(batch_size) for attention in self.attentions]
        return {"place": ops.zeros((), dtype="int32"), "kept": kept}

    def step(self, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """One row: (B, D) and the state -> (B, W) and the state after it."""
        place, after = state["place"], []
        x = self.enter(x)
        if self.places:
            x = self.places.step(x, place)
        for i, attention in enumerate(self.attentions):
            heard, kept = attention.step(self.norms[2 * i](x), state["kept"][i], place)
            x = x + heard
            x = x + self._feed(i, x)
            after.append(kept)
        return self.norms[-1](x), {"place": place + 1, "kept": after}


def residual_scale(blocks: int) -> float:
    """How much smaller the weights of what each of the 2 x `blocks` layers adds begin, so that the sum stays near 1."""
    return 1 / math.sqrt(2 * blocks)
