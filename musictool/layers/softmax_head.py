"""A softmax an instrument, from which a fixed number of notes is drawn: how Tham and Kim (2021) draw a frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from musictool.layers.sigmoid_head import HELD, SigmoidHead, accuracy
from musictool.sampling.sampler import Sampler, inverse_transform

LEAST = 1e-9  # probability of a note, at least
MOST = 1 - 1e-6


class SoftmaxHead(SigmoidHead):
    """One distribution for each instrument, over its pitches and a rest; its notes are what so many drawings give.

    The drawings do not know of one another: two may give the same pitch, and a rest adds nothing, so that an instrument
    plays at most its number of notes. The rest is added here: without it an instrument could never be silent.

    It learns as the original does, by the cross-entropy of the softmax against the notes of the instrument (against the
    rest, where it has none). That number is not the likelihood of a frame and cannot be compared with one; the
    likelihood as drawn would be infinite wherever a piece has more notes than there are drawings. So the nats given
    here, of training too, are those of the chances that this way of drawing gives each key: with p in the softmax and n
    drawings, a key sounds with probability 1 - (1 - p)^n, and a frame costs the sum of its Bernoulli cross-entropies.
    That is a code for frames like those of the other heads and of the baselines, and may be set beside them.

    Honest limit: a chord of three is three likely notes at a third each, and three drawings seldom hit all of them.

    Args:
        size: D, numbers in a frame.
        notes: n of each instrument; D is a multiple of their number I.
    """

    def __init__(self, size: int, notes: Sequence[int], hold: bool = True, **kwargs: Any):
        super().__init__(size, hold, **kwargs)
        self.notes = np.array(notes)
        self.pitches = size // len(notes)

    @property
    def draws(self) -> int:
        return len(self.notes) * int(self.notes.max())

    def build(self, shape: Any) -> None:
        instruments, classes = len(self.notes), self.pitches + 1
        self.kernel = self.add_weight((shape[-1], instruments * classes), "glorot_uniform", name="kernel")
        self.bias = self.add_weight((instruments, classes), "zeros", name="bias", autocast=False)
        self.bias.assign(np.eye(1, classes, self.pitches).repeat(instruments, 0) * math.log(classes))  # rests
        if self.hold:
            held = keras.initializers.Constant(HELD)
            self.held = self.add_weight((instruments, classes), held, name="held", autocast=False)

    def logits(self, features: Any, before: Any, y: Any) -> Any:
        """float32 (..., I, P + 1): of each pitch and of a rest; see SigmoidHead.logits."""
        usual = self._usual(self._classes(before))
        shape = (*ops.shape(features)[:-1], *self.bias.shape)
        return ops.reshape(ops.cast(ops.matmul(features, self.kernel), "float32"), shape) + usual

    def loss_and_metrics(self, logits: Any, y: Any) -> tuple[Any, Any]:
        """The nats, whose gradient is that of the softmax's cross-entropy, and the accuracy; see the class."""
        softmax = ops.log_softmax(logits, axis=-1)
        learnt = -ops.sum(softmax * self._classes(y), axis=(-2, -1))
        p = ops.clip(ops.exp(softmax[..., :-1]), LEAST, MOST)
        silent = ops.log1p(-p) * self.notes.astype(np.float32)[:, None]  # (..., I, P): log of (1 - p)^n
        silent = ops.reshape(silent, ops.shape(y))  # (..., D)
        nats = -ops.sum(ops.where(y > 0, ops.log(-ops.expm1(silent)), silent), axis=-1)
        foretold = ops.cast(silent < -math.log(2), "float32")
        return ops.stop_gradient(nats - learnt) + learnt, accuracy(foretold, y)

    def draw(self, features: Any, before: Any, uniform: Any, sampler: Sampler, logit_bias: Any) -> Any:
        instruments, most = len(self.notes), int(self.notes.max())
        rests = np.zeros((instruments, 1), np.float32)  # are never banned
        logit_bias = ops.concatenate([ops.reshape(logit_bias, (instruments, self.pitches)), rests], axis=-1)
        logits = self.logits(features, before, before) / sampler.temperature + logit_bias  # (B, I, P + 1)
        probabilities = ops.reshape(ops.softmax(logits), (-1, self.pitches + 1))  # (B * I, P + 1)
        drawn = inverse_transform(probabilities, ops.reshape(uniform, (-1, most)))  # (B * I, most)
        drawn = ops.reshape(drawn, (-1, instruments, most))
        drawn = ops.where(np.arange(most) < self.notes[:, None], drawn, self.pitches)  # more than its number: a rest
        sounding = ops.max(ops.one_hot(drawn, self.pitches + 1), axis=-2)[..., :-1]  # (B, I, P)
        return ops.cast(ops.reshape(sounding, ops.shape(before)), "float32")

    def _classes(self, frame: Any) -> Any:
        """0/1 (..., D) -> 0/1 (..., I, P + 1), the last 1 where the instrument rests."""
        played = ops.reshape(frame, (*ops.shape(frame)[:-1], len(self.notes), self.pitches))
        return ops.concatenate([played, 1 - ops.max(played, axis=-1, keepdims=True)], axis=-1)
