"""Dilated causal convolutions with gates: each layer sees twice as far back as the one below it.

Source: A. van den Oord et al., "WaveNet: A Generative Model for Raw Audio" (2016), on symbols instead of samples of
sound; written with buffers as in T. Le Paine et al., "Fast Wavenet Generation Algorithm" (2016).
Limit: it knows nothing of what lies further back than its field (127 symbols at the small size).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from musictool.archs._tokens import TokensArch
from musictool.layers.gated_convolutions import GatedConvolutions
from musictool.options import option


class Wavenet(TokensArch):
    """embedding -> `stacks` x `layers` gated convolutions of `width`, dilated -> logits."""

    name = "wavenet"
    WINDOW = 128
    BATCH_SIZE = 16
    LEARNING_RATE = 2e-3
    WARMUP = 20

    @dataclass(frozen=True)
    class Options:
        embedding: int = option(128, "numbers that stand for a symbol", least=1, most=8192)
        width: int = option(128, "numbers between the layers", least=1, most=8192)
        layers: int = option(6, "layers in a stack, each seeing `kernel` times as far", least=1, most=16)
        stacks: int = option(2, "how often the layers begin again from the nearest symbols", least=1, most=16)
        kernel: int = option(2, "symbols that a layer sees", least=2, most=16)
        dropout: float = option(0.2, "share of outputs dropped in training", least=0, most=0.95)

    SIZES: ClassVar = {
        "small": {},
        "medium": {"embedding": 256, "width": 256, "layers": 7},
        "large": {"embedding": 512, "width": 512, "layers": 8, "stacks": 3},
    }

    def body(self) -> Any:
        own = self.options
        return GatedConvolutions(own.width, own.layers, own.stacks, own.kernel, own.dropout)
