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

    return ops.where(logits >= _nth_highest(logits, k), logits, -np.inf)


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

    above = ops.sigmoid(logits / temperature) > thresholds
    kept = ops.where(above, logits, -np.inf)
    return kept > _nth_highest(kept, max_polyphony + 1)  # which is one too many, or -inf


def _nth_highest(logits: Any, n: Any) -> Any:
    """float32 (N, S, 1, ...): the n-th highest logit of each step, -inf beyond the last; n as `k` above."""
    place = logits.shape[2] - n + ops.zeros_like(logits[:, :, :1])  # (N, S, 1, ...) among ascending ones
    ascending = ops.sort(logits, axis=2)
    logit = ops.take_along_axis(ascending, ops.cast(ops.maximum(place, 0), "int32"), axis=2)
    return ops.where(place >= 0, logit, -np.inf)
