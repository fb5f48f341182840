"""Which cells sound, and how many keys of an instrument at once: no more than it plays in the corpus.

A network that is unsure of a note would else play all that it may be.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from musictool.engine import ops


def top_k_per_step(logits: Any, k: Any) -> Any:
    """Of each step only the keys with the highest logits, as many as may sound at once.

    Args:
        logits: float32 (N, S, P) of an instrument, or (N, S, P, I).
        k: how many, float (), or (I,).

    Returns:
        The same, with -inf in the place of all others.
    """

    def lower(_: Any, least: Any) -> Any:
        """The next lower logit, while there are too few: a few rounds of this are several times as fast as sorting."""
        below = ops.max(ops.where(logits < least, logits, -np.inf), axis=2, keepdims=True)
        return ops.where(_polyphony(logits >= least) < k, below, least)

    highest = ops.max(logits, axis=2, keepdims=True)  # (N, S, 1, ...)
    least = ops.fori_loop(1, ops.cast(ops.max(k), "int32"), lower, highest)
    return ops.where(logits >= least, logits, -np.inf)


def binarise(logits: Any, temperature: Any, thresholds: Any, max_polyphony: Any) -> Any:
    """Which cells sound: those above their threshold, and in a step that has too many of them only the likeliest.

    Args:
        logits: float32 (N, S, P) of an instrument, or (N, S, P, I).
        temperature: over 1 it moves a probability towards a half.
        thresholds: what the probabilities are compared with, broadcast to them.
        max_polyphony: how many keys may sound at once, float (), or (I,).

    Returns:
        bool of the same shape.
    """

    def is_full(kept: Any) -> Any:
        return ops.any(_polyphony(kept) > max_polyphony)

    def without_lowest(kept: Any) -> Any:
        """One key less in each step that has too many: few have, so this is faster than to sort them all."""
        lowest = ops.min(ops.where(kept, logits, np.inf), axis=2, keepdims=True)  # (N, S, 1, ...)
        return kept & ~((_polyphony(kept) > max_polyphony) & (logits == lowest))

    above = ops.sigmoid(logits / temperature) > thresholds
    (kept,) = ops.while_loop(is_full, lambda kept: (without_lowest(kept),), (above,))
    return kept


def _polyphony(kept: Any) -> Any:
    """float32 (N, S, 1, ...): how many keys of each step are kept."""
    return ops.sum(ops.cast(kept, "float32"), axis=2, keepdims=True)
