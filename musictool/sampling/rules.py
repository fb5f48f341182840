"""From logits to the next token, one small rule per class.

A Sampler names the rules by their settings; `rules_of` puts them in order, each choosing among what the one before has
left, and `draw` applies them and draws. To add one: a class like those below, a field of Sampler, a line in `rules_of`.

Rules run inside the compiled loop that writes a piece, so they are `keras.ops` on tensors. Random numbers come from
outside, so that one seed gives the same music on every backend.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from musictool.engine import ops
from musictool.sampling.guidance import MASKED_LOGIT, Guidance
from musictool.sampling.sampler import REPETITION_WINDOW, Sampler

DRAWS = 5  # uniform numbers per token drawn


class DrawState(NamedTuple):
    """What the rules know of a batch of pieces besides the logits. It changes with each token drawn.

    Attributes:
        logit_bias: float32 (V,) or (B, V), MASKED_LOGIT for banned tokens, otherwise 0.
        recent: int32 (B, V), for how many rows to come a token still counts as recent; (B, 0) where no rule asks.
        repetition_window: int32 (V,), what `recent` is set to when a token is drawn: 0 for tokens never penalised.
        temperature_factor: float32 (B,), what the temperature is multiplied by.
        loop: int32 (N, B), the next N tokens of the loop that a piece is in, -1 for none: the factor is 1 again once a
            piece has left it.
    """

    logit_bias: Any
    recent: Any
    repetition_window: Any
    temperature_factor: Any
    loop: Any

    @classmethod
    def after(
        cls, primer: np.ndarray, sampler: Sampler, guidance: Guidance, size: int, reserved: int, chunk: int
    ) -> DrawState:
        """The state after a primer, of numpy arrays.

        Args:
            primer: int (B, T).
            sampler: whether any rule asks for recent tokens.
            guidance: which tokens are banned, and which are penalised.
            size: V.
            reserved: tokens below this are banned too.
            chunk: N.
        """
        pieces, length = primer.shape
        onset_mask = guidance.onset_mask_of(size)
        recent = np.zeros((pieces, size if sampler.repetition_penalty != 1 else 0), np.int32)
        if recent.size:
            # The last row of the primer counts for the whole window, the one before it for one row less, and so on.
            first = 1 + max(0, REPETITION_WINDOW - length)
            for rows_left, tokens in enumerate(primer[:, -REPETITION_WINDOW:].T, first):
                recent[np.arange(pieces), tokens] = rows_left
            recent = recent * onset_mask
        return cls(
            guidance.logit_bias(size, reserved),
            recent,
            REPETITION_WINDOW * onset_mask.astype(np.int32),
            np.ones(pieces, np.float32),
            np.full((chunk, pieces), -1, np.int32),
        )

    def drawn(self, token: Any, i: Any) -> DrawState:
        """The state after int32 (B,) has been drawn in row `i` of a chunk."""
        recent = self.recent
        if recent.shape[-1]:
            tokens = ops.arange(recent.shape[-1], dtype="int32")
            recent = ops.where(token[:, None] == tokens, self.repetition_window, recent - 1)
        factor = ops.where(token == self.loop[i], self.temperature_factor, 1.0)
        return self._replace(recent=recent, temperature_factor=factor)


class Rule(Protocol):
    """One step from what a network predicts to what is drawn from."""

    def __call__(self, logits: Any, state: DrawState) -> Any:
        """float32 (B, V) -> float32 (B, V)."""


@dataclass(frozen=True)
class RepetitionPenalty:
    """Recent tokens are less likely: a logit above 0 is divided by the penalty, one below 0 multiplied (Keskar et al.,
    CTRL, 2019)."""

    penalty: float

    def __call__(self, logits: Any, state: DrawState) -> Any:
        penalised = ops.where(logits > 0, logits / self.penalty, logits * self.penalty)
        return ops.where(state.recent > 0, penalised, logits)


class Ban:
    """Banned tokens are never drawn."""

    def __call__(self, logits: Any, state: DrawState) -> Any:
        return logits + state.logit_bias


@dataclass(frozen=True)
class Temperature:
    """Over 1 bolder, under 1 safer; times the factor of each piece."""

    temperature: float

    def __call__(self, logits: Any, state: DrawState) -> Any:
        return logits / self.temperature / state.temperature_factor[:, None]


@dataclass(frozen=True)
class TopK:
    """Only the k likeliest tokens."""

    k: int

    def __call__(self, logits: Any, state: DrawState) -> Any:
        if self.k >= logits.shape[-1]:
            return logits
        smallest = ops.top_k(logits, self.k)[0][:, -1:]  # (B, 1)
        return ops.where(logits < smallest, MASKED_LOGIT, logits)


@dataclass(frozen=True)
class MinP:
    """Only tokens with at least this share of the likeliest one's probability (Nguyen et al. 2024)."""

    p: float

    def __call__(self, logits: Any, state: DrawState) -> Any:
        smallest = ops.max(logits, axis=-1, keepdims=True) + math.log(self.p)
        return ops.where(logits < smallest, MASKED_LOGIT, logits)


