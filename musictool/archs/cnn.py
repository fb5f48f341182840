"""Convolutions and max pooling in turn: the network of pictures, read along time.

Source: the CNN of the lofi study, next to its RNN, GRU and LSTM. Unlike its, this one is causal, pooling too, so that
every symbol of a window is predicted in one go.
Limit: it knows nothing of what lies further back than its field (94 symbols at the small size), however clear it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from musictool.archs._tokens import TokensArch
from musictool.layers.pooled_convolutions import PooledConvolutions
from musictool.options import option


class Cnn(TokensArch):
    """embedding -> `layers` x (convolution of `width`, rectifier, max pooling, dropout) -> logits."""

    name = "cnn"
    WINDOW = 128
    BATCH_SIZE = 16
    LEARNING_RATE = 3e-3
    WARMUP = 20

    @dataclass(frozen=True)
    class Options:
        embedding: int = option(128, "numbers that stand for a symbol", least=1, most=8192)
        width: int = option(256, "filters of each convolution", least=1, most=8192)
        layers: int = option(5, "pairs of convolution and pooling", least=1, most=12)
        kernel: int = option(3, "symbols that a convolution sees", least=1, most=64)
        pool: int = option(2, "symbols that a pooling sees; 1 for no pooling", least=1, most=16)
        dropout: float = option(0.3, "share of outputs dropped in training", least=0, most=0.95)

    SIZES: ClassVar = {
        "small": {},
        "medium": {"embedding": 256, "width": 512, "layers": 6},
        "large": {"embedding": 512, "width": 1024, "layers": 7},
    }

    def body(self) -> Any:
        own = self.options
        return PooledConvolutions(own.width, own.layers, own.kernel, own.pool, own.dropout)
