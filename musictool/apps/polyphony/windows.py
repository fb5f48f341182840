"""Pieces of all lengths as batches of few shapes.

Pieces of similar length share a batch, so that there is little padding; a step has about as many frames whatever their
length. A batch is as a stage takes it (musictool/dataset/windows.py): x are the frames up to the last but one, y those
from the second on, and its side input is a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from musictool.apps.polyphony.rolls import Piece
from musictool.dataset.windows import Batch

LENGTHS = (32, 64, 96, 128, 192, 256, 384, 512)  # of windows; each is compiled by itself, so there are few
MAX_LENGTH = 256  # of a training window
CONTEXT = 256  # frames of a long piece that are given, but not scored, before those that are
JITTER = 0.25  # of the lengths by which windows are grouped, so that groups differ from epoch to epoch
PERIODS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)  # of the clock, frames
CLOCK = 2 * len(PERIODS) + 1


class Window(NamedTuple):
    """Frames start + 1 .. start + length of a piece are predicted, the first `context` of them without being scored."""

    piece: int
    start: int
    length: int
    context: int = 0


def training_windows(pieces: Sequence[Piece], rng: np.random.Generator) -> list[Window]:
    """One pass over the pieces: each whole, or cut at random."""
    windows = []
    for index, piece in enumerate(pieces):
        targets = len(piece) - 1
        starts = [0, *range(int(rng.integers(1, MAX_LENGTH + 1)), targets, MAX_LENGTH)] if targets > MAX_LENGTH else [0]
        for start in starts:
            start = max(0, min(start, targets - MAX_LENGTH))
            windows.append(Window(index, start, min(MAX_LENGTH, targets - start)))
    return windows


def scoring_windows(pieces: Sequence[Piece]) -> list[Window]:
    """Every target of every piece once, in order: whole pieces, or windows after CONTEXT frames."""
    windows = []
    for index, piece in enumerate(pieces):
        done, targets = 0, len(piece) - 1
        while done < targets:
            context = min(done, CONTEXT)
            end = min(targets, done + LENGTHS[-1] - context)
            windows.append(Window(index, done - context, end - done + context, context))
            done = end
    return windows


def grouped(windows: Sequence[Window], frames: int, rng: np.random.Generator | None = None) -> list[list[int]]:
    """The indices of windows for batches of at most so many frames (or a single window); with `rng` at random."""
    lengths = np.array([window.length for window in windows], np.float64)
    if rng is not None:
        lengths *= rng.uniform(1 - JITTER, 1 + JITTER, len(lengths))
    batches: list[list[int]] = [[]]
    longest = 0
    for index in np.argsort(lengths, kind="stable").tolist():
        longest = max(longest, windows[index].length)
        if batches[-1] and (len(batches[-1]) + 1) * _rounded(longest) > frames:
            batches.append([])
            longest = windows[index].length
        batches[-1].append(index)
    if rng is not None:
        rng.shuffle(batches)
    return batches


def batch(pieces: Sequence[Piece], windows: Sequence[Window], frames: int) -> Batch:
    """The batch of these windows, padded with mask 0 to its shape."""
    length = _rounded(max(window.length for window in windows))
    size = max(1, frames // length)
    x = np.zeros((size, length, pieces[0].shape[1]), np.uint8)
    y, mask, start = np.zeros_like(x), np.zeros((size, length), np.float32), np.zeros((size, 1), np.int64)
    for row, (piece, first, count, context) in enumerate(windows):
        rows = pieces[piece][first : first + count + 1]
        x[row, :count], y[row, :count], mask[row, context:count], start[row] = rows[:-1], rows[1:], 1, first
    return Batch(x, y, mask, clock(start + 1 + np.arange(length)))


def clock(frames: np.ndarray) -> np.ndarray:
    """float32 (..., CLOCK) for int (...), the numbers of the frames to be predicted."""
    angle = 2 * np.pi * frames[..., None] / np.array(PERIODS)
    beginning = np.exp(-frames / 16)[..., None]
    return np.concatenate([np.sin(angle), np.cos(angle), beginning], axis=-1).astype(np.float32)


class RollWindows:
    """The batches of a run (musictool.dataset.windows.BatchSource) over training pieces.

    Args:
        pieces: uint8 0/1 (T, D) each.
        frames: per batch, at most.
        seed: of the cuts and the order. The draws of an epoch go on from those of the one before, so a run reads them
            from the first epoch on.
    """

    encoded = None

    def __init__(self, pieces: Sequence[Piece], frames: int, seed: int):
        self.pieces, self.frames = pieces, frames
        self._rng = np.random.default_rng(seed)

    def training_plan(self, epoch: int) -> list[list[Window]]:
        """The windows of each batch of the next pass."""
        windows = training_windows(self.pieces, self._rng)
        return [[windows[index] for index in group] for group in grouped(windows, self.frames, self._rng)]

    def validation_plan(self) -> list[list[Window]]:
        """None: the validation pieces are scored by the protocol."""
        return []

    def steps(self, plan: list[list[Window]]) -> int:
        """Batches in a pass."""
        return len(plan)

    def batch(self, plan: list[list[Window]], step: int, part: int = 0, parts: int = 1) -> Batch:
        """One batch of a pass; it has one part."""
        return batch(self.pieces, plan[step], self.frames)

    def signature(self, parts: int = 1) -> Batch:
        """(shape, dtype) of each array; batches differ in B and L."""
        rows, floats = ((None, None, self.pieces[0].shape[1]), np.dtype(np.uint8)), np.dtype(np.float32)
        return Batch(rows, rows, ((None, None), floats), ((None, None, CLOCK), floats))


def _rounded(length: int) -> int:
    """The shortest of LENGTHS that holds a window."""
    return next(allowed for allowed in LENGTHS if allowed >= length)
