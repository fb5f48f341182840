"""The rules of rules.py in numpy, for an arch that has no network.

Why twice: a compiled function costs a millisecond per call, whatever it does. Where each token takes one call, and the
probabilities are an array already, that is most of the time. From the same logits and uniform numbers both draw the
same tokens, but for the last digit of a sum; tests/sampling/test_numpy_rules.py holds them together.
"""

from __future__ import annotations

import math

import numpy as np

from musictool.sampling.guidance import MASKED_LOGIT
from musictool.sampling.rules import DrawState
from musictool.sampling.sampler import Sampler


def draw(sampler: Sampler, logits: np.ndarray, uniform: np.ndarray, state: DrawState) -> np.ndarray:
    """rules.draw: float32 (B, V), float32 (B, DRAWS) in [0, 1) -> int64 (B,)."""
    if sampler.repetition_penalty != 1:
        logits = repetition_penalty(logits, sampler.repetition_penalty, state.recent > 0)
    logits = temperature(logits + state.logit_bias, sampler.temperature, state.temperature_factor)
    if sampler.top_k > 0:
        logits = top_k(logits, sampler.top_k)
    if sampler.min_p > 0:
        logits = min_p(logits, sampler.min_p)
    return top_p(_softmax(logits), sampler.top_p, uniform)


def drawn(state: DrawState, token: np.ndarray, i: int) -> DrawState:
    """DrawState.drawn."""
    recent = state.recent
    if recent.size:
        recent = np.where(token[:, None] == np.arange(recent.shape[-1]), state.repetition_window, recent - 1)
    factor = np.where(token == state.loop[i], state.temperature_factor, np.float32(1))
    return state._replace(recent=recent, temperature_factor=factor)


def repetition_penalty(logits: np.ndarray, penalty: float, recent: np.ndarray) -> np.ndarray:
    """rules.RepetitionPenalty."""
    factor = np.float32(penalty)
    return np.where(recent, np.where(logits > 0, logits / factor, logits * factor), logits)


def temperature(logits: np.ndarray, temperature: float, factor: np.ndarray) -> np.ndarray:
    """rules.Temperature."""
    scaled: np.ndarray = logits / (np.float32(temperature) * factor[:, None])
    return scaled


def top_k(logits: np.ndarray, k: int) -> np.ndarray:
    """rules.TopK."""
    if k >= logits.shape[-1]:
        return logits
    smallest = np.partition(logits, -k)[:, -k, None]
    return np.where(logits < smallest, np.float32(MASKED_LOGIT), logits)


def min_p(logits: np.ndarray, p: float) -> np.ndarray:
    """rules.MinP."""
    smallest = logits.max(axis=-1, keepdims=True) + np.float32(math.log(p))
    return np.where(logits < smallest, np.float32(MASKED_LOGIT), logits)


def top_p(probabilities: np.ndarray, p: float, uniform: np.ndarray) -> np.ndarray:
    """rules.TopP.draw."""
    if p == 1:
        return inverse_transform(probabilities, uniform[:, :1])[:, 0]
    candidates = inverse_transform(probabilities, uniform[:, :-1])  # (B, DRAWS - 1)
    likelier = probabilities[:, None, :] > np.take_along_axis(probabilities, candidates, axis=-1)[:, :, None]
    inside = np.where(likelier, probabilities[:, None, :], 0).sum(axis=-1) < p
    if inside.any(axis=-1).all():
        return candidates[np.arange(len(candidates)), inside.argmax(axis=-1)]
    return inverse_transform(nucleus(probabilities, p), uniform[:, -1:])[:, 0]


def nucleus(probabilities: np.ndarray, p: float) -> np.ndarray:
    """rules.nucleus."""
    descending = -np.sort(-probabilities, axis=-1)
    before = descending.cumsum(axis=-1) - descending
    smallest = np.where(before < p, descending, 1).min(axis=-1, keepdims=True)
    return np.where(probabilities < smallest, 0, probabilities)


def inverse_transform(probabilities: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """rules.inverse_transform: int64 (B, n)."""
    cumulated = probabilities.cumsum(axis=-1)
    targets = uniform * cumulated[:, -1:]  # below the last, so that one passes it
    return np.stack([row.searchsorted(target, side="right") for row, target in zip(cumulated, targets, strict=True)])


def _softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)
