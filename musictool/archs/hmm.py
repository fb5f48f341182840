"""Hidden Markov model: states that follow one another unseen, and write a token each. No network, no gradient.

    P(x[1..T]) = sum over all paths of states of initial[s1] emission[s1, x1] transition[s1, s2] emission[s2, x2] ...

It is what was used before recurrent networks (M. Allan and C. Williams, "Harmonising Chorales by Probabilistic
Inference", 2004), and the simple way that studies of generated music name. It is fitted by the algorithm of Baum and
Welch, in arrays (musictool/archs/_hidden_markov.py); its likelihood is exact, and a token is drawn from all states in
proportion to how likely each is after the tokens so far. `score --json` gives the likeliest path of states through a
piece (A. Viterbi 1967), which says how the model reads it: states become harmonies, or places in a chord.
With `--encoding chord-roll --encoding-set vocabulary=closed` a token is a whole chord, as in those studies; by default
a chord takes a token for each pitch, and the states learn the order of these, too.
Limit: all that it remembers is in which of `states` it is, so that it knows the key, or the place in the bar, and
hardly both; training ends in one of many optima, from another `seed` in another. A round takes time with the square of
the states.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from musictool.arch import CountingStage, GoesOn, HiddenStatesArch, Stage
from musictool.archs._counted import AT_ONCE, TINY, CountedArch, training_pieces
from musictool.archs._hidden_markov import HiddenMarkov, fitted
from musictool.dataset.dataset import Encoded
from musictool.dataset.windows import Batch
from musictool.engine import nn, ops
from musictool.options import LAST_SEED, option
from musictool.sampling.guidance import FREE, Guidance


class Tables(nn.Model):
    """A HiddenMarkov in the place of a network: saved and loaded like one.

    Args:
        size: V.
        states: K.
    """

    def __init__(self, size: int, states: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = size
        self.states = states
        self.model = HiddenMarkov.random(states, np.zeros(size, np.int64), 0)
        self.built = True

    def call(self, tokens: Any) -> Any:
        """int32 (B, T) -> log-probabilities of the next token, float32 (B, T, V), all of them in memory."""
        chance = self.model.beliefs(ops.convert_to_numpy(tokens)) @ self.model.emission
        return ops.convert_to_tensor(np.log(np.maximum(chance, TINY)), "float32")

    def count_params(self) -> int:
        """Probabilities in the tables."""
        return self.states * (1 + self.states + self.size)

    def save_own_variables(self, store: Any) -> None:
        for name, shape in self._shapes.items():
            store[name] = getattr(self.model, name).reshape(shape)

    def load_own_variables(self, store: Any) -> None:
        """Raises KeyError, ValueError for arrays that are no probabilities; a file may come from a stranger."""
        tables = {name: np.asarray(store[name], np.float64) for name in self._shapes}
        for name, shape in self._shapes.items():
            table = tables[name]
            if table.shape != shape or not (table >= 0).all() or not np.allclose(table.sum(axis=-1), 1):
                raise ValueError(f"{name} is no table of probabilities of the shape {shape}")
        self.model = HiddenMarkov(**tables)

    @property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        states = self.states
        return {"initial": (states,), "transition": (states, states), "emission": (states, self.size)}


class Hmm(CountedArch, HiddenStatesArch):
    """`states` hidden states, the probabilities of one after another, and of the tokens that each writes."""

    name = "hmm"
    DEFAULT_ENCODING: ClassVar[str] = "chord-roll"
    USES_PER_WEIGHT: ClassVar[float] = 0.0  # it is computed in numpy in any case

    @dataclass(frozen=True)
    class Options:
        states: int = option(64, "hidden states", least=1, most=4096)
        rounds: int = option(40, "rounds of Baum and Welch, at most", least=1, most=10_000)
        most_rows: int = option(
            1_000_000, "most tokens fitted to, in all transpositions; of a larger corpus some pieces", least=1
        )
        seed: int = option(0, "of the probabilities that it begins with", least=0, most=LAST_SEED)

    SIZES: ClassVar = {"small": {}, "medium": {"states": 128}, "large": {"states": 256, "rounds": 80}}

    @cached_property
    def network(self) -> Tables:
        """The tables."""
        return Tables(self.spec.size, self.options.states, name="network")

    @cached_property
    def stages(self) -> list[Stage]:
        rounds = self.options.rounds
        return [CountingStage("network", self.network, self._loss_and_metrics, fit_counts=self._fit, rounds=rounds)]

    def _fit(self, encoded: Encoded, goes_on: GoesOn) -> None:
        pieces = [piece for piece in training_pieces(encoded, self.options.most_rows) if len(piece)]
        states, rounds, seed = self.options.states, self.options.rounds, self.options.seed
        self.network.model = fitted(pieces, self.spec.size, states, rounds, seed, goes_on)

    def _loss_and_metrics(self, batch: Batch, training: bool) -> tuple[Any, ...]:
        model, y = self.network.model, np.asarray(batch.y)
        beliefs = model.beliefs(np.asarray(batch.x))  # (B, L, K)
        chance = np.sum(beliefs * model.emission.T[y], axis=-1)  # (B, L); padding has the probability 0
        nats = -np.log(np.maximum(chance, TINY))
        return nats.astype(np.float32), (self._likeliest(beliefs) == y).astype(np.float32)

    def _likeliest(self, beliefs: np.ndarray) -> np.ndarray:
        """int64 (B, L): the likeliest tokens, of beliefs (B, L, K)."""
        flat = beliefs.reshape(-1, beliefs.shape[-1])  # (B * L, K)
        parts = np.array_split(flat, -(-len(flat) * self.spec.size // AT_ONCE))
        likeliest = [(part @ self.network.model.emission).argmax(axis=-1) for part in parts]
        return np.concatenate(likeliest).reshape(beliefs.shape[:-1])

    def surprisal(self, rows: np.ndarray, guidance: Guidance = FREE) -> np.ndarray:
        model, piece = self.network.model, np.append(self.spec.start, rows)  # (T + 1,)
        beliefs = model.beliefs(piece[None, :-1])[0]  # (T, K)
        return np.asarray(-np.log(np.maximum(np.sum(beliefs * model.emission.T[rows], axis=-1), TINY)))

    def likeliest_states(self, rows: np.ndarray) -> np.ndarray:
        return self.network.model.path(rows)

    def state_after(self, primer: np.ndarray) -> np.ndarray:
        """float64 (B, K), the beliefs."""
        return self.network.model.beliefs(primer)[:, -1]

    def probabilities(self, state: np.ndarray) -> np.ndarray:
        return np.asarray(state @ self.network.model.emission)

    def next_state(self, state: np.ndarray, token: np.ndarray) -> np.ndarray:
        return self.network.model.beliefs(token[:, None], state)[:, -1]
