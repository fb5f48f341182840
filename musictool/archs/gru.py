"""Stacked GRU over tokens: nearly as good as the LSTM with three quarters of its weights.

Source: K. Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder" (2014); in music, the note and chord
GRU of Tham and Kim, "Generating Music Using Deep Learning" (2021): one layer, an embedding of 96 (recipe tham-kim-gru).
Limit: what lies further back than a few hundred tokens is forgotten.
"""

from __future__ import annotations

from musictool.archs._recurrent import RecurrentArch


class Gru(RecurrentArch):
    """embedding -> `layers` x (GRU of `width`, dropout) -> logits."""

    name = "gru"
    layer = "GRU"
    LEARNING_RATE = 3e-3
