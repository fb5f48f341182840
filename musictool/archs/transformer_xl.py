"""Transformer-XL: segment after segment, each attending to a memory of the ones before.

Source: Dai et al., "Transformer-XL: Attentive Language Models Beyond a Fixed-Length Context" (2019), as MusicAutobot
(Shaw 2019) used it for music. Each layer of a segment attends to the last `memory` rows of the layer below in the
segments before; no gradient goes through them. A training window is several segments; in writing the memory goes on for
ever. Unlike the paper's, it normalises before each layer.
Limit: a `segment` and `memory` of more tokens together than the training window have distances never learned.
"""

from __future__ import annotations

from dataclasses import dataclass

from musictool.archs._attention import AttentionArch, AttentionOptions
from musictool.layers.positions import RelativeSinusoidalEmbedding
from musictool.layers.transformer import AttentionSpan, TransformerStack
from musictool.options import option


class TransformerXl(AttentionArch):
    """embedding -> `layers` x (attention over segment and memory, feed-forward) -> logits."""

    name = "transformer-xl"

    @dataclass(frozen=True)
    class Options(AttentionOptions):
        segment: int = option(32, "tokens per segment; a training window is several", least=1, most=8192)
        memory: int = option(96, "tokens before its segment that each layer attends to", least=0, most=8192)

    def body(self) -> TransformerStack:
        segment, memory = self.options.segment, self.options.memory
        heads, head_size = self.options.heads, self.options.head_size

        # each row attends to all before it in its segment, and to the memory
        span = AttentionSpan(segment, memory, max_distance=segment + memory - 1)

        attentions = []
        for i in range(self.options.layers):
            relative = RelativeSinusoidalEmbedding(heads, head_size)
            attentions.append(self.attention(i, span, relative=relative, stop_gradient=True))
        return self.stack(attentions)
