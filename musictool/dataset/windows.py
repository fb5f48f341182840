"""What a network sees of an encoded corpus: windows, gathered by index.

A window is L consecutive targets of one piece, with the L rows that stand one earlier as input (the first input of a
piece is the Spec's start row). No window crosses from one piece into the next; what is left over behind the end of a
piece is padding with mask 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from musictool.dataset import controls
from musictool.dataset.conditions import CONDITION_DROPOUT, Conditions
from musictool.dataset.dataset import Encoded
from musictool.dataset.rows_file import release_pages
from musictool.encoding import PADDING
from musictool.ragged import one_by_one

KEPT_BYTES = 1 << 19  # that may be read of a mapped corpus before its memory is given back; whole pages of 2 MB count


@dataclass(frozen=True)
class Plan:
    """The windows of one pass, in the order in which they are seen.

    Attributes:
        piece: int64 (W,), which piece.
        start: int64 (W,), first target within the piece.
        semitones: int64 (W,), how far the window is transposed.
        stretch: float64 (W,), how many times as long it is played.
        asked: bool (W, groups), which groups of the conditions the window has.
    """

    piece: np.ndarray
    start: np.ndarray
    semitones: np.ndarray
    stretch: np.ndarray
    asked: np.ndarray


class Batch(NamedTuple):
    """B windows, as arrays or as tensors.

    Attributes:
        x, y: spec.dtype (B, L, *spec.shape).
        mask: float32 (B, L), 0 where y is padding.
        conditions: float32 (B, L, C), what the music from y's place on was asked to be
            (musictool/dataset/conditions.py); C is 0 for a model that cannot be asked.
    """

    x: Any
    y: Any
    mask: Any
    conditions: Any


@dataclass(frozen=True)
class SideInputs:
    """What stands beside the rows of a corpus, for a model that can be asked.

    Attributes:
        conditions: which.
        controls: float16 (T, CONTROLS) beside all rows (dataset.encode_controls); None if no control is among them.
        label: int64 (pieces,), the index of each piece's label, -1 for none.
    """

    conditions: Conditions
    controls: np.ndarray | None
    label: np.ndarray


class Windows:
    """The windows of an encoded corpus, gathered by index.

    Args:
        encoded: the corpus.
        length: L, targets in a window.
        batch_size: B.
        transpositions: semitones drawn from for each training window; validation is never shifted.
        stretches: the same for how many times as long it is played; of use where the encoding `stretches`.
        seed: fixes the order and the draws of every epoch.
        beside: for batches that have conditions.
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
    ):
        self.encoded = encoded
        self.length = length
        self.batch_size = batch_size
        self.transpositions = np.array(sorted(transpositions))
        self.stretches = np.array(sorted(stretches))
        self.seed = seed
        self._read_bytes = 0
        nothing = np.full(len(encoded.offsets) - 1, -1)
        self.side_inputs = side_inputs or SideInputs(Conditions(), None, nothing)

    def training_plan(self, epoch: int) -> Plan:
        """One pass over the training pieces, shuffled.

        Each piece is cut from its beginning, from a cut drawn anew for every epoch, and up to its very end, so that its
        first and last targets are always met and the cuts between never stand in the same place.
        """
        rng = np.random.default_rng((self.seed, epoch))
        pieces = self.encoded.pieces("train")
        rows = np.diff(self.encoded.offsets)[pieces]
        cut = rng.integers(1, self.length + 1, len(pieces))
        piece, nth = one_by_one(np.where(rows <= self.length, 1, 1 + -(-(rows - cut) // self.length)))
        start = np.where(nth == 0, 0, cut[piece] + (nth - 1) * self.length)
        start = np.minimum(start, np.maximum(rows[piece] - self.length, 0))
        order = rng.permutation(len(piece))
        semitones, stretch = (rng.choice(drawn, len(piece)) for drawn in (self.transpositions, self.stretches))
        asked = rng.random((len(piece), len(self.side_inputs.conditions.sizes))) >= CONDITION_DROPOUT
        return Plan(pieces[piece][order], start[order], semitones, stretch, asked)

    def validation_plan(self) -> Plan:
        """Every validation target exactly once, in order, not transposed and without conditions, which tell of it."""
        pieces = self.encoded.pieces("validation")
        piece, nth = one_by_one(-(-np.diff(self.encoded.offsets)[pieces] // self.length))
        asked = np.zeros((len(piece), len(self.side_inputs.conditions.sizes)), bool)
        return Plan(pieces[piece], nth * self.length, np.zeros(len(piece), np.int64), np.ones(len(piece)), asked)

    def steps(self, plan: Plan) -> int:
        """Batches in a pass."""
        return -(-len(plan.piece) // self.batch_size)

    def part_size(self, parts: int) -> int:
        """Windows in each of `parts` of a batch."""
        return -(-self.batch_size // parts)

    def batch(self, plan: Plan, step: int, part: int = 0, parts: int = 1) -> Batch:
        """One batch of a pass, or one of equal `parts` of it; what B windows do not fill is filled up with mask 0."""
        at = np.arange(self.part_size(parts)) + part * self.part_size(parts)
        exists = at < min(self.batch_size, len(plan.piece) - step * self.batch_size)
        at = at + step * self.batch_size
        at = np.where(exists, at, 0)
        begin = self.encoded.offsets[plan.piece[at]][:, None]  # (B, 1)
        end = self.encoded.offsets[plan.piece[at] + 1][:, None]
        row = begin + plan.start[at][:, None] + np.arange(-1, self.length)  # (B, L + 1): one before, then the targets
        clipped = np.clip(row, begin, end - 1)
        window = self._rows(clipped)
        side_inputs = self.side_inputs
        wanted = None if side_inputs.controls is None else side_inputs.controls[clipped[:, 1:]].astype(np.float32)
        self._vary(window, wanted, plan.semitones[at], plan.stretch[at])
        window[row < begin] = self.encoded.spec.start
        window[row >= end] = PADDING
        mask = (row[:, 1:] < end) & exists[:, None]
        conditions = side_inputs.conditions.vectors(
            wanted, side_inputs.label[plan.piece[at]], plan.asked[at], self.length
        )
        return Batch(window[:, :-1], window[:, 1:], mask.astype(np.float32), conditions)

    def _rows(self, index: np.ndarray) -> np.ndarray:
        stored = self.encoded.stored
        rows = self.encoded.rows(index)
        self._read_bytes += index.size * stored.itemsize * math.prod(stored.shape[1:])
        if self._read_bytes > KEPT_BYTES:
            release_pages(stored)
            self._read_bytes = 0
        return rows

    def _vary(self, window: np.ndarray, wanted: np.ndarray | None, semitones: np.ndarray, stretch: np.ndarray) -> None:
        """Transpose and stretch each window (B, L + 1, ...), and the controls beside it, in place."""
        encoding = self.encoded.encoding
        for each in np.unique(semitones[semitones != 0]).tolist():
            own = semitones == each
            window[own] = encoding.transpose(window[own], each)
            if wanted is not None:
                wanted[own] = controls.transposed(wanted[own], each)
        for factor in np.unique(stretch[stretch != 1]).tolist() if encoding.stretches else ():
            own = stretch == factor
            window[own] = encoding.stretch(window[own], factor)
            if wanted is not None:
                wanted[own] = controls.stretched(wanted[own], factor)
