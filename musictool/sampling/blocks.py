"""The blocks of Gibbs sampling in voices: what is drawn at once, step by step or note by note.

Shapes in comments: B pieces, T steps, V voices, C = 1 + S K classes: 0 rests, 1 + k holds key k, 1 + K + k strikes it.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

NONE = -1


class Blocks(Protocol):
    """What is hidden and drawn together."""

    def chosen(self, share: float, pieces: int, rng: np.random.Generator) -> np.ndarray:
        """bool (B, T, V): about this share of what is free, drawn for each piece."""

    def write(self, classes: np.ndarray, is_hidden: np.ndarray, logits: np.ndarray, rng: np.random.Generator) -> None:
        """Draw what is hidden, bool (B, T, V), from logits float32 (B, T, V, C), into classes (B, T, V)."""


class StepBlocks:
    """Each step of a voice by itself.

    Args:
        is_free: bool (T, V).
    """

    def __init__(self, is_free: np.ndarray):
        self.is_free = is_free

    def chosen(self, share: float, pieces: int, rng: np.random.Generator) -> np.ndarray:
        return (rng.random((pieces, *self.is_free.shape)) < share) & self.is_free

    def write(self, classes: np.ndarray, is_hidden: np.ndarray, logits: np.ndarray, rng: np.random.Generator) -> None:
        classes[is_hidden] = _drawn(logits[is_hidden], rng)


class NoteBlocks:
    """Each note as a whole, with the rhythm that it has: a key for all its steps, from the mean of their logits.

    Args:
        classes: int (T, V), the notes whose rhythm is kept.
        is_free: bool (T, V); free rests stay.
        keys: K.
    """

    def __init__(self, classes: np.ndarray, is_free: np.ndarray, keys: int):
        self.keys = keys
        self.way, key = np.divmod(classes - 1, keys)
        is_note = is_free & (classes > 0)
        # a note begins where it is struck, or where none of its key was held just before
        goes_on = np.zeros_like(is_note)
        goes_on[1:] = is_note[1:] & is_note[:-1] & (self.way[1:] == 0) & (key[1:] == key[:-1])
        begins = is_note & ~goes_on
        numbers = begins.T.cumsum().reshape(begins.T.shape).T - 1  # counted voice by voice
        self.note = np.where(is_note, numbers, NONE)  # (T, V)
        self.steps = np.bincount(numbers[is_note], minlength=int(begins.sum()))  # of each note

    def chosen(self, share: float, pieces: int, rng: np.random.Generator) -> np.ndarray:
        notes = rng.random((pieces, len(self.steps) + 1)) < share
        notes[:, NONE] = False
        return notes[:, self.note]

    def write(self, classes: np.ndarray, is_hidden: np.ndarray, logits: np.ndarray, rng: np.random.Generator) -> None:
        piece, step, voice = np.nonzero(is_hidden)
        # the logits of all keys in the way that each step has, and their mean over the steps of a note
        first = 1 + self.way[step, voice] * self.keys
        of_steps = logits[piece[:, None], step[:, None], voice[:, None], first[:, None] + np.arange(self.keys)]
        note = piece * len(self.steps) + self.note[step, voice]
        total = np.zeros((len(classes) * len(self.steps), self.keys), np.float32)
        np.add.at(total, note, of_steps)
        hidden = np.unique(note)
        key = np.zeros(len(total), np.int64)
        key[hidden] = _drawn(total[hidden] / self.steps[hidden % len(self.steps), None], rng)
        classes[is_hidden] = first + key[note]


def _drawn(logits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """int (N,): a class of each row of logits float32 (N, C), by its probability (the Gumbel trick)."""
    uniform = rng.random(logits.shape, dtype=np.float32)
    gumbel = -np.log(-np.log(np.maximum(uniform, np.finfo(np.float32).tiny)))
    return np.argmax(logits + gumbel, axis=-1)
