"""Numbers that are known but for a Gaussian error: what variational autoencoders share (Kingma and Welling 2014)."""

from __future__ import annotations

from typing import Any

from keras import ops


def posterior(guess: Any) -> tuple[Any, Any]:
    """What a layer said, float32 (N, 2 Z) -> mean and standard deviation, float32 (N, Z) each."""
    mean, deviation = ops.split(guess, 2, axis=-1)
    return mean, ops.softplus(deviation + 0.5) + 1e-3  # about 1 before training, as the prior has


def told(mean: Any, deviation: Any) -> Any:
    """float32 (N, Z), nats: what each number tells beyond the prior, a standard normal."""
    return 0.5 * (ops.square(mean) + ops.square(deviation) - 1) - ops.log(deviation)


def cost(logits: Any, cells: Any) -> Any:
    """Nats, of the shape of both: Bernoulli cross-entropy of each cell, 0 or 1."""
    return ops.softplus(logits) - logits * ops.cast(cells, "float32")
