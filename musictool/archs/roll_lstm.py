"""LSTM over piano-rolls: an embedding and a sigmoid per key.

Source: A. Huang and R. Wu, "Deep Learning for Music" (2016), their model of piano-rolls: each key has an embedding
vector of its own, a step's input is the sum over the keys that sound, and the LSTM's output is projected back to the
keys. Unlike theirs each key also sees directly whether it sounds already (`hold=false` is as theirs).
Limit: the keys of a step are drawn independently, so that a chord may be half of one chord and half of another;
`--arch chain` draws one after another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from musictool.archs._frames import FramesArch, FrameStackOptions
from musictool.layers.recurrent_stack import RecurrentStack
from musictool.layers.sigmoid_head import SigmoidHead
from musictool.options import option


class RollLstm(FramesArch):
    """Sum of the keys' embeddings -> `layers` x (LSTM of `width`, dropout) -> a sigmoid per key."""

    name = "roll-lstm"
    WINDOW = 128
    BATCH_SIZE = 16
    LEARNING_RATE = 3e-3

    @dataclass(frozen=True)
    class Options(FrameStackOptions):
        hold: bool = option(True, "each key sees directly whether it sounds already")

    SIZES: ClassVar = {
        "small": {},
        "medium": {"embedding": 256, "width": 512, "layers": 2},
        "large": {"embedding": 512, "width": 1024, "layers": 3},
    }

    def body(self) -> Any:
        return RecurrentStack("LSTM", self.options.width, self.options.layers, self.options.dropout)

    def head(self) -> SigmoidHead:
        return SigmoidHead(self.spec.size, self.options.hold)
