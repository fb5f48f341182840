"""From logits to the next symbol.

Drawing happens inside the compiled loop that writes a piece, so this is `keras.ops` on tensors. The randomness comes
from outside as uniform numbers, so that one seed gives the same music on every backend.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras import ops

from musictool.errors import BadOption

NEVER = -1e9  # a logit that no temperature brings back
DRAWS = 5  # uniform numbers that one drawing takes


@dataclass(frozen=True)
class Sampler:
    """How a symbol is drawn.

    Attributes:
        temperature: over 1 bolder, under 1 safer; above 0.
        top_k: only the k likeliest symbols; 0 for all.
        top_p: only the likeliest symbols that together hold this much probability (nucleus sampling, Holtzman 2019);
            in (0, 1], 1 for all.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 0.95

    def __post_init__(self) -> None:
        if not 0 < self.temperature <= 100:
            raise BadOption(f"--temperature {self.temperature} is not above 0 (to 100); 1 draws as the model learnt")
        if self.top_k < 0:
            raise BadOption(f"--top-k {self.top_k} is below 0; 0 means all symbols")
        if not 0 < self.top_p <= 1:
            raise BadOption(f"--top-p {self.top_p} is not in (0, 1]; 1 means all symbols")

    def draw(self, logits: Any, uniform: Any) -> Any:
        """The next symbols.

        The nucleus is not sorted out of the symbols, which would cost more than the network: a few symbols are drawn
        from all, and the first that lies inside is taken. Only where none does is the sorting done.

        Args:
            logits: float (B, V).
            uniform: float32 (B, DRAWS) in [0, 1).

        Returns:
            int32 (B,).
        """
        probabilities = ops.softmax(self.filter(logits))  # (B, V)
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

    def filter(self, logits: Any) -> Any:
        """Logits (B, V) under temperature, with NEVER for the symbols that top-k leaves out."""
        logits = ops.cast(logits, "float32") / self.temperature
        if 0 < self.top_k < logits.shape[-1]:
            least = ops.top_k(logits, self.top_k)[0][:, -1:]  # (B, 1)
            logits = ops.where(logits < least, NEVER, logits)
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
