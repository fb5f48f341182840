"""Dilated causal convolutions with gates: each layer looks twice as far back as the one below.

Source: A. van den Oord et al., "WaveNet: A Generative Model for Raw Audio" (2016), on tokens instead of samples of
sound; it writes with buffers as in T. Le Paine et al., "Fast Wavenet Generation Algorithm" (2016).
Limit: it knows nothing of what lies further back than its receptive field (127 tokens at the small size).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from musictool.arch import StackOptions
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
    class Options(StackOptions):
        width: int = option(128, "hidden units per layer", least=1, most=8192)
        layers: int = option(
            6, "layers per stack, each dilated `kernel` times as much as the one below", least=1, most=16
        )
        dropout: float = option(0.2, "dropout rate", least=0, most=0.95)
        stacks: int = option(2, "number of stacks; in each the dilations begin again from 1", least=1, most=16)
        kernel: int = option(2, "kernel size, in tokens", least=2, most=16)

    SIZES: ClassVar = {
        "small": {},
        "medium": {"embedding": 256, "width": 256, "layers": 7},
        "large": {"embedding": 512, "width": 512, "layers": 8, "stacks": 3},
    }

    def body(self) -> GatedConvolutions:
        options = self.options
        return GatedConvolutions(options.width, options.layers, options.stacks, options.kernel, options.dropout)
