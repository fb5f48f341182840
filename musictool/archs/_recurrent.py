"""What `rnn`, `gru` and `lstm` share: everything but the layer that is stacked."""

from __future__ import annotations

from typing import ClassVar

from musictool.arch import StackOptions
from musictool.archs._tokens import TokensArch
from musictool.layers.recurrent_stack import RecurrentStack


class RecurrentArch(TokensArch):
    """embedding -> `layers` x (`layer` of `width`, dropout) -> logits."""

    layer: ClassVar[str]  # the name of a recurrent layer of Keras

    Options = StackOptions
    SIZES: ClassVar = {
        "small": {},
        "medium": {"embedding": 256, "width": 512, "layers": 2},
        "large": {"embedding": 512, "width": 1024, "layers": 3},
    }

    def body(self) -> RecurrentStack:
        return RecurrentStack(self.layer, self.options.width, self.options.layers, self.options.dropout)
