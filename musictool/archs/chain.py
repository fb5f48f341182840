"""Key after key within a frame, by one small network that all keys share: the best model of piano-rolls here.

    P(frame) = product over the keys k, from the lowest up, of P(k sounds | all frames before, keys below k)

An LSTM reads the frames. Every key has the same small network (tied weights, as in Johnson, "Generating Polyphonic
Music Using Tied Parallel Networks", 2017), whose inputs are the LSTM's features, what the key itself did at 17
distances up to 64 frames back, the keys around it in the last four frames by their distance from it, what followed
when the music last went as it goes now (attention over the frames), and the keys below it that are decided already
(as in NADE, Larochelle and Murray 2011). So a chord is drawn note after note, and the likelihood is exact.
`chain=false` leaves the keys of a frame independent of one another.

With `--encoding-set onsets=true` a key has two numbers, that it sounds and that it is struck, and the network decides
both before it goes on to the next key.

The network has the keys from `lowest` to `highest`, which are those that the corpus uses; each of the others has a
fixed small probability, given whether it sounds already. docs/chain.md says what each part is worth.
Limit: for one keyboard, and a frame takes time with the square of its keys; a band is for multi-rnn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from musictool.archs._frames import FramesArch, FrameStackOptions, used_keys
from musictool.dataset.dataset import Encoded
from musictool.encoding import Spec
from musictool.errors import BadOption, KindMismatch
from musictool.layers.recurrent_stack import RecurrentStack
from musictool.layers.tied_head import TiedHead
from musictool.options import option

MOST_KEYS = 128


class Chain(FramesArch):
    """Sum of the keys' embeddings -> `layers` x (LSTM of `width`, dropout) -> a network per key, tied to all others."""

    name = "chain"
    WINDOW = 128
    BATCH_SIZE = 16
    LEARNING_RATE = 3e-3
    DECAY = "cosine"
    USES_PER_WEIGHT = 12.0  # once for every key

    @dataclass(frozen=True)
    class Options(FrameStackOptions):
        layers: int = option(1, "number of LSTM layers", least=1, most=16)
        hidden: int = option(64, "hidden units per key", least=1, most=1024)
        chain: bool = option(True, "a key sees those below it in its own frame")
        lowest: int = option(
            0, "lowest key of the network, counted from 0; by default the lowest of the corpus", least=0
        )
        highest: int = option(MOST_KEYS - 1, "highest key; by default the highest of the corpus", least=0, most=127)

        def __post_init__(self) -> None:
            if self.highest - self.lowest < 1:
                raise BadOption(f"option highest: {self.highest} is not above lowest, {self.lowest}")

    SIZES: ClassVar = {
        "small": {},
        "medium": {"embedding": 256, "width": 512, "hidden": 96},
        "large": {"embedding": 512, "width": 1024, "layers": 2, "hidden": 128},
    }

    def __init__(self, spec: Spec, settings: Any = None, conditions: int = 0):
        super().__init__(spec, settings, conditions)
        self.channels = self.channels_of(spec.size)
        self.keys = spec.size // self.channels
        if not self.learns_rows_of(spec.shape):
            raise KindMismatch(
                f"the arch {self.name} is for one keyboard of at most {MOST_KEYS} keys, and this encoding writes "
                f"{spec.size} numbers per frame; take --arch multi-rnn"
            )

    @classmethod
    def channels_of(cls, size: int) -> int:
        """Numbers per key in frames of this size: that it sounds and, where there are two, that it is struck."""
        return 1 if size <= MOST_KEYS else 2

    @classmethod
    def learns_rows_of(cls, shape: tuple[int, ...]) -> bool:
        return shape[0] <= cls.channels_of(shape[0]) * MOST_KEYS

    def check(self, encoded: Encoded) -> None:
        """Leave out the keys that no training piece uses at any of its transpositions."""
        if (self.options.lowest, self.options.highest) == (0, MOST_KEYS - 1):
            self.options = replace(self.options, **used_keys(encoded, self.keys))

    def body(self) -> Any:
        return RecurrentStack("LSTM", self.options.width, self.options.layers, self.options.dropout)

    def head(self) -> TiedHead:
        settings = self.options
        keys = range(min(settings.lowest, self.keys - 2), min(settings.highest + 1, self.keys))
        return TiedHead(
            self.spec.size, settings.hidden, settings.chain, settings.dropout, channels=self.channels, keys=keys
        )
