"""LSTM for a band: five instruments of 128 pitches, step by step, the later ones given the earlier.

Source: I. Tham and M. Kim's multi-instrument RNN (2021): the 640 numbers of the next step from the last 32 steps, with
a softmax per instrument from which a fixed number of notes is drawn (`head=softmax`). There the five are drawn
independently, and do not fit together; `head=autoregressive` draws piano, guitar, bass, strings and drums in this
order, each given what those before it play in the same step. `head=sigmoid` draws every key by itself.
Limit: it is trained on two bars at a time, and knows of no form beyond them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from musictool.archs._frames import FramesArch, FrameStackOptions
from musictool.encoding import Spec
from musictool.errors import BadOption, KindMismatch
from musictool.layers.autoregressive_head import AutoregressiveHead
from musictool.layers.recurrent_stack import RecurrentStack
from musictool.layers.sigmoid_head import SigmoidHead
from musictool.layers.softmax_head import SoftmaxHead
from musictool.options import option

INSTRUMENTS, PITCHES = 5, 128
MOST_NOTES = 16


class MultiRnn(FramesArch):
    """Sum of the keys' embeddings -> `layers` x (LSTM of `width`, dropout) -> one of three heads."""

    name = "multi-rnn"
    DEFAULT_ENCODING = "multitrack-roll"
    ROW_SHAPE = (INSTRUMENTS * PITCHES,)
    WINDOW = 32
    BATCH_SIZE = 32
    LEARNING_RATE = 3e-3

    @dataclass(frozen=True)
    class Options(FrameStackOptions):
        head: Literal["autoregressive", "sigmoid", "softmax"] = option(
            "autoregressive",
            "output layer: instrument after instrument; a sigmoid per key; a softmax per instrument",
        )
        hidden: int = option(64, "hidden units per instrument, for head=autoregressive", least=1, most=8192)
        notes: str = option(
            "2,3,1,2,2", "notes drawn per step for piano, guitar, bass, strings, drums; for head=softmax"
        )
        hold: bool = option(True, "each key sees directly whether it sounds already")

        def __post_init__(self) -> None:
            drawn_notes(self.notes)

    SIZES: ClassVar = {
        "small": {},
        "medium": {"embedding": 256, "width": 512, "layers": 2, "hidden": 128},
        "large": {"embedding": 512, "width": 1024, "layers": 3, "hidden": 256},
    }

    def __init__(self, spec: Spec, settings: Any = None, conditions: int = 0):
        super().__init__(spec, settings, conditions)
        if not self.learns_rows_of(spec.shape):
            raise KindMismatch(
                f"the arch {self.name} learns frames of {INSTRUMENTS} instruments x {PITCHES} pitches, and this "
                f"encoding writes {spec.size} numbers per frame; take --encoding multitrack-roll, or --arch roll-lstm"
            )
        if self.options.head == "softmax" and spec.shape != self.ROW_SHAPE:
            raise KindMismatch("head=softmax draws what is held, not what is struck; add --encoding-set onsets=false")

    @classmethod
    def learns_rows_of(cls, shape: tuple[int, ...]) -> bool:
        """What is held, and perhaps behind it what is struck."""
        return shape in (cls.ROW_SHAPE, (2 * cls.ROW_SHAPE[0],))

    def body(self) -> Any:
        return RecurrentStack("LSTM", self.options.width, self.options.layers, self.options.dropout)

    def head(self) -> SigmoidHead:
        size, hold = self.spec.size, self.options.hold
        if self.options.head == "softmax":
            return SoftmaxHead(size, drawn_notes(self.options.notes), hold)
        if self.options.head == "autoregressive":
            return AutoregressiveHead(size, size // PITCHES, self.options.hidden, hold)
        return SigmoidHead(size, hold)


def drawn_notes(text: str) -> tuple[int, ...]:
    """2,3,1,2,2 as numbers. Raises BadOption for anything but five of them, each from 1 to MOST_NOTES."""
    try:
        notes = tuple(int(number) for number in text.split(","))
    except ValueError:
        notes = ()
    if len(notes) != INSTRUMENTS or not all(1 <= number <= MOST_NOTES for number in notes):
        raise BadOption(
            f"option notes: '{text}' is not {INSTRUMENTS} whole numbers from 1 to {MOST_NOTES}, for piano, guitar, "
            "bass, strings and drums, such as 2,3,1,2,2"
        )
    return notes
