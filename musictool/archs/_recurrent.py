"""What `rnn`, `gru` and `lstm` share: everything but the layer that is stacked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from musictool.archs._tokens import TokensArch
from musictool.layers.recurrent_stack import RecurrentStack
from musictool.options import option


class RecurrentArch(TokensArch):
    """embedding -> `layers` x (`layer` of `width`, dropout) -> logits."""

    layer: ClassVar[Any]  # of Keras, or a functools.partial of one

    @dataclass(frozen=True)
    class Options:
        embedding: int = option(128, "numbers that stand for a symbol", least=1, most=8192)
        width: int = option(256, "units of each layer", least=1, most=8192)
        layers: int = option(2, "layers on top of one another", least=1, most=16)
        dropout: float = option(0.3, "share of outputs dropped in training", least=0, most=0.95)

    SIZES: ClassVar = {
        "small": {},
        "medium": {"embedding": 256, "width": 512, "layers": 2},
        "large": {"embedding": 512, "width": 1024, "layers": 3},
    }

    def body(self) -> Any:
        own = self.options
        return RecurrentStack(type(self).layer, own.width, own.layers, own.dropout)  # self.layer would bind a partial
