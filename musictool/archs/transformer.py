"""Decoder-only Transformer: every symbol looks at all the `context` symbols before it at once.

Source: Vaswani et al., "Attention Is All You Need" (2017); places as in Su et al. 2021 (rotary), Huang et al., "Music
Transformer" (2018, relative) or the first paper's learned ones. Each block looks `context` symbols back from where it
is, however long the piece, so that writing is not bound to the window of training, and costs the same for ever.
Limit: a `context` longer than the window of training has distances in it that were never learned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from musictool.archs._attention import AttentionArch, AttentionOptions
from musictool.errors import BadOption
from musictool.layers.distances import LearnedDistances
from musictool.layers.learned_places import LearnedPlaces
from musictool.layers.reach import Reach
from musictool.layers.rotary import Rotary
from musictool.options import option


class Transformer(AttentionArch):
    """embedding -> `layers` x (banded attention, feed-forward) -> logits."""

    name = "transformer"

    @dataclass(frozen=True)
    class Options(AttentionOptions):
        positions: Literal["rotary", "relative", "learned"] = option("rotary", "how it knows where a row stands")
        context: int = option(128, "rows that each layer looks at; at most the window of training", least=2, most=8192)

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.positions == "rotary" and self.width // self.heads % 2:
                raise BadOption(
                    f"option width: {self.width} over {self.heads} heads is odd; positions=rotary turns pairs"
                )

    def body(self) -> Any:
        context, positions = self.options.context, self.options.positions

        def place(size: int) -> dict[str, Any]:
            return {
                "rotary": Rotary(size) if positions == "rotary" else None,
                "distances": LearnedDistances(self.options.heads, size, context) if positions == "relative" else None,
            }

        places = LearnedPlaces(context, name="places") if positions == "learned" else None
        return self.stack(Reach(segment=context, memory=context - 1, most=context), place, places)
