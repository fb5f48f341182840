"""What `transformer` and `transformer-xl` share: options, sizes, and the stack that their attention goes into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from musictool.arch import StackOptions
from musictool.archs._tokens import TokensArch
from musictool.errors import BadOption
from musictool.layers.transformer import Attention, AttentionSpan, TransformerStack, residual_scale
from musictool.options import option


@dataclass(frozen=True)
class AttentionOptions(StackOptions):
    """The options of any Transformer."""

    width: int = option(128, "hidden size; a multiple of heads", least=1, most=8192)
    layers: int = option(4, "number of blocks", least=1, most=64)
    dropout: float = option(0.1, "dropout rate", least=0, most=0.95)
    heads: int = option(4, "attention heads", least=1, most=64)
    multiple: int = option(4, "units of a feed-forward layer, as a multiple of width", least=1, most=16)

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise BadOption(f"option width: {self.width} is not a multiple of heads, {self.heads}; set one to fit")

    @property
    def head_size(self) -> int:
        """d, the numbers per head."""
        return self.width // self.heads


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

    def held_numbers(self, rows: int) -> int:
        options = self.options
        # of each block: its input, two norms, query, key, value, context and output; the hidden units and their squares
        block = (8 + 2 * options.multiple) * options.width
        return rows * (options.layers * block + 2 * self.spec.size)  # and the logits, with their gradient

    def attention(self, block: int, span: AttentionSpan, **settings: Any) -> Attention:
        """The attention of one block."""
        width, heads, scale = self.options.width, self.options.heads, residual_scale(self.options.layers)
        return Attention(width, heads, span, output_scale=scale, name=f"attention_{block}", **settings)

    def stack(self, attentions: list[Attention], positions: Any = None) -> TransformerStack:
        """The body: one block for each attention."""
        return TransformerStack(attentions, self.options.width, self.options.multiple, self.options.dropout, positions)
