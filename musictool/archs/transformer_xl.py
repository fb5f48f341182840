"""Transformer-XL: segment after segment, each looking back into a memory of the ones before.

Source: Dai et al., "Transformer-XL: Attentive Language Models Beyond a Fixed-Length Context" (2019), as MusicAutobot
(Shaw 2019) used it for music. Each layer of a segment sees the last `memory` rows of the layer below in the segments
before; nothing is learned through them. A window of training is several segments; in writing the memory goes on for
ever. Unlike the paper's, it normalises before each layer.
Limit: a `segment` and `memory` of more rows together than the window of training have distances never learned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from musictool.archs._attention import AttentionArch, AttentionOptions
from musictool.layers.distances import SinusoidDistances
from musictool.layers.reach import Reach
from musictool.options import option


class TransformerXl(AttentionArch):
    """embedding -> `layers` x (attention over segment and memory, feed-forward) -> logits."""

    name = "transformer-xl"

    @dataclass(frozen=True)
    class Options(AttentionOptions):
        segment: int = option(32, "rows of a segment; a window of training is several", least=1, most=8192)
        memory: int = option(96, "rows before its segment that each layer sees", least=0, most=8192)

    def body(self) -> Any:
        segment, memory = self.options.segment, self.options.memory

        def place(size: int) -> dict[str, Any]:
            return {"distances": SinusoidDistances(self.options.heads, size), "stop": True}

        return self.stack(Reach(segment, memory, most=segment + memory), place)
