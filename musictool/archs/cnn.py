"""Convolutions and max pooling in turn: the network of pictures, read along time.

Source: the CNN of the lofi study, next to its RNN, GRU and LSTM. Unlike its, this one is causal, pooling too, so that
every token of a window is predicted in one go.
Limit: it knows nothing of what lies further back than its receptive field (94 tokens at the small size).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from musictool.arch import StackOptions
from musictool.archs._tokens import TokensArch
from musictool.layers.pooled_convolutions import PooledConvolutions
from musictool.options import option


class Cnn(TokensArch):
    """embedding -> `layers` x (convolution of `width`, ReLU, max pooling, dropout) -> logits."""

    name = "cnn"
    WINDOW = 128
    BATCH_SIZE = 16
    LEARNING_RATE = 3e-3
    WARMUP = 20

    @dataclass(frozen=True)
    class Options(StackOptions):
        layers: int = option(5, "number of convolutions, each with its pooling", least=1, most=12)
        kernel: int = option(3, "kernel size of a convolution, in tokens", least=1, most=64)
        pool: int = option(2, "pool size, in tokens; 1 for no pooling", least=1, most=16)

    SIZES: ClassVar = {
        "small": {},
        "medium": {"embedding": 256, "width": 512, "layers": 6},
        "large": {"embedding": 512, "width": 1024, "layers": 7},
    }

    def body(self) -> PooledConvolutions:
        options = self.options
        return PooledConvolutions(options.width, options.layers, options.kernel, options.pool, options.dropout)
