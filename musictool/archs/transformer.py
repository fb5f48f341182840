"""Decoder-only Transformer: every token attends to the `context` tokens up to it.

Source: Vaswani et al., "Attention Is All You Need" (2017); positions as in Su et al. (2021, rotary), Huang et al.,
"Music Transformer" (2018, relative) or the first paper's learned ones. Each block attends to `context` tokens however
long the piece is, so that writing is not bound to the training window, and costs the same for ever.
Limit: a `context` longer than the training window has distances in it that were never learned.
"""

from __future__ import annotations

from musictool.archs._attention import BandedArch


class Transformer(BandedArch):
    """embedding -> `layers` x (banded attention, feed-forward) -> logits."""

    name = "transformer"
