"""What the Transformers share: options, sizes, the stack that their attention goes into, and attention in a band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from musictool.arch import StackOptions
from musictool.archs._tokens import TokensArch
from musictool.errors import BadOption
from musictool.layers.positions import PositionEmbedding, RelativePositionEmbedding, RotaryEmbedding
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


@dataclass(frozen=True)
class BandedOptions(AttentionOptions):
    """The options of a Transformer whose tokens attend to a fixed number of tokens before them."""

    positions: Literal["rotary", "relative", "learned"] = option("rotary", "kind of position embedding")
    context: int = option(128, "tokens that each layer attends to; at most the training window", least=2, most=8192)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.positions == "rotary" and self.head_size % 2:
            raise BadOption(
                f"option width: {self.width} over {self.heads} heads is odd; positions=rotary rotates pairs"
            )


class BandedArch(AttentionArch):
    """embedding -> `layers` x (attention to the `context` tokens up to each, feed-forward) -> logits."""

    Options = BandedOptions

    def body(self) -> TransformerStack:
        context, positions = self.options.context, self.options.positions
        heads, head_size = self.options.heads, self.options.head_size

        # each row attends to itself and the context - 1 rows before it
        span = AttentionSpan(segment=context, memory=context - 1, max_distance=context - 1)

        # what it knows of positions: queries and keys rotated, or position keys in each block, or a vector per row
        rotary = RotaryEmbedding(head_size) if positions == "rotary" else None
        attentions = []
        for i in range(self.options.layers):
            relative = RelativePositionEmbedding(heads, head_size, context) if positions == "relative" else None
            attentions.append(self.attention(i, span, rotary=rotary, relative=relative))
        return self.stack(attentions, PositionEmbedding(context, name="positions") if positions == "learned" else None)
