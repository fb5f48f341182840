"""From logits to the next symbol.

Drawing happens inside the compiled loop that writes a piece, so this is `keras.ops` on tensors. The randomness comes
from outside as uniform numbers, so that one seed gives the same music on every backend.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from musictool.sampling.options import SamplerOptions

MASKED_LOGIT = -1e9  # a logit that no temperature brings back
DRAWS = 5  # uniform numbers that one drawing takes


@dataclass(frozen=True)
class Guidance:
    """What a continuation is bound to.

    Attributes:
        banned: bool (V,) for tokens, (D,) for frames: what may not be drawn; None for nothing beside what the arch
            itself bans.
        style: uint8 0/1 (N, S, P, I), segments to write like, for archs of segments that know styles; None for none.
        alpha: how much of the style, 0 none to 1 nothing else.
        conditions: float32 (C,), what is asked for (musictool/dataset/conditions.py); None for nothing.
        onset_mask: bool (V,), the symbols that begin notes, which alone a repetition penalty is for; None for all.
    """

    banned: np.ndarray | None = None
    conditions: np.ndarray | None = None
    onset_mask: np.ndarray | None = None
    style: np.ndarray | None = None
    alpha: float = 0.0

    def logit_bias(self, size: int, reserved: int = 0) -> np.ndarray:
        """float32 (size,), to be added to logits: NEVER for what is banned and for what is below `reserved`."""
        banned = np.arange(size) < reserved
        return np.where(banned if self.banned is None else banned | self.banned, MASKED_LOGIT, 0.0).astype(np.float32)

    def onset_mask_of(self, size: int) -> np.ndarray:
        """bool (size,): the symbols that begin notes, or all."""
        return np.ones(size, bool) if self.onset_mask is None else self.onset_mask


FREE = Guidance()


@dataclass(frozen=True)
class Sampler(SamplerOptions):
    """How a token is drawn: SamplerOptions at work."""

    def draw(self, logits: Any, uniform: Any, heat: Any = None) -> Any:
        """The next symbols.

        The nucleus is not sorted out of the symbols, which would cost more than the network: a few symbols are drawn
        from all, and the first that lies inside is taken. Only where none does is the sorting done.

        Args:
            logits: float (B, V).
            uniform: float32 (B, DRAWS) in [0, 1).
            heat: float32 (B,), what the temperature of each piece is multiplied by; None for 1.

        Returns:
            int32 (B,).
        """
        probabilities = ops.softmax(self.filter(logits, heat))  # (B, V)
        if self.top_p == 1:
            return inverse_transform(probabilities, uniform[:, :1])[:, 0]
        drawn = inverse_transform(probabilities, uniform[:, :-1])  # (B, DRAWS - 1)
        inside = self._is_inside(probabilities, drawn)
        first = ops.argmax(inside, axis=-1)[:, None]
        return ops.cond(
            ops.all(ops.any(inside, axis=-1)),
            lambda: ops.take_along_axis(drawn, first, axis=-1)[:, 0],
            lambda: inverse_transform(nucleus(probabilities, self.top_p), uniform[:, -1:])[:, 0],
        )

    def penalised(self, logits: Any, recent: Any) -> Any:
        """Logits (B, V), smaller where the repetition penalty is for `recent`, bool (B, V)."""
        penalty = self.repetition_penalty
        logits = ops.cast(logits, "float32")
        return ops.where(recent, ops.where(logits > 0, logits / penalty, logits * penalty), logits)

    def filter(self, logits: Any, heat: Any = None) -> Any:
        """Logits (B, V) under temperature, with NEVER for the symbols that top-k and min-p leave out."""
        logits = ops.cast(logits, "float32") / self.temperature
        if heat is not None:
            logits = logits / heat[:, None]
        if 0 < self.top_k < logits.shape[-1]:
            least = ops.top_k(logits, self.top_k)[0][:, -1:]  # (B, 1)
            logits = ops.where(logits < least, MASKED_LOGIT, logits)
        if self.min_p > 0:
            least = ops.max(logits, axis=-1, keepdims=True) + math.log(self.min_p)
            logits = ops.where(logits < least, MASKED_LOGIT, logits)
        return logits

    def _is_inside(self, probabilities: Any, drawn: Any) -> Any:
        """bool (B, n): whether what is likelier than each of `drawn` holds less than top_p."""
        own = ops.take_along_axis(probabilities, drawn, axis=-1)  # (B, n)
        likelier = probabilities[:, None, :] > own[:, :, None]  # (B, n, V)
        return ops.sum(ops.where(likelier, probabilities[:, None, :], 0.0), axis=-1) < self.top_p


def nucleus(probabilities: Any, top_p: float) -> Any:
    """Probabilities (B, V) with 0 for all but the likeliest symbols that together hold `top_p`; not made up to 1."""
    best = ops.top_k(probabilities, probabilities.shape[-1])[0]  # (B, V), descending
    before = ops.cumsum(best, axis=-1) - best
    least = ops.min(ops.where(before < top_p, best, 1.0), axis=-1, keepdims=True)
    return ops.where(probabilities < least, 0.0, probabilities)


def inverse_transform(probabilities: Any, uniform: Any) -> Any:
    """The symbols at which the cumulated probability (B, V) passes each of `uniform` (B, n): int32 (B, n)."""
    cumulated = ops.cumsum(probabilities, axis=-1)
    target = uniform * cumulated[:, -1:]  # below the last, so that one passes it
    return ops.sum(ops.cast(cumulated[:, None, :] <= target[:, :, None], "int32"), axis=-1)
