"""Stacked simple recurrent layers over tokens: what the LSTM and the GRU are measured against.

Source: J. Elman, "Finding Structure in Time" (1990), one of the models of the lofi study.
Limit: gradients fade within some ten tokens, so it knows the bar and not the phrase.
"""

from __future__ import annotations

from musictool.archs._recurrent import RecurrentArch


class Rnn(RecurrentArch):
    """embedding -> `layers` x (simple recurrent layer of `width`, dropout) -> logits."""

    name = "rnn"
    layer = "SimpleRNN"
