"""RNN-NADE: a recurrent layer moves the biases of a NADE, which draws the keys of a frame from the lowest up.

    h[t]        = recurrent(h[t - 1], x[t])                              the frames so far
    P(x[t + 1]) = product over the keys k of P(x[t + 1, k] | keys below k, h[t])

Source: N. Boulanger-Lewandowski, Y. Bengio and P. Vincent, "Modeling Temporal Dependencies in High-Dimensional
Sequences" (2012), whose best model of piano-rolls it was; the NADE of a frame, musictool/layers/nade_head.py, is of
H. Larochelle and I. Murray (2011). The likelihood is exact. With `recurrent=rnn`, `layers=1`,
`dropout=0`, `hold=false` and `bar_positions=false` it is as theirs; by default the recurrent layer is an LSTM, and each
key sees directly whether it sounds already.
Limit: each key learns by itself what the keys below it mean, so that a chord that it has met in C is new to it in D
(`--transpose` helps); `--arch chain` shares what it learns between the keys. It is for one keyboard; a band is for
multi-rnn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from musictool.archs._frames import FramesArch, FrameStackOptions
from musictool.encoding import Spec
from musictool.errors import KindMismatch
from musictool.layers.nade_head import NadeHead
from musictool.layers.recurrent_stack import RecurrentStack
from musictool.options import option

MOST_NUMBERS = 256  # in a frame: 128 keys that sound, and are struck
LAYERS = {"lstm": "LSTM", "gru": "GRU", "rnn": "SimpleRNN"}


class RnnNade(FramesArch):
    """Sum of the keys' embeddings -> `layers` x (recurrent layer of `width`, dropout) -> a NADE of `hidden` units."""

    name = "rnn-nade"
    WINDOW = 128
    BATCH_SIZE = 16
    LEARNING_RATE = 3e-3
    DECAY = "cosine"

    @dataclass(frozen=True)
    class Options(FrameStackOptions):
        layers: int = option(1, "number of recurrent layers", least=1, most=16)
        recurrent: Literal["lstm", "gru", "rnn"] = option("lstm", "kind of the recurrent layers; rnn: tanh of the sum")
        hidden: int = option(128, "hidden units of the NADE", least=1, most=8192)
        hold: bool = option(True, "each key sees directly whether it sounds already")

    SIZES: ClassVar = {
        "small": {},
        "medium": {"embedding": 256, "width": 512, "hidden": 192},
        "large": {"embedding": 512, "width": 1024, "layers": 2, "hidden": 256},
    }

    def __init__(self, spec: Spec, settings: Any = None, conditions: int = 0):
        super().__init__(spec, settings, conditions)
        if not self.learns_rows_of(spec.shape):
            raise KindMismatch(
                f"the arch {self.name} is for one keyboard of at most {MOST_NUMBERS} numbers per frame, and this "
                f"encoding writes {spec.size}; take --arch multi-rnn"
            )

    @classmethod
    def learns_rows_of(cls, shape: tuple[int, ...]) -> bool:
        return shape[0] <= MOST_NUMBERS

    def body(self) -> Any:
        options = self.options
        return RecurrentStack(LAYERS[options.recurrent], options.width, options.layers, options.dropout)

    def head(self) -> NadeHead:
        return NadeHead(self.spec.size, self.options.hidden, self.options.hold)
