"""Row after row: what archs of tokens and of frames share. How they score a piece, and how they continue one.

The network of such an arch predicts the next row from all rows before it, in two ways that give the same numbers. Its
`call` takes whole windows and is trained. Its `step` takes one row and the state before it; all that is here is made of
it:

    initial_state(batch_size) -> state                           before the first row
    constants() -> constants                                     what is the same at every step, computed once per call
    step(row, side_input, state, constants) -> features, state   features are what the next row is predicted from
    nll(features, next_row, constants) -> float (B,)             nats

A row is int32 (B,) or float32 (B, D); a side input is what stands beside it, float32 (B, C) or (1, C); a state is any
nest of tensors of shapes that do not change.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cache, cached_property, partial
from typing import Any, ClassVar

import numpy as np

from musictool.arch import Arch, Stage
from musictool.backend.compile import compiled
from musictool.dataset.windows import Batch
from musictool.engine import ops
from musictool.engine.current import in_own_engine
from musictool.sampling.guidance import FREE, Guidance
from musictool.sampling.sampler import Sampler

CHUNK = 64  # rows drawn by one run of the compiled loop
SCORED = 128  # rows scored by one run, during which Ctrl-C waits
SCORED_TOGETHER = 32  # pieces


class AutoregressiveArch(Arch):
    """An arch with one network, which predicts the next row. A subclass has `network`, `loss_and_metrics`, `draw`,
    `draws` and a `continuation` made of `prefill` and `next_rows`."""

    ROW_DTYPE: ClassVar[str]  # of a row, as `step` takes it

    @property
    @abstractmethod
    def network(self) -> Any:
        """The one network, built."""

    @property
    @abstractmethod
    def draws(self) -> int:
        """U, uniform numbers per row drawn."""

    @abstractmethod
    def loss_and_metrics(self, batch: Batch, training: bool) -> tuple[Any, ...]:
        """See Stage."""

    @abstractmethod
    def draw(
        self, features: Any, uniform: Any, sampler: Sampler, draw_state: Any, i: Any, constants: Any
    ) -> tuple[Any, Any]:
        """A row, in a compiled loop.

        Args:
            features: as `step` gives them.
            uniform: float32 (B, U) in [0, 1).
            sampler: its settings are part of the compiled loop.
            draw_state: what is known of the pieces besides, such as what is banned; any nest of tensors.
            i: the number of the row in its chunk.
            constants: the network's.

        Returns:
            the row, and the draw_state after it.
        """

    @abstractmethod
    def side_inputs(self, guidance: Guidance, start: int, stop: int, pieces: int) -> np.ndarray:
        """float32 (stop - start, pieces or 1, C): what stands beside the rows from which those from start to stop - 1
        of each piece are predicted."""

    def requested(self, guidance: Guidance, start: int, stop: int) -> np.ndarray:
        """float32 (stop - start, B or 1, C): the conditions alone, zeros where nothing is requested. Those that change
        from row to row are known of the primer, and of all rows where a row is a step of time."""
        if guidance.row_conditions is not None:
            return guidance.row_conditions.of_rows(start, stop)
        conditions = np.zeros(self.conditions, np.float32) if guidance.conditions is None else guidance.conditions
        return np.broadcast_to(conditions, (stop - start, 1, self.conditions))

    @cached_property
    def stages(self) -> list[Stage]:
        return [Stage("network", self.network, self.loss_and_metrics)]

    # === Scoring ===

    def surprisal(self, rows: np.ndarray, guidance: Guidance = FREE) -> np.ndarray:
        return np.concatenate([np.zeros(0), *self.surprisal_in_parts(rows, guidance)])

    def surprisal_in_parts(self, rows: np.ndarray, guidance: Guidance = FREE) -> Iterator[np.ndarray]:
        piece = np.concatenate([self.spec.start[None], rows])[None]  # (1, T + 1, ...)
        for nats in self._score_parts(piece, self.side_inputs(guidance, 0, len(rows), 1)):
            yield nats[:, 0]

    def surprisals(self, pieces: Sequence[np.ndarray], guidances: Sequence[Guidance]) -> list[np.ndarray]:
        """Pieces of about the same length together, the shorter ones filled up with start rows, which do not count."""
        by_length = np.argsort([len(rows) for rows in pieces], kind="stable").tolist()
        nats: dict[int, np.ndarray] = {}
        for first in range(0, len(pieces), SCORED_TOGETHER):
            chosen = by_length[first : first + SCORED_TOGETHER]
            longest = len(pieces[chosen[-1]])
            rows = np.broadcast_to(self.spec.start, (len(chosen), longest + 1, *self.spec.shape)).copy()
            for row, piece in zip(rows, chosen, strict=True):
                row[1 : len(pieces[piece]) + 1] = pieces[piece]
            side_inputs = np.concatenate([self.side_inputs(guidances[i], 0, longest, 1) for i in chosen], axis=1)
            together = np.concatenate([np.zeros((0, len(chosen))), *self._score_parts(rows, side_inputs)])  # (T, B)
            nats |= {piece: together[: len(pieces[piece]), i] for i, piece in enumerate(chosen)}
        return [nats[piece] for piece in range(len(pieces))]

    def _score_parts(self, rows: np.ndarray, side_inputs: np.ndarray) -> Iterator[np.ndarray]:
        """float64 (SCORED or fewer, B) each: the nats of rows (B, T + 1, ...) but for the first, the start row."""
        state = None
        for start in range(0, rows.shape[1] - 1, SCORED):
            stop = start + SCORED
            state, nats = self._score_part(rows[:, start : stop + 1], side_inputs[start:stop], state)
            yield nats.astype(np.float64)

    @in_own_engine
    def _score_part(self, rows: np.ndarray, side_inputs: np.ndarray, state: Any) -> tuple[Any, np.ndarray]:
        """As `score`, compiled, of rows (B, T + 1, ...); without a state they begin with the start row."""
        state = self.network.initial_state(len(rows)) if state is None else state
        state, nats = self._score(self._time_first(rows), side_inputs, state)
        return state, ops.convert_to_numpy(nats)

    def score(self, rows: Any, side_inputs: Any, state: Any) -> tuple[Any, Any]:
        """Teacher-forced: whatever the network predicts, the next row is the one that stands there.

        Args:
            rows: (T + 1, B, ...).
            side_inputs: float32 (T, B or 1, C), beside all rows but the last.
            state: before the first.

        Returns:
            the state before the last row; float32 (T, B), nats of all rows but the first.
        """
        constants = self.network.constants()

        def score_row(i: Any, carry: Any) -> Any:
            state, nats = carry
            features, state = self.network.step(rows[i], side_inputs[i], state, constants)
            nll = self.network.nll(features, rows[i + 1], constants)  # (B,)
            return state, ops.write(nats, (i, 0), nll[None])

        steps, pieces = ops.shape(rows)[0] - 1, ops.shape(rows)[1]
        return ops.fori_loop(0, steps, score_row, (state, ops.zeros((steps, pieces), "float32")))

    @cached_property
    def _score(self) -> Callable[..., Any]:
        return compiled(self.score)

    # === Generation ===

    @in_own_engine
    def prefill(self, primer: np.ndarray, guidance: Guidance = FREE) -> tuple[Any, Any]:
        """The last row of a primer (B, T, ...), and the state before it: the position where generation begins."""
        last, state = primer.shape[1] - 1, self.network.initial_state(len(primer))
        side_inputs = self.side_inputs(guidance, 0, last, len(primer))
        for start in range(0, last, SCORED):
            stop = start + SCORED
            state, _ = self._score_part(primer[:, start : stop + 1], side_inputs[start:stop], state)
        return ops.convert_to_tensor(self._time_first(primer[:, -1:])[0]), state

    @in_own_engine
    def next_rows(
        self,
        position: tuple[Any, Any],
        draw_state: Any,
        sampler: Sampler,
        uniform: np.ndarray,
        side_inputs: np.ndarray,
    ) -> tuple[np.ndarray, tuple[Any, Any], Any]:
        """The next n rows: spec.dtype (B, n, ...), with the position and the draw_state after them.

        Args:
            uniform: float32 (n, B, U) in [0, 1).
            side_inputs: float32 (n, B or 1, C), as `side_inputs` gives them for these rows.
        """
        generate = self._generate(sampler, len(uniform))
        position, draw_state, rows = generate(position, draw_state, uniform, side_inputs)
        return np.moveaxis(ops.convert_to_numpy(rows), 0, 1).astype(self.spec.dtype), position, draw_state

    def generate(
        self, sampler: Sampler, count: int, position: tuple[Any, Any], draw_state: Any, uniform: Any, side_inputs: Any
    ) -> tuple[tuple[Any, Any], Any, Any]:
        """Row after row, each drawn from what the network predicts after the one before it.

        Args:
            sampler: see `draw`.
            count: n, how many rows.
            position: the last row (B, ...), and the state before it.
            draw_state: see `draw`.
            uniform: float32 (n, B, U).
            side_inputs: float32 (n, B or 1, C).

        Returns:
            position and draw_state after n rows; the rows (n, B, ...).
        """
        constants = self.network.constants()

        def generate_row(i: Any, carry: Any) -> Any:
            row, state, draw_state, rows = carry
            features, state = self.network.step(row, side_inputs[i], state, constants)
            row, draw_state = self.draw(features, uniform[i], sampler, draw_state, i, constants)
            return row, state, draw_state, ops.write(rows, (i, *[0] * len(row.shape)), row[None])

        row, state = position
        rows = ops.repeat(ops.zeros_like(row)[None], count, axis=0)  # (n, B, ...)
        row, state, draw_state, rows = ops.fori_loop(0, count, generate_row, (row, state, draw_state, rows))
        return (row, state), draw_state, rows

    @cached_property
    def _generate(self) -> Callable[[Sampler, int], Callable[..., Any]]:
        return cache(lambda sampler, count: compiled(partial(self.generate, sampler, count)))

    def _time_first(self, rows: np.ndarray) -> np.ndarray:
        """(B, T, ...) -> (T, B, ...), as `step` takes them."""
        return np.moveaxis(rows, 1, 0).astype(self.ROW_DTYPE)