@dataclass(frozen=True)
class TopP:
    """Draws from the likeliest tokens that together hold the probability `p` (nucleus sampling, Holtzman 2019).

    The nucleus is not sorted out of the tokens, which would cost more than the network: a few tokens are drawn from
    all, and the first that lies inside is taken. Only where none does is the sorting done.
    """

    p: float

    def draw(self, probabilities: Any, uniform: Any) -> Any:
        """float32 (B, V), float32 (B, DRAWS) in [0, 1) -> int32 (B,)."""
        if self.p == 1:
            return inverse_transform(probabilities, uniform[:, :1])[:, 0]
        # A few candidates, and the first of them that lies inside the nucleus.
        candidates = inverse_transform(probabilities, uniform[:, :-1])  # (B, DRAWS - 1)
        inside = self._contains(probabilities, candidates)
        first = ops.argmax(inside, axis=-1)[:, None]  # (B, 1)
        return ops.cond(
            ops.all(ops.any(inside, axis=-1)),
            lambda: ops.take_along_axis(candidates, first, axis=-1)[:, 0],
            lambda: inverse_transform(nucleus(probabilities, self.p), uniform[:, -1:])[:, 0],
        )

    def _contains(self, probabilities: Any, candidates: Any) -> Any:
        """bool (B, n): whether the tokens that are likelier than each candidate hold less than p."""
        probability = ops.take_along_axis(probabilities, candidates, axis=-1)  # (B, n)
        return ops.sum_above(probabilities, probability) < self.p


def rules_of(sampler: Sampler) -> list[Rule]:
    """The rules that come before drawing, in order; those that would change nothing are left out."""
    rules: list[Rule] = []
    if sampler.repetition_penalty != 1:
        rules.append(RepetitionPenalty(sampler.repetition_penalty))
    rules += [Ban(), Temperature(sampler.temperature)]
    if sampler.top_k > 0:
        rules.append(TopK(sampler.top_k))
    if sampler.min_p > 0:
        rules.append(MinP(sampler.min_p))
    return rules


def draw(sampler: Sampler, logits: Any, uniform: Any, state: DrawState) -> Any:
    """The next tokens.

    Args:
        sampler: names the rules.
        logits: float (B, V).
        uniform: float32 (B, DRAWS) in [0, 1).
        state: what the rules know besides.

    Returns:
        int32 (B,).
    """
    logits = ops.cast(logits, "float32")
    for rule in rules_of(sampler):
        logits = rule(logits, state)
    return TopP(sampler.top_p).draw(ops.softmax(logits), uniform)


def nucleus(probabilities: Any, p: float) -> Any:
    """Probabilities (B, V) with 0 for all but the likeliest tokens that together hold `p`; not made up to 1."""
    descending = ops.top_k(probabilities, probabilities.shape[-1])[0]  # (B, V)
    before = ops.cumsum(descending, axis=-1) - descending
    smallest = ops.min(ops.where(before < p, descending, 1.0), axis=-1, keepdims=True)  # (B, 1)
    return ops.where(probabilities < smallest, 0.0, probabilities)


def inverse_transform(probabilities: Any, uniform: Any) -> Any:
    """The tokens at which the cumulated probability (B, V) passes each of `uniform` (B, n): int32 (B, n)."""
    cumulated = ops.cumsum(probabilities, axis=-1)
    target = uniform * cumulated[:, -1:]  # below the last, so that one passes it
    return ops.count_up_to(cumulated, target)
