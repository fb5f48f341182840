"""Decoder-only Transformer: every token attends to the `context` tokens up to it.

Source: Vaswani et al., "Attention Is All You Need" (2017); positions as in Su et al. (2021, rotary), Huang et al.,
"Music Transformer" (2018, relative) or the first paper's learned ones. Each block attends to `context` tokens however
long the piece is, so that writing is not bound to the training window, and costs the same for ever.
Limit: a `context` longer than the training window has distances in it that were never learned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from musictool.archs._attention import AttentionArch, AttentionOptions
from musictool.errors import BadOption
from musictool.layers.positions import PositionEmbedding, RelativePositionEmbedding, RotaryEmbedding
from musictool.layers.transformer import AttentionSpan, TransformerStack
from musictool.options import option


class Transformer(AttentionArch):
    """embedding -> `layers` x (banded attention, feed-forward) -> logits."""

    name = "transformer"

    @dataclass(frozen=True)
    class Options(AttentionOptions):
        positions: Literal["rotary", "relative", "learned"] = option("rotary", "kind of position embedding")
        context: int = option(128, "tokens that each layer attends to; at most the training window", least=2, most=8192)

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.positions == "rotary" and self.head_size % 2:
                raise BadOption(
                    f"option width: {self.width} over {self.heads} heads is odd; positions=rotary rotates pairs"
                )

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
