"""How many keys of an instrument sound at once: no more than it plays in the corpus.

A network that is unsure of a note would else play all that it may be.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops


def likeliest(logits: Any, most: Any) -> Any:
    """Of each step only the keys with the highest log-odds, as many as may sound at once.

    Args:
        logits: float32 (N, S, P) of an instrument, or (N, S, P, I).
        most: how many, float (), or (I,).

    Returns:
        The same, with -inf in the place of all others.
    """

    def lower(_: Any, least: Any) -> Any:
        """The next lower, while there are too few: a few turns of this are several times as fast as sorting."""
        below = ops.max(ops.where(logits < least, logits, -np.inf), axis=2, keepdims=True)
        return ops.where(_keys(logits >= least) < most, below, least)

    highest = ops.max(logits, axis=2, keepdims=True)
    least = ops.fori_loop(1, ops.cast(ops.max(most), "int32"), lower, highest)
    return ops.where(logits >= least, logits, -np.inf)


def sounding(logits: Any, heat: Any, cut: Any, most: Any) -> Any:
    """Which cells sound: those above their cut, and in a step that has too many of them only the likeliest.

    Args:
        logits: float32 (N, S, P) of an instrument, or (N, S, P, I).
        heat: over 1 it moves a probability towards a half.
        cut: what the probabilities are held against.
        most: how many keys may sound at once, float (), or (I,).

    Returns:
        bool of the same shape.
    """

    def is_full(kept: Any) -> Any:
        return ops.any(_keys(kept) > most)

    def fewer(kept: Any) -> Any:
        """One key less in each step that has too many: few have, so this is faster than to sort them all."""
        lowest = ops.min(ops.where(kept, logits, np.inf), axis=2, keepdims=True)
        return kept & ~((_keys(kept) > most) & (logits == lowest))

    (kept,) = ops.while_loop(is_full, lambda kept: (fewer(kept),), (ops.sigmoid(logits / heat) > cut,))
    return kept


def _keys(kept: Any) -> Any:
    """float32 (N, S, 1, ...): how many keys of each step are kept."""
    return ops.sum(ops.cast(kept, "float32"), axis=2, keepdims=True)
