"""One small network that every key has, tied: what is learnt of one key holds for all."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from musictool.layers.recollection import CONTEXT, REACH, Recollection, earlier
from musictool.layers.sigmoid_head import SigmoidHead
from musictool.sampling.sampler import Sampler

NEAR = 4  # frames back in which a key hears the other keys
KEPT = REACH + CONTEXT  # frames that are kept, to write frame after frame
RECOLLECTORS = 4


class TiedHead(SigmoidHead):
    """A key hears the features, its own past, the keys around it in the last frames and, as a `chain`, those below it.

    The keys around are heard by how far they lie from it, whichever key it is, as in the tied parallel networks of
    Johnson (2017); besides, each key adds what it is to all, and each key has a place of its own and weights of its own
    in the last layer, which is what a plain layer of sigmoids has. What a key did before, and what followed when it
    last sounded so, comes from musictool/layers/recollection.py.

    With `chain` the keys of a frame are decided one after another from the lowest up, and each hears all those below
    it. The weights towards a key from itself and those above are left out, so that one product of matrices serves all
    keys in training (masking as in MADE, Germain 2015), the sum over all that sounds below as in NADE (Larochelle and
    Murray 2011), and the likelihood of a frame is exact: the product over its keys. Without it the keys of a frame do
    not know of one another.

    Honest limit: a frame takes two products of D * D * hidden numbers, so this is for one keyboard and not for a band.

    Args:
        size: D, numbers in a frame.
        hidden: H, units of each key, in each of two layers.
        chain: whether a key hears those below it in its own frame.
        dropout: share of the units and features that is dropped in training.
    """

    def __init__(self, size: int, hidden: int, chain: bool, dropout: float = 0.0, hold: bool = True, **kwargs: Any):
        super().__init__(size, hold, **kwargs)
        self.hidden = hidden
        self.chain = chain
        self.recollection = Recollection(size, RECOLLECTORS, name="recollection")
        self.drop = [keras.layers.Dropout(dropout, name=f"drop_{i}") for i in range(3)]

    def build(self, shape: Any) -> None:
        super().build(shape)
        self.recollection.build()
        size, hidden = self.size, self.hidden
        few = keras.initializers.RandomNormal(0, 0.1)  # a dozen keys sound in the last frames
        self.around = self.add_weight((NEAR, 2 * size - 1, hidden), few, name="around")
        self.said = self.add_weight((NEAR, size, hidden), few, name="said")
        self.own = self.add_weight((self.recollection.channels, hidden), "glorot_uniform", name="own")
        self.place = self.add_weight((size, hidden), few, name="place")
        self.found = self.add_weight((RECOLLECTORS, hidden), "glorot_uniform", name="found")
        self.hear = self.add_weight((shape[-1], 2 * hidden), "glorot_uniform", name="hear")
        if self.chain:
            self.below = self.add_weight((size - 1, hidden), few, name="below")
            self.sounded = self.add_weight((size, hidden), few, name="sounded")
        self.second = self.add_weight((hidden, hidden), "he_normal", name="second")
        self.threshold = self.add_weight((hidden,), "zeros", name="threshold")
        self.say = self.add_weight((hidden,), keras.initializers.RandomNormal(0, hidden**-0.5), name="say")
        self.say_own = self.add_weight((size, hidden), "zeros", name="say_own")
        offset = np.arange(size)[None] - np.arange(size)[:, None]  # [from, to]
        self.offset = offset + size - 1
        self.is_below = np.triu(np.ones((size, size), np.float32), 1)

    # ------------------------------------------------------------------------------------------------ what was heard

    def context(self, frames: Any) -> Any:
        near = ops.concatenate([earlier(frames, lag) for lag in range(NEAR)], axis=-1)  # (B, T, NEAR * D)
        return (near, *self.recollection(frames))

    def initial_context(self, batch_size: int) -> Any:
        return ops.zeros((batch_size, KEPT, self.size)), ops.convert_to_tensor(KEPT, "int32")

    def update_context(self, frame: Any, state: Any) -> tuple[Any, Any]:
        kept, first = state
        kept = ops.concatenate([kept[:, 1:], frame[:, None]], axis=1)
        first = ops.maximum(first - 1, 0)
        near = ops.concatenate([kept[:, KEPT - 1 - lag] for lag in range(NEAR)], axis=-1)
        return (near, *self.recollection.latest(kept, first)), (kept, first)

    # --------------------------------------------------------------------------------------------- what is said of it

    def logits(self, features: Any, before: Any, y: Any) -> Any:
        units = self._units(features, before)
        if self.chain:
            units = units + self._of_below(y)
        return self._say(units, features, before)

    def _units(self, features: Any, before: Any) -> Any:
        """(..., D, H): what the past gives to the first layer."""
        near, own, found = (ops.cast(each, self.compute_dtype) for each in before)
        around = ops.take(self._cast(self.around), self.offset, axis=1)
        around = around + self._cast(self.said)[:, :, None]  # (NEAR, D, D, H)
        around = ops.reshape(around, (NEAR * self.size, self.size * self.hidden))
        shape = (*ops.shape(near)[:-1], self.size, self.hidden)
        units = ops.reshape(ops.matmul(near, around), shape)
        hear, place = self._cast(self.hear), self._cast(self.place)
        heard = ops.matmul(self.drop[0](features), hear[:, : self.hidden]) + ops.matmul(found, self._cast(self.found))
        return units + ops.matmul(own, self._cast(self.own)) + ops.expand_dims(heard, -2) + place

    def _cast(self, weight: Any) -> Any:
        """A weight in the type that the layer computes in. Keras casts by itself only within `call` of a network, and a
        step of writing is none."""
        return ops.cast(weight, self.compute_dtype)

    def _of_below(self, y: Any) -> Any:
        """(..., D, H): what the keys below each give to it."""
        weights = ops.reshape(self._below(), (self.size, self.size * self.hidden))
        said = ops.matmul(ops.cast(y, self.compute_dtype), weights)
        return ops.reshape(said, (*ops.shape(y)[:-1], self.size, self.hidden))

    def _below(self) -> Any:
        """(D, D, H), [from, to]."""
        offset = np.clip(self.offset - self.size, 0, self.size - 2)
        weights = ops.take(self._cast(self.below), offset, axis=0) + self._cast(self.sounded)[:, None]
        return weights * ops.cast(self.is_below, self.compute_dtype)[:, :, None]

    def _say(self, units: Any, features: Any, before: Any) -> Any:
        heard = ops.expand_dims(ops.matmul(features, self._cast(self.hear)[:, self.hidden :]), -2)
        said = self._said(units, heard, self._cast(self.say) + self._cast(self.say_own))  # (..., D)
        return said + super().logits(features, before[0][..., : self.size], None)

    def _said(self, units: Any, heard: Any, say: Any) -> Any:
        """float32 (...,): what the two layers say of a key, of three (..., H)."""
        first = self.drop[1](ops.relu(units))
        second = self.drop[2](ops.relu(ops.matmul(first, self._cast(self.second)) + heard + self._cast(self.threshold)))
        return ops.cast(ops.sum((first + second) * say, axis=-1), "float32")

    # ------------------------------------------------------------------------------------------------------- drawing

    def draw(self, features: Any, before: Any, uniform: Any, sampler: Sampler, logit_bias: Any) -> Any:
        if not self.chain:
            return super().draw(features, before, uniform, sampler, logit_bias)
        units, weights = self._units(features, before), self._below()  # (B, D, H), (D, D, H)
        usual = super().logits(features, before[0][..., : self.size], None)  # (B, D)
        heard = ops.matmul(features, self._cast(self.hear)[:, self.hidden :])  # (B, H)
        say, keys = self._cast(self.say) + self._cast(self.say_own), ops.arange(self.size)

        def decide(key: Any, frame: Any) -> Any:
            below = ops.matmul(ops.cast(frame, self.compute_dtype), ops.take(weights, key, axis=1))
            own = ops.take(units, key, axis=1) + below
            logit = self._said(own, heard, ops.take(say, key, axis=0)) + ops.take(usual, key, axis=1)  # (B,)
            chance = ops.sigmoid(logit / sampler.temperature + ops.take(logit_bias, key))
            drawn = ops.cast(uniform < chance[:, None], "float32")
            return ops.where(keys == key, drawn, frame)

        return ops.fori_loop(0, self.size, decide, ops.zeros_like(uniform))
