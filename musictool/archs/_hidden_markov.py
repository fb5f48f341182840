"""Hidden Markov models of tokens, in arrays: what they expect, the likeliest path of states, and how they are fitted.

A hidden Markov model is in one of K states at each row, which nobody sees. It begins in state k with the probability
`initial[k]`, goes from i to j with `transition[i, j]`, and in k it writes token v with `emission[k, v]`.

    belief[t]     = P(state of row t | tokens before t)
    P(x[t] | x before t) = belief[t] . emission[:, x[t]]
    belief[t + 1] = (belief[t] * emission[:, x[t]]) / P(x[t] | ...) @ transition

It is fitted by the algorithm of Baum and Welch: from the probabilities that the model has, how often each state,
transition and token is to be expected in the training pieces (forwards and backwards through each piece); from these
counts the next probabilities; and so on. No round makes the training pieces less likely (Baum 1970). To the expected
counts of a state a few are added, in the proportions of how often a token occurs at all, so that nothing is impossible.
Source: L. Rabiner, "A Tutorial on Hidden Markov Models" (1989), scaled as there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from musictool.arch import GoesOn
from musictool.archs._counted import TINY
from musictool.encoding import FIRST_TOKEN, START

AT_ONCE = 1 << 22  # numbers of the beliefs in one group of pieces (32 MB)
ADDED = 1.0  # counts that are added to those of each state, shared out over tokens; as many over transitions


@dataclass(frozen=True)
class HiddenMarkov:
    """The probabilities of a model.

    Attributes:
        initial: float64 (K,).
        transition: float64 (K, K), [from, to].
        emission: float64 (K, V), 0 for reserved tokens.
    """

    initial: np.ndarray
    transition: np.ndarray
    emission: np.ndarray

    @classmethod
    def random(cls, states: int, tokens: np.ndarray, seed: int) -> HiddenMarkov:
        """States that differ at random, around how often the tokens occur.

        Args:
            states: K.
            tokens: int64 (V,), how often each token occurs.
        """
        rng = np.random.default_rng(seed)
        emission = unigram(tokens) * rng.exponential(size=(states, len(tokens)))
        transition = rng.exponential(size=(states, states))
        return cls(np.full(states, 1 / states), _shares(transition), _shares(emission))

    # === What it expects ===

    def beliefs(self, rows: np.ndarray, belief: np.ndarray | None = None) -> np.ndarray:
        """After each row, how likely each state is for the next row.

        Args:
            rows: int (B, T). Behind START a piece begins; padding says nothing.
            belief: float64 (B, K), of the first row; by default as at the beginning of a piece.

        Returns:
            float64 (B, T, K).
        """
        belief = np.tile(self.initial, (len(rows), 1)) if belief is None else belief
        beliefs = np.empty((*rows.shape, len(self.initial)))
        emission = self.emission.T  # (V, K)
        for t, tokens in enumerate(rows.T):
            seen = np.where(tokens[:, None] < FIRST_TOKEN, 1.0, emission[tokens])  # (B, K)
            after = _shares(belief * seen + TINY) @ self.transition
            belief = np.where(tokens[:, None] == START, self.initial, after)
            beliefs[:, t] = belief
        return beliefs

    def path(self, rows: np.ndarray) -> np.ndarray:
        """The likeliest states of a piece (Viterbi 1967): int64 (T,) for its tokens, int (T,)."""
        with np.errstate(divide="ignore"):
            transition, emission = np.log(self.transition), np.log(self.emission.T)
            best = np.log(self.initial)  # of the paths that end in each state, the likeliest's
            best = best + emission[rows[:1]].sum(axis=0)
        before = np.empty((len(rows), len(best)), np.int64)  # the state that leads to each
        for t, token in enumerate(rows[1:], 1):
            paths = best[:, None] + transition  # [from, to]
            before[t] = paths.argmax(axis=0)
            best = paths.max(axis=0) + emission[token]
        states = np.full(len(rows), best.argmax())
        for t in range(len(rows) - 1, 0, -1):
            states[t - 1] = before[t, states[t]]
        return states

    # === Fitting ===

    def refitted(self, pieces: Sequence[np.ndarray], tokens: np.ndarray) -> tuple[HiddenMarkov, float]:
        """One round of Baum and Welch.

        Args:
            pieces: int (T,) each, tokens without START.
            tokens: int64 (V,), how often each token occurs.

        Returns:
            the next model; of this one, the nats per token of the pieces.
        """
        states, nats = len(self.initial), 0.0
        initial = np.full(states, ADDED / states)
        transition = np.full(self.transition.shape, ADDED / states)
        emission = np.tile(ADDED * unigram(tokens), (states, 1)).T  # (V, K)
        for group in _groups(pieces, AT_ONCE // states):
            nats += self._count(group, initial, transition, emission)
        refitted = HiddenMarkov(_shares(initial), _shares(transition), _shares(emission.T))
        return refitted, nats / max(1, sum(map(len, pieces)))

    def _count(
        self, pieces: list[np.ndarray], initial: np.ndarray, transition: np.ndarray, emission: np.ndarray
    ) -> float:
        """Add what is to be expected in some pieces, the longest first, to counts of the states that pieces begin in,
        (K,), of transitions, (K, K), and of tokens, (V, K). Returns the nats of the pieces."""
        lengths = np.array([len(piece) for piece in pieces])
        going = (lengths[:, None] > np.arange(lengths[0])).sum(axis=0)  # (T,) pieces that are not over yet
        bounds = np.concatenate([[0], np.cumsum(going)])  # of the rows of each time, one time after another
        times = np.concatenate([np.arange(length) for length in lengths])
        rows = np.concatenate(pieces)[np.argsort(times, kind="stable")]

        # Forwards: how likely each state is, given the tokens so far; the probability of each token on the way.
        seen = np.ascontiguousarray(self.emission.T)[rows]  # (rows, K)
        forwards, chance = np.empty_like(seen), np.empty(len(rows))
        for t, number in enumerate(going):
            at = slice(bounds[t], bounds[t + 1])
            belief = forwards[bounds[t - 1] :][:number] @ self.transition if t else self.initial
            joint = belief * seen[at]  # (pieces, K)
            chance[at] = np.maximum(joint.sum(axis=1), TINY)
            forwards[at] = joint / chance[at, None]

        # Backwards: how much likelier the tokens to come are in each state than they are altogether.
        seen /= chance[:, None]
        backwards = np.ones_like(seen)
        for t in range(len(going) - 2, -1, -1):
            after = slice(bounds[t + 1], bounds[t + 2])
            backwards[bounds[t] :][: going[t + 1]] = (seen[after] * backwards[after]) @ self.transition.T

        # What is to be expected: of each row the states, of each pair of rows a transition.
        expected = forwards * backwards  # (rows, K)
        initial += expected[: going[0]].sum(axis=0)
        to = seen * backwards
        for t in range(len(going) - 1):
            after = slice(bounds[t + 1], bounds[t + 2])
            transition += self.transition * (forwards[bounds[t] :][: going[t + 1]].T @ to[after])
        order = np.argsort(rows, kind="stable")
        distinct, begin = np.unique(rows[order], return_index=True)
        emission[distinct] += np.add.reduceat(expected[order], begin)
        return float(-np.log(chance).sum())


def fitted(
    pieces: Sequence[np.ndarray], size: int, states: int, rounds: int, seed: int, goes_on: GoesOn
) -> HiddenMarkov:
    """A model of pieces.

    Args:
        pieces: int (T,) each, T >= 1, tokens without START.
        size: V.
        states: K.
        rounds: of Baum and Welch at most.
        seed: of what it begins with.
        goes_on: is asked after each round.
    """
    tokens = np.bincount(np.concatenate(pieces), minlength=size)
    model = HiddenMarkov.random(states, tokens, seed)
    for number in range(1, rounds + 1):
        model, nats = model.refitted(pieces, tokens)
        if not goes_on(number, nats):
            break
    return model


def unigram(tokens: np.ndarray) -> np.ndarray:
    """float64 (V,): how likely each token is by itself, counted once more than it occurs; 0 for reserved ones."""
    return _shares((tokens + 1.0) * (np.arange(len(tokens)) >= FIRST_TOKEN))


def _shares(counts: np.ndarray) -> np.ndarray:
    """Numbers over the sum of the last axis."""
    return np.asarray(counts / counts.sum(axis=-1, keepdims=True))


def _groups(pieces: Sequence[np.ndarray], most_rows: int) -> Iterator[list[np.ndarray]]:
    """The pieces, the longest first, in groups of at most so many rows (or of one piece)."""
    group: list[np.ndarray] = []
    rows = 0
    for piece in sorted(pieces, key=len, reverse=True):
        if group and rows + len(piece) > most_rows:
            yield group
            group, rows = [], 0
        group.append(piece)
        rows += len(piece)
    yield group
