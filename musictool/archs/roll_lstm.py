"""LSTM over piano-rolls: an embedding and a sigmoid per key; or keys that see the past, and one another.

Source: A. Huang and R. Wu, "Deep Learning for Music" (2016), their model of piano-rolls: each key has an embedding
vector of its own, a step's input is the sum over the keys that sound, and the LSTM's output is projected back to the
keys. Unlike theirs each key also sees directly whether it sounds already (`hold=false` is as theirs).
With `head=tied` every key has the same small network, which sees its own past and the keys around it (Johnson, 2017),
and with `head=chain` also the keys below it that sound in the same step: a chord is drawn note after note.
Limit: without a chain the keys of a step are drawn independently, so that a chord may be half of one chord and half of
another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import keras

from musictool.arch import StackOptions
from musictool.archs._frames import FramesArch
from musictool.encoding import Spec
from musictool.errors import KindMismatch
from musictool.layers.recurrent_stack import RecurrentStack
from musictool.layers.sigmoid_head import SigmoidHead
from musictool.layers.tied_head import TiedHead
from musictool.options import option

MOST_KEYS = 128  # for a head in which every key sees every other


class RollLstm(FramesArch):
    """Sum of the keys' embeddings -> `layers` x (LSTM of `width`, dropout) -> one of three heads."""

    name = "roll-lstm"
    WINDOW = 128
    BATCH_SIZE = 16
    LEARNING_RATE = 3e-3

    @dataclass(frozen=True)
    class Options(StackOptions):
        hold: bool = option(True, "each key sees directly whether it sounds already")
        head: Literal["sigmoid", "tied", "chain"] = option(
            "sigmoid", "output layer: a sigmoid per key; a network shared by all keys; the same, from the lowest key up"
        )
        hidden: int = option(64, "hidden units per key, for head=tied and head=chain", least=1, most=1024)

    SIZES: ClassVar = {
        "small": {},
        "medium": {"embedding": 256, "width": 512, "layers": 2, "hidden": 96},
        "large": {"embedding": 512, "width": 1024, "layers": 3, "hidden": 128},
    }

    def __init__(self, spec: Spec, settings: Any = None, conditions: int = 0):
        super().__init__(spec, settings, conditions)
        if self.options.head != "sigmoid" and spec.size > MOST_KEYS:
            raise KindMismatch(
                f"head={self.options.head} is for one keyboard of at most {MOST_KEYS} keys, and this encoding writes "
                f"{spec.size} numbers per frame; take head=sigmoid, or --arch multi-rnn"
            )

    def body(self) -> Any:
        return RecurrentStack(keras.layers.LSTM, self.options.width, self.options.layers, self.options.dropout)

    def head(self) -> SigmoidHead:
        size, settings = self.spec.size, self.options
        if settings.head == "sigmoid":
            return SigmoidHead(size, settings.hold)
        return TiedHead(size, settings.hidden, settings.head == "chain", settings.dropout, settings.hold)
