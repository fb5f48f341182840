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

        Args:
            logits: float (B, V).
            uniform: float32 (B,) in [0, 1).

        Returns:
            int32 (B,).
        """
        probabilities = ops.softmax(self.filter(logits))  # (B, V)
        return inverse_transform(probabilities, uniform)

    def filter(self, logits: Any) -> Any:
        """Logits (B, V) under temperature, with NEVER for the symbols that top-k and top-p leave out."""
        logits = ops.cast(logits, "float32") / self.temperature
        size = logits.shape[-1]
        if 0 < self.top_k < size:
            least = ops.top_k(logits, self.top_k)[0][:, -1:]  # (B, 1)
            logits = ops.where(logits < least, NEVER, logits)
        if self.top_p < 1:
            descending = ops.top_k(logits, size)[0]  # (B, V)
            before = ops.cumsum(ops.softmax(descending), axis=-1) - ops.softmax(descending)
            kept = ops.where(before < self.top_p, descending, -NEVER)
            logits = ops.where(logits < ops.min(kept, axis=-1, keepdims=True), NEVER, logits)
        return logits


def inverse_transform(probabilities: Any, uniform: Any) -> Any:
    """The symbol at which the cumulated probability (B, V) passes `uniform` (B,): int32 (B,)."""
    cumulated = ops.cumsum(probabilities, axis=-1)
    target = uniform[:, None] * cumulated[:, -1:]
    return ops.cast(ops.argmax(cumulated > target, axis=-1), "int32")
