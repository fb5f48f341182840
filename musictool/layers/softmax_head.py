"""One softmax per instrument, from which a fixed number of notes is drawn: how Tham and Kim (2021) draw a frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from musictool.engine import nn, ops
from musictool.layers.sigmoid_head import HOLD_LOGIT, SigmoidHead, accuracy
from musictool.sampling.rules import inverse_transform

LEAST = 1e-9  # probability of a note, at least
MOST = 1 - 1e-6


class SoftmaxHead(SigmoidHead):
    """One distribution per instrument, over its pitches and a rest; its notes are the results of n draws from it.

    The draws are independent: two may give the same pitch, and a rest adds nothing, so that an instrument plays at most
    its number of notes. The rest is added here: without it an instrument could never be silent.

    It learns as the original does, by the cross-entropy of the softmax against the notes of the instrument (against the
    rest, where it has none). That number is not the likelihood of a frame and cannot be compared with one; the
    likelihood as drawn would be infinite wherever a piece has more notes than there are draws. So the nats given here,
    of training too, are those of the probabilities that this way of drawing gives each key: with p in the softmax and n
    draws, a key sounds with probability 1 - (1 - p)^n, and a frame costs the sum of its Bernoulli cross-entropies. That
    is a code for frames like those of the other heads and of the baselines, and may be set beside them.

    Limit: a chord of three is three likely notes at a third each, and three draws seldom hit all of them.

    Args:
        size: D, numbers in a frame.
        notes: n of each instrument; D is a multiple of their number I.
        hold: whether each key has a weight of its own for that it sounds already.
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
        rests = np.eye(1, classes, self.pitches).repeat(instruments, 0) * math.log(classes)
        initializer = nn.initializers.Constant(rests)
        self.bias = self.add_weight((instruments, classes), initializer, name="bias", autocast=False)
        if self.hold:
            initializer = nn.initializers.Constant(HOLD_LOGIT)
            self.hold_kernel = self.add_weight((instruments, classes), initializer, name="hold_kernel", autocast=False)

    def logits(self, features: Any, context: Any, target: Any, constants: Any = None) -> Any:
        """float32 (..., I, P + 1): of each pitch and of a rest; see SigmoidHead.logits."""
        offset = self._offset(self._classes(context))
        shape = (*ops.shape(features)[:-1], *self.bias.shape)
        return ops.reshape(ops.cast(ops.matmul(features, self.kernel), "float32"), shape) + offset

    def loss_and_metrics(self, logits: Any, target: Any) -> tuple[Any, Any]:
        """The nats, whose gradient is that of the softmax's cross-entropy, and the accuracy; see the class."""
        # The loss that is learnt: cross-entropy against the notes of each instrument.
        log_p = ops.log_softmax(logits, axis=-1)  # (..., I, P + 1)
        cross_entropy = -ops.sum(log_p * self._classes(target), axis=(-2, -1))
        # The nats that are reported: of each key, silent with probability (1 - p)^n.
        p = ops.clip(ops.exp(log_p[..., :-1]), LEAST, MOST)
        log_silent = ops.log1p(-p) * self.notes.astype(np.float32)[:, None]  # (..., I, P)
        log_silent = ops.reshape(log_silent, ops.shape(target))  # (..., D)
        nats = -ops.sum(ops.where(target > 0, ops.log(-ops.expm1(log_silent)), log_silent), axis=-1)
        predicted = ops.cast(log_silent < -math.log(2), "float32")
        # The value of the one with the gradient of the other.
        return ops.stop_gradient(nats - cross_entropy) + cross_entropy, accuracy(predicted, target)

    def draw(
        self, features: Any, context: Any, uniform: Any, temperature: float, logit_bias: Any, constants: Any = None
    ) -> Any:
        # One distribution per instrument; rests are never banned.
        instruments, most = len(self.notes), int(self.notes.max())
        no_bias = np.zeros((instruments, 1), np.float32)
        logit_bias = ops.concatenate([ops.reshape(logit_bias, (instruments, self.pitches)), no_bias], axis=-1)
        logits = self.logits(features, context, context) / temperature + logit_bias  # (B, I, P + 1)
        probabilities = ops.reshape(ops.softmax(logits), (-1, self.pitches + 1))  # (B * I, P + 1)
        # As many draws for all; those beyond an instrument's number become rests.
        drawn = inverse_transform(probabilities, ops.reshape(uniform, (-1, most)))  # (B * I, most)
        drawn = ops.reshape(drawn, (-1, instruments, most))
        drawn = ops.where(np.arange(most) < self.notes[:, None], drawn, self.pitches)
        # What was drawn at least once sounds.
        sounding = ops.max(ops.one_hot(drawn, self.pitches + 1), axis=-2)[..., :-1]  # (B, I, P)
        return ops.cast(ops.reshape(sounding, ops.shape(context)), "float32")

    def _classes(self, frame: Any) -> Any:
        """0/1 (..., D) -> 0/1 (..., I, P + 1), the last 1 where the instrument rests."""
        played = ops.reshape(frame, (*ops.shape(frame)[:-1], len(self.notes), self.pitches))
        return ops.concatenate([played, 1 - ops.max(played, axis=-1, keepdims=True)], axis=-1)
