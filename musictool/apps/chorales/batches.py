"""Chorales as rows of a model, and windows of them as batches.

There are two forms. As tokens a step is four of them, soprano to bass, and a token is a pitch or a rest; the sequence
is what the published models read. As frames a step is one row of four keyboards of 0/1; the probability of a frame is
that of its four tokens together, so the nats of both add up to the same quantity.

Beside each row the network is given a clock (musictool/apps/polyphony/windows.py), and of tokens the voice: both follow
from how many tokens stand before, and say nothing of the notes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from musictool.apps.chorales.pieces import PITCHES, REST, VOICES, Piece
from musictool.apps.polyphony import windows
from musictool.apps.polyphony.windows import CLOCK, Window
from musictool.dataset.windows import Batch
from musictool.encoding import FIRST_TOKEN, START, Spec


class Form(ABC):
    """How a model reads a chorale.

    Class attributes:
        spec: of its rows.
        side_inputs: C, numbers beside each row.
    """

    spec: ClassVar[Spec]
    side_inputs: ClassVar[int]

    @abstractmethod
    def rows(self, piece: Piece) -> np.ndarray:
        """The row that stands before the piece, and the rows of its T steps: (T + 1, numbers of a step)."""

    @abstractmethod
    def batch(self, pieces: Sequence[np.ndarray], plan: Sequence[Window], steps: int) -> Batch:
        """Windows of such rows, padded with mask 0, in a batch of at most so many steps."""


class Frames(Form):
    """Four keyboards, soprano to bass, behind one another; a rest is silence."""

    spec = Spec("frames", (VOICES * PITCHES,), VOICES * PITCHES)
    side_inputs = CLOCK

    def rows(self, piece: Piece) -> np.ndarray:
        rows = np.zeros((len(piece) + 1, VOICES, PITCHES), np.uint8)
        step, voice = np.nonzero(piece != REST)
        rows[step + 1, voice, piece[step, voice]] = 1
        return rows.reshape(len(rows), -1)

    def batch(self, pieces: Sequence[np.ndarray], plan: Sequence[Window], steps: int) -> Batch:
        return windows.batch(pieces, plan, steps)


class Tokens(Form):
    """Four tokens: rest or pitch."""

    spec = Spec("tokens", (), FIRST_TOKEN + 1 + PITCHES)
    side_inputs = CLOCK + VOICES

    def rows(self, piece: Piece) -> np.ndarray:
        return np.concatenate([np.full((1, VOICES), START), FIRST_TOKEN - REST + piece]).astype(np.int32)

    def batch(self, pieces: Sequence[np.ndarray], plan: Sequence[Window], steps: int) -> Batch:
        # the windows of steps, then each step as four tokens, each with the one before it as input
        x, y, mask, clock = windows.batch(pieces, plan, steps)
        size, length, _ = y.shape
        tokens = np.concatenate([x[:, 0, -1:], y.reshape(size, -1)], axis=1).astype(np.int32)  # (B, 4 L + 1)
        voices = np.broadcast_to(np.eye(VOICES, dtype=np.float32), (size, length, VOICES, VOICES))
        side_inputs = np.concatenate([np.broadcast_to(clock[:, :, None], (*voices.shape[:3], CLOCK)), voices], axis=-1)
        return Batch(
            tokens[:, :-1], tokens[:, 1:], mask.repeat(VOICES, axis=1), side_inputs.reshape(size, -1, self.side_inputs)
        )


class ChoraleWindows:
    """The batches of a run (musictool.dataset.windows.BatchSource) over training pieces.

    Args:
        pieces: to learn from.
        form: that the model reads.
        steps: of the grid per batch, at most.
        shifts: semitones drawn from for each window.
        seed: fixes the cuts, the order and the shifts of every epoch.
    """

    encoded = None

    def __init__(self, pieces: Sequence[Piece], form: Form, steps: int, shifts: Sequence[int], seed: int):
        self.pieces, self.form, self.frames, self.shifts, self.seed = pieces, form, steps, np.array(shifts), seed
        self._rows = [form.rows(piece) for piece in pieces]

    def training_plan(self, epoch: int) -> list[list[tuple[Window, int]]]:
        """The windows of each batch of a pass, each with its shift."""
        rng = np.random.default_rng((self.seed, epoch))
        plan = windows.training_windows(self._rows, rng)
        shifts = rng.choice(self.shifts, len(plan)).tolist()
        return [[(plan[i], shifts[i]) for i in group] for group in windows.grouped(plan, self.frames, rng)]

    def validation_plan(self) -> list[list[tuple[Window, int]]]:
        """None: the validation pieces are scored by the protocol."""
        return []

    def steps(self, plan: list[list[tuple[Window, int]]]) -> int:
        """Batches in a pass."""
        return len(plan)

    def batch(self, plan: list[list[tuple[Window, int]]], step: int, part: int = 0, parts: int = 1) -> Batch:
        """One batch of a pass; it has one part."""
        chosen = [(window._replace(piece=i), window.piece, shift) for i, (window, shift) in enumerate(plan[step])]
        rows = [self._shifted(piece, shift) for _, piece, shift in chosen]
        return self.form.batch(rows, [window for window, _, _ in chosen], self.frames)

    def signature(self, parts: int = 1) -> Batch:
        """(shape, dtype) of each array; batches differ in B and L."""
        spec, floats = self.form.spec, np.dtype(np.float32)
        rows = ((None, None, *spec.shape), spec.dtype)
        return Batch(rows, rows, ((None, None), floats), ((None, None, self.form.side_inputs), floats))

    def _shifted(self, index: int, shift: int) -> np.ndarray:
        if not shift:
            return self._rows[index]
        piece = self.pieces[index]
        return self.form.rows(np.where(piece == REST, REST, piece + shift))
