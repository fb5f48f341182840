"""Sampler.draw in numpy, for an arch that has no network.

A compiled function costs a millisecond a call, whatever it does; where each symbol takes one call, and the distribution
is an array already, that is most of the time. The same logits and uniform numbers give the same symbols as there, but
for the last digit of a sum.
"""

from __future__ import annotations

import math

import numpy as np

from musictool.sampling.sampler import MASKED_LOGIT, Sampler


def draw(sampler: Sampler, logits: np.ndarray, uniform: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """The next symbols, int64 (B,), as Sampler.draw says of float32 (B, V), (B, DRAWS) and (B,)."""
    probabilities = _softmax(filtered(sampler, logits, heat))  # (B, V)
    if sampler.top_p == 1:
        return inverse_transform(probabilities, uniform[:, :1])[:, 0]
    drawn = inverse_transform(probabilities, uniform[:, :-1])  # (B, DRAWS - 1)
    likelier = probabilities[:, None, :] > np.take_along_axis(probabilities, drawn, axis=-1)[:, :, None]
    inside = np.where(likelier, probabilities[:, None, :], 0).sum(axis=-1) < sampler.top_p
    if inside.any(axis=-1).all():
        return drawn[np.arange(len(drawn)), inside.argmax(axis=-1)]
    return inverse_transform(_nucleus(probabilities, sampler.top_p), uniform[:, -1:])[:, 0]


def penalised(sampler: Sampler, logits: np.ndarray, recent: np.ndarray) -> np.ndarray:
    """Sampler.penalised of float32 (B, V) and bool (B, V)."""
    penalty = np.float32(sampler.repetition_penalty)
    return np.where(recent, np.where(logits > 0, logits / penalty, logits * penalty), logits)


def filtered(sampler: Sampler, logits: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Sampler.filter of float32 (B, V) and (B,)."""
    logits = logits / (np.float32(sampler.temperature) * heat[:, None])
    if 0 < sampler.top_k < logits.shape[-1]:
        least = np.partition(logits, -sampler.top_k)[:, -sampler.top_k, None]
        logits = np.where(logits < least, np.float32(MASKED_LOGIT), logits)
    if sampler.min_p > 0:
        least = logits.max(axis=-1, keepdims=True) + np.float32(math.log(sampler.min_p))
        logits = np.where(logits < least, np.float32(MASKED_LOGIT), logits)
    return logits


def inverse_transform(probabilities: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """The symbols at which the cumulated probability (B, V) passes each of `uniform` (B, n): int64 (B, n)."""
    cumulated = probabilities.cumsum(axis=-1)
    targets = uniform * cumulated[:, -1:]  # below the last, so that one passes it
    return np.stack([row.searchsorted(own, side="right") for row, own in zip(cumulated, targets, strict=True)])


def _softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def _nucleus(probabilities: np.ndarray, top_p: float) -> np.ndarray:
    best = -np.sort(-probabilities, axis=-1)
    before = best.cumsum(axis=-1) - best
    least = np.where(before < top_p, best, 1).min(axis=-1, keepdims=True)
    return np.where(probabilities < least, 0, probabilities)
