"""What archs without a network share: the pieces that they are fitted to, and how they go on, in numpy."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from musictool.arch import Arch
from musictool.dataset.dataset import Encoded
from musictool.encoding import FIRST_TOKEN, Kind
from musictool.engine.current import within
from musictool.sampling.guidance import FREE, Guidance
from musictool.sampling.loops import LoopGuard
from musictool.sampling.rules import DRAWS, DrawState, draw
from musictool.sampling.sampler import Sampler

CHUNK = 64  # tokens written between two looks for loops
AT_ONCE = 1 << 21  # probabilities of tokens held in memory (16 MB)
TINY = 1e-30  # less than any probability that counts


class CountedArch(Arch):
    """An arch of tokens whose network is tables. A subclass gives its `stages`, `surprisal`, and what goes on: a state
    after a primer, the probabilities of the next token, and the state after one."""

    kind: ClassVar[Kind] = "tokens"
    BFLOAT16_ON_CPU: ClassVar[bool] = False

    @abstractmethod
    def state_after(self, primer: np.ndarray) -> Any:
        """The state of each piece after its primer, int32 (B, T)."""

    @abstractmethod
    def probabilities(self, state: Any) -> np.ndarray:
        """float64 (B, V): of each token, next."""

    @abstractmethod
    def next_state(self, state: Any, token: np.ndarray) -> Any:
        """The state after a token (B,)."""

    def continuation(
        self, primer: np.ndarray, sampler: Sampler, seed: int, guidance: Guidance = FREE
    ) -> Iterator[np.ndarray]:
        rng, pieces = np.random.default_rng(seed), len(primer)
        guard, state = LoopGuard(pieces), self.state_after(primer)
        draw_state = DrawState.after(primer, sampler, guidance, self.spec.size, FIRST_TOKEN, CHUNK)
        while True:
            uniform = rng.random((CHUNK, pieces, DRAWS), dtype=np.float32)
            rows, state, draw_state = self._next_chunk(state, draw_state, sampler, uniform)
            yield rows
            if sampler.loop_guard:
                temperature_factor, loop = guard.after(rows)
                draw_state = draw_state._replace(temperature_factor=temperature_factor, loop=loop)

    def _next_chunk(
        self, state: Any, draw_state: DrawState, sampler: Sampler, uniform: np.ndarray
    ) -> tuple[np.ndarray, Any, DrawState]:
        """Int (B, CHUNK), and state and draw_state behind it; in numpy, since a compiled function takes a millisecond a
        call, whatever it does."""
        rows = np.empty((uniform.shape[1], CHUNK), self.spec.dtype)
        with within("numpy"):
            for i in range(CHUNK):
                logits = np.log(np.maximum(self.probabilities(state), TINY)).astype(np.float32)  # (B, V)
                token = draw(sampler, logits, uniform[i], draw_state)  # (B,)
                draw_state = draw_state.drawn(token, i)
                state = self.next_state(state, np.asarray(token))
                rows[:, i] = token
        return rows, state, draw_state


def training_pieces(encoded: Encoded, most_rows: int) -> Iterator[np.ndarray]:
    """int32 (T,): the training pieces, each at every transposition; of too many, some at random, but at least one."""
    pieces = np.random.default_rng(0).permutation(encoded.pieces("train"))
    lengths = np.diff(encoded.offsets)[pieces] * len(encoded.transpositions)
    for index in pieces[: max(1, np.searchsorted(np.cumsum(lengths), most_rows, "right"))]:
        rows = np.asarray(encoded.piece(index))
        for semitones in encoded.transpositions:
            yield encoded.encoding.transpose(rows, semitones)
