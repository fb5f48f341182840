"""What a network reads of an encoded corpus: windows, gathered by index.

A window is L consecutive targets of one piece, with the L rows that stand one earlier as input (the first input of a
piece is the Spec's start row). No window crosses from one piece into the next; what is left over behind the end of a
piece is padding with mask 0. A window much longer than the longest piece would be padding only, so it is cut.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from musictool.atomic import in_bytes
from musictool.dataset.conditions import CONDITION_DROPOUT, Conditions, stretched_controls, transposed_controls
from musictool.dataset.dataset import Encoded
from musictool.dataset.rows_file import release_pages
from musictool.encoding import PADDING, Spec
from musictool.errors import BadOption
from musictool.music import bar_positions
from musictool.music.bar_positions import BarPositions
from musictool.ragged import one_by_one

log = logging.getLogger(__name__)

MOST_BATCH_BYTES = 1 << 30  # of what is predicted of a batch
WINDOW_STEP = 64  # a window that is cut is a multiple of this
KEPT_BYTES = 1 << 19  # that may be read of a mapped corpus before its memory is given back; whole pages of 2 MB count


@dataclass(frozen=True)
class Plan:
    """The windows of one pass, in their order.

    Attributes:
        piece: int64 (W,), which piece.
        start: int64 (W,), first target within the piece.
        semitones: int64 (W,), how far the window is transposed.
        stretch: float64 (W,), how many times as long it is played.
        condition_mask: bool (W, groups), which groups of the conditions the window has.
        task_seed: int64 (W,), what the Task makes of a window follows from it; None for windows as they are.
    """

    piece: np.ndarray
    start: np.ndarray
    semitones: np.ndarray
    stretch: np.ndarray
    condition_mask: np.ndarray
    task_seed: np.ndarray | None = None


class Batch(NamedTuple):
    """B windows, as arrays or as tensors.

    Attributes:
        x, y: spec.dtype (B, L, *spec.shape).
        mask: float32 (B, L), 0 where y is padding.
        side_inputs: float32 (B, L, C), what else a network is given beside each row of x: the conditions of the music
            from y's position on (musictool/dataset/conditions.py), and behind them the position of y in its bar
            (musictool/music/bar_positions.py), for instance. C is 0 where there is nothing.
    """

    x: Any
    y: Any
    mask: Any
    side_inputs: Any


class BatchSource(Protocol):
    """What a run reads its batches from: passes over training and validation data, batch by batch.

    Attributes:
        encoded: the corpus, for stages that count, calibrate or evaluate.
    """

    encoded: Any

    def training_plan(self, epoch: int) -> Any:
        """One pass over the training data; with the same epoch the same pass."""

    def validation_plan(self) -> Any:
        """One pass over the validation data."""

    def steps(self, plan: Any) -> int:
        """Batches in a pass."""

    def batch(self, plan: Any, step: int, part: int = 0, parts: int = 1) -> Batch:
        """One batch of a pass, or one of equal `parts` of it."""

    def signature(self, parts: int = 1) -> Batch:
        """(shape, dtype) of each array of such a part; None for a dimension that changes from batch to batch."""


class Task(Protocol):
    """Makes something else to learn of training windows, such as music with blanks (musictool/dataset/blanks.py)."""

    def window(
        self, piece: np.ndarray, start: int, length: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """spec.dtype (length + 1, *spec.shape), float32 (length,): the rows of a window, and whether each but the first
        counts; None where it stays as it is.

        Args:
            piece: (T, *spec.shape), all rows of its piece.
            start: its first target.
        """


@dataclass(frozen=True)
class SideInputs:
    """What stands beside the rows of a corpus.

    Attributes:
        conditions: which the model has.
        controls: float16 (T, CONTROLS) beside all rows (encode.encode_controls); None if no control is among them.
        label: int64 (pieces,), the index of each piece's label, -1 for none.
        bar_positions: of all pieces, for a model that is given them.
    """

    conditions: Conditions
    controls: np.ndarray | None
    label: np.ndarray
    bar_positions: BarPositions | None = None

    @property
    def size(self) -> int:
        """C, the numbers beside a row."""
        return self.conditions.size + (0 if self.bar_positions is None else bar_positions.SIZE)


class Windows:
    """The windows of an encoded corpus, gathered by index.

    Args:
        encoded: the corpus.
        length: L, targets in a window; cut to what `window_length` says.
        batch_size: B.
        transpositions: semitones drawn from for each training window; validation is never shifted.
        stretches: the same for how many times as long it is played; of use where the encoding `stretches`.
        seed: fixes the order and the draws of every epoch.
        side_inputs: what stands beside the rows; nothing by default.
        task: makes something else of training windows; validation is never changed.
    """

    def __init__(
        self,
        encoded: Encoded,
        length: int,
        batch_size: int,
        transpositions: Sequence[int] = (0,),
        seed: int = 0,
        stretches: Sequence[float] = (1.0,),
        side_inputs: SideInputs | None = None,
        task: Task | None = None,
    ):
        self.task = task
        self.encoded = encoded
        self.length = window_length(encoded, length)
        self.batch_size = batch_size
        self.transpositions = np.array(sorted(transpositions))
        self.stretches = np.array(sorted(stretches))
        self.seed = seed
        self._read_bytes = 0
        self.side_inputs = side_inputs or SideInputs(Conditions(), None, np.full(len(encoded.offsets) - 1, -1))

    def training_plan(self, epoch: int) -> Plan:
        """One pass over the training pieces, shuffled.

        Each piece is cut from its beginning, then from a cut drawn for every epoch on, and up to its very end, so that
        its first and last targets are always met and the cuts between never stand in the same place.
        """
        rng = np.random.default_rng((self.seed, epoch))
        pieces = self.encoded.pieces("train")
        rows = np.diff(self.encoded.offsets)[pieces]
        # a window at the beginning, one after the other from the cut on, the last moved back to the end of the piece
        cut = rng.integers(1, self.length + 1, len(pieces))
        piece, nth = one_by_one(np.where(rows <= self.length, 1, 1 + -(-(rows - cut) // self.length)))
        start = np.where(nth == 0, 0, cut[piece] + (nth - 1) * self.length)
        start = np.minimum(start, np.maximum(rows[piece] - self.length, 0))
        # the order of the windows, and how each is varied; the draws keep their order, so that a seed means the same
        order = rng.permutation(len(piece))
        semitones, stretch = (rng.choice(choices, len(piece)) for choices in (self.transpositions, self.stretches))
        mask = rng.random((len(piece), len(self.side_inputs.conditions.sizes))) >= CONDITION_DROPOUT
        task_seed = None if self.task is None else rng.integers(1 << 31, size=len(piece))
        return Plan(pieces[piece][order], start[order], semitones, stretch, mask, task_seed)

    def validation_plan(self) -> Plan:
        """Every validation target exactly once, in order, not transposed and without conditions, which describe it."""
        pieces = self.encoded.pieces("validation")
        piece, nth = one_by_one(-(-np.diff(self.encoded.offsets)[pieces] // self.length))
        mask = np.zeros((len(piece), len(self.side_inputs.conditions.sizes)), bool)
        return Plan(pieces[piece], nth * self.length, np.zeros(len(piece), np.int64), np.ones(len(piece)), mask)

    def steps(self, plan: Plan) -> int:
        """Batches in a pass."""
        return -(-len(plan.piece) // self.batch_size)

    def part_size(self, parts: int) -> int:
        """Windows in each of `parts` of a batch."""
        return -(-self.batch_size // parts)

    def batch(self, plan: Plan, step: int, part: int = 0, parts: int = 1) -> Batch:
        """One batch of a pass, or one of equal `parts` of it; what B windows do not fill is filled up with mask 0."""
        # which windows of the plan; what B windows do not fill is the first window again, which will not count
        at = np.arange(self.part_size(parts)) + part * self.part_size(parts)  # (B,)
        exists = at < min(self.batch_size, len(plan.piece) - step * self.batch_size)
        at = at + step * self.batch_size
        at = np.where(exists, at, 0)
        # the rows of each window, counted over all pieces; off the ends of its piece, the first or last row of it
        begin = self.encoded.offsets[plan.piece[at]][:, None]  # (B, 1)
        end = self.encoded.offsets[plan.piece[at] + 1][:, None]
        row = begin + plan.start[at][:, None] + np.arange(-1, self.length)  # (B, L + 1): one before, then the targets
        clipped = np.clip(row, begin, end - 1)
        window = self._rows(clipped)  # (B, L + 1, *shape)
        side_inputs = self.side_inputs
        controls = None if side_inputs.controls is None else side_inputs.controls[clipped[:, 1:]].astype(np.float32)
        mask = ((row[:, 1:] < end) & exists[:, None]).astype(np.float32)
        is_made = self._make_tasks(window, mask, plan, at)[:, None]  # (B, 1)
        self._vary(window, controls, plan.semitones[at], plan.stretch[at])
        # what is before the piece is its start row, what is behind it padding
        window[(row < begin) & ~is_made] = self.encoded.spec.start
        window[(row >= end) & ~is_made] = PADDING
        # beside each target: the conditions, and where in its bar it stands
        conditions = side_inputs.conditions.vectors(
            controls, side_inputs.label[plan.piece[at]], plan.condition_mask[at], self.length
        )
        numbers = [conditions]
        if (bars := side_inputs.bar_positions) is not None:
            targets = plan.start[at][:, None] + np.arange(self.length)  # (B, L)
            numbers.append(
                np.stack([bars.of_piece(*each) for each in zip(plan.piece[at].tolist(), targets, strict=True)])
            )
        return Batch(window[:, :-1], window[:, 1:], mask, np.concatenate(numbers, axis=-1))

    def signature(self, parts: int = 1) -> Batch:
        """(shape, dtype) of each array of one of equal `parts` of a batch."""
        spec, shape = self.encoded.spec, (self.part_size(parts), self.length)
        rows = ((*shape, *spec.shape), spec.dtype)
        floats = np.dtype(np.float32)
        return Batch(rows, rows, (shape, floats), ((*shape, self.side_inputs.size), floats))

    def _rows(self, index: np.ndarray) -> np.ndarray:
        stored = self.encoded.stored
        rows = self.encoded.rows(index)
        self._read_bytes += index.size * stored.itemsize * math.prod(stored.shape[1:])
        if self._read_bytes > KEPT_BYTES:
            release_pages(stored)
            self._read_bytes = 0
        return rows

    def _make_tasks(self, window: np.ndarray, mask: np.ndarray, plan: Plan, at: np.ndarray) -> np.ndarray:
        """Let the task make what it likes of each window (B, L + 1, ...) and its mask (B, L), in place.

        Returns:
            bool (B,): of which it has made something.
        """
        is_made = np.zeros(len(at), bool)
        if self.task is None or plan.task_seed is None:
            return is_made
        # the whole piece of each window, which the task may look around in; a window that only fills up stays masked
        for i, number in enumerate(at.tolist()):
            piece = int(plan.piece[number])
            rows = self._rows(np.arange(self.encoded.offsets[piece], self.encoded.offsets[piece + 1]))
            rng = np.random.default_rng(int(plan.task_seed[number]))
            if (made := self.task.window(rows, int(plan.start[number]), self.length, rng)) is not None:
                window[i] = made[0]
                mask[i] = made[1] * mask[i].any()
                is_made[i] = True
        return is_made

    def _vary(
        self, window: np.ndarray, controls: np.ndarray | None, semitones: np.ndarray, stretch: np.ndarray
    ) -> None:
        """Transpose and stretch each window (B, L + 1, ...), and the controls beside it, in place."""
        encoding = self.encoded.encoding
        # all windows that go by the same semitones, or factor, at once
        for shift in np.unique(semitones[semitones != 0]).tolist():
            chosen = semitones == shift
            window[chosen] = encoding.transpose(window[chosen], shift)
            if controls is not None:
                controls[chosen] = transposed_controls(controls[chosen], shift)
        for factor in np.unique(stretch[stretch != 1]).tolist() if encoding.stretches else ():
            chosen = stretch == factor
            window[chosen] = encoding.stretch(window[chosen], factor)
            if controls is not None:
                controls[chosen] = stretched_controls(controls[chosen], factor)


def check_batch(window: int, windows: int, spec: Spec) -> None:
    """Raises BadOption, before a network is built, for more than any memory is worth: all that is predicted of so many
    windows at once, B x L x spec.size float32, is held several times over."""
    held = 4 * windows * window * spec.size
    if held > MOST_BATCH_BYTES:
        fits = MOST_BATCH_BYTES // (4 * windows * spec.size)
        raise BadOption(
            f"--window {window:,} takes {in_bytes(held)} for what is predicted of {windows:,} windows at once, and "
            f"{in_bytes(MOST_BATCH_BYTES)} are the most; so many may have {fits:,} rows each"
        )


def window_length(encoded: Encoded, length: int) -> int:
    """The length that windows really have: `length`, or the longest piece, up to a multiple of WINDOW_STEP. Logs a
    warning where it is cut."""
    longest = int(np.diff(encoded.offsets).max(initial=1))
    most = -(-longest // WINDOW_STEP) * WINDOW_STEP
    if most < length:
        log.warning("no piece has %s rows: windows are cut to %s", f"{length:,}", f"{most:,}")
    return min(length, most)
