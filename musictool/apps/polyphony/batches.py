"""Pieces of all lengths as batches of few shapes.

Pieces of like length stand together, so that little is padding; a step sees about as many frames whatever their length.
Every batch is (x, y, mask, conditions) as a stage takes it (musictool/dataset/windows.py): x the frames up to the last
but one, y those from the second on, and for conditions the clock of musictool/apps/polyphony/network.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from musictool.apps.polyphony.network import clock
from musictool.apps.polyphony.rolls import Piece
from musictool.dataset.windows import Batch

LENGTHS = (32, 64, 96, 128, 256, 512)  # of windows; each is compiled by itself, so there are few
LONGEST = 256  # of a training window
CONTEXT = 256  # frames of a long piece that are heard, but not scored, before the window that is
UNEVEN = 0.25  # how much shorter or longer than it is a window may seem when like ones are put together


class Window(NamedTuple):
    """Frames start + 1 .. start + length of a piece are foretold, the first `context` of them for nothing."""

    piece: int
    start: int
    length: int
    context: int = 0


def training_windows(pieces: Sequence[Piece], rng: np.random.Generator) -> list[Window]:
    """One pass over the pieces: each whole, or cut at places drawn anew."""
    windows = []
    for index, piece in enumerate(pieces):
        targets = len(piece) - 1
        starts = [0, *range(int(rng.integers(1, LONGEST + 1)), targets, LONGEST)] if targets > LONGEST else [0]
        for start in starts:
            start = max(0, min(start, targets - LONGEST))
            windows.append(Window(index, start, min(LONGEST, targets - start)))
    return windows


def scoring_windows(pieces: Sequence[Piece]) -> list[Window]:
    """Every target of every piece once, piece after piece, in order; whole, or after CONTEXT frames from before."""
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
    """Which windows make a batch of at most so many frames (or a single window); with `rng` another way each time."""
    lengths = np.array([window.length for window in windows], np.float64)
    if rng is not None:
        lengths *= rng.uniform(1 - UNEVEN, 1 + UNEVEN, len(lengths))
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
    """The batch of these windows, filled up with mask 0 to its shape."""
    length = _rounded(max(window.length for window in windows))
    size = max(1, frames // length)
    x = np.zeros((size, length, pieces[0].shape[1]), np.uint8)
    y, mask, start = np.zeros_like(x), np.zeros((size, length), np.float32), np.zeros((size, 1), np.int64)
    for row, (piece, first, count, context) in enumerate(windows):
        rows = pieces[piece][first : first + count + 1]
        x[row, :count], y[row, :count], mask[row, context:count], start[row] = rows[:-1], rows[1:], 1, first
    return Batch(x, y, mask, clock(start + 1 + np.arange(length)))


def stream(pieces: Sequence[Piece], frames: int, rng: np.random.Generator) -> Iterator[Batch]:
    """The batches of one pass over the training pieces."""
    windows = training_windows(pieces, rng)
    for group in grouped(windows, frames, rng):
        yield batch(pieces, [windows[index] for index in group], frames)


def _rounded(length: int) -> int:
    """The shortest of LENGTHS that holds a window."""
    return next(each for each in LENGTHS if each >= length)
