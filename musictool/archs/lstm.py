"""Stacked LSTM over tokens: the model that most people meet first.

Source: S. Skuli, "How to Generate Music using a LSTM Neural Network in Keras" (2017), and its many followers. Unlike
theirs it embeds the tokens, predicts at every position of a window, and draws instead of taking the most probable.
Limit: what lies further back than a few hundred tokens is forgotten.
"""

from __future__ import annotations

from musictool.archs._recurrent import RecurrentArch


class Lstm(RecurrentArch):
    """embedding -> `layers` x (LSTM of `width`, dropout) -> logits."""

    name = "lstm"
    layer = "LSTM"
    LEARNING_RATE = 3e-3
