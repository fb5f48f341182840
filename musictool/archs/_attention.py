"""What `transformer` and `transformer-xl` share: options, and the layers between embedding and prediction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from musictool.archs._tokens import TokensArch
from musictool.errors import BadOption
from musictool.layers.attention import Attention
from musictool.layers.reach import Reach
from musictool.layers.transformer_stack import TransformerStack, residual_scale
from musictool.options import option


@dataclass(frozen=True)
class AttentionOptions:
    """What can be set of any Transformer."""

    embedding: int = option(128, "numbers that stand for a symbol", least=1, most=8192)
    width: int = option(128, "numbers that stand for a position; a multiple of heads", least=1, most=8192)
    layers: int = option(4, "blocks on top of one another", least=1, most=64)
    heads: int = option(4, "heads of each attention", least=1, most=64)
    multiple: int = option(4, "units of a feed-forward layer, as a multiple of width", least=1, most=16)
    dropout: float = option(0.1, "share of numbers dropped in training", least=0, most=0.95)

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise BadOption(f"option width: {self.width} is not a multiple of heads, {self.heads}; set one to fit")


class AttentionArch(TokensArch):
    """embedding -> `layers` x (attention, feed-forward) -> logits."""

    LEARNING_RATE = 2e-3
    WARMUP = 50
    DECAY = "cosine"
    WINDOW = 128
    BATCH_SIZE = 16

    SIZES: ClassVar = {
        "small": {},
        "medium": {"embedding": 256, "width": 256, "layers": 6, "heads": 8},
        "large": {"embedding": 512, "width": 512, "layers": 8, "heads": 8},
    }

    def stack(self, reach: Reach, place: Callable[[int], dict[str, Any]], places: Any = None) -> TransformerStack:
        """The body. `place` is told the numbers a head and gives each Attention what it knows of places."""
        set_ = self.options
        size, scale = set_.width // set_.heads, residual_scale(set_.layers)
        attentions = [
            Attention(set_.width, set_.heads, reach, scale=scale, name=f"attention_{i}", **place(size))
            for i in range(set_.layers)
        ]
        return TransformerStack(attentions, set_.width, set_.multiple, set_.dropout, places)
