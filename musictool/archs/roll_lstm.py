"""LSTM over piano-rolls: a vector a key, and a sigmoid a key.

Source: A. Huang and R. Wu, "Deep Learning for Music" (2016), their model of piano-rolls: each key has an embedding
vector of its own, a step's input is the sum over the keys that sound, and the LSTM's output is projected back to the
keys. Unlike theirs each key also hears directly whether it sounds already (`hold=false` is as theirs).
Limit: the keys of a step are drawn without knowing of one another, so that a chord may be drawn half from this and half
from that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import keras

from musictool.archs._frames import FramesArch
from musictool.layers.recurrent_stack import RecurrentStack
from musictool.layers.sigmoid_head import SigmoidHead
from musictool.options import option


class RollLstm(FramesArch):
    """Sum of the keys' vectors -> `layers` x (LSTM of `width`, dropout) -> a sigmoid a key."""

    name = "roll-lstm"
    WINDOW = 128
    BATCH_SIZE = 16
    LEARNING_RATE = 3e-3

    @dataclass(frozen=True)
    class Options:
        embedding: int = option(128, "numbers that stand for a key", least=1, most=8192)
        width: int = option(256, "units of each layer", least=1, most=8192)
        layers: int = option(2, "layers on top of one another", least=1, most=16)
        dropout: float = option(0.3, "share of outputs dropped in training", least=0, most=0.95)
        hold: bool = option(True, "each key hears directly whether it sounds already")

    SIZES: ClassVar = {
        "small": {},
        "medium": {"embedding": 256, "width": 512, "layers": 2},
        "large": {"embedding": 512, "width": 1024, "layers": 3},
    }

    def body(self) -> Any:
        return RecurrentStack(keras.layers.LSTM, self.options.width, self.options.layers, self.options.dropout)

    def head(self) -> SigmoidHead:
        return SigmoidHead(self.spec.size, self.options.hold)
