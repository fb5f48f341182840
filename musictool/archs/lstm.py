"""Stacked LSTM over symbols: the model that most people meet first.

Source: S. Skuli, "How to Generate Music using a LSTM Neural Network in Keras" (2017), and its many followers. Unlike
theirs it embeds the symbols, predicts at every position of a window, and draws instead of taking the likeliest.
Limit: what lies further back than a few hundred symbols is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import keras

from musictool.archs._tokens import TokensArch
from musictool.layers.recurrent_stack import RecurrentStack
from musictool.options import option


class Lstm(TokensArch):
    """embedding -> `layers` x (LSTM of `width`, dropout) -> logits."""

    name = "lstm"

    @dataclass(frozen=True)
    class Options:
        embedding: int = option(128, "numbers that stand for a symbol", least=1, most=8192)
        width: int = option(256, "units of each layer", least=1, most=8192)
        layers: int = option(2, "layers on top of one another", least=1, most=16)
        dropout: float = option(0.3, "share of outputs dropped in training", least=0, most=0.95)

    LEARNING_RATE = 3e-3
    SIZES: ClassVar = {
        "small": {},
        "medium": {"embedding": 256, "width": 512, "layers": 2},
        "large": {"embedding": 512, "width": 1024, "layers": 3},
    }

    def body(self) -> Any:
        return RecurrentStack(keras.layers.LSTM, self.options.width, self.options.layers, self.options.dropout)
