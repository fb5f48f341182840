"""Nats a frame by the protocol of Boulanger-Lewandowski et al. (2012), as the code of Bai et al. (2018) has it.

The nats of a frame are the sum over its 88 keys; the first frame of a piece is not scored; the number that papers
print is the mean over all frames of all pieces. A mean over pieces of their means is another number, which some papers
print instead (0.4 nats lower on MuseData), so it stands beside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from musictool.apps.polyphony.rolls import KEYS, Piece

Nats = Callable[[Piece], np.ndarray]  # a piece -> float64 (T - 1,), the nats of its frames from the second on


@dataclass(frozen=True)
class Score:
    """How well a model foretells a split.

    Attributes:
        nats: a frame, weighted by frame: the number of the protocol.
        piece_nats: a frame, weighted by piece.
        frames: that were scored.
    """

    nats: float
    piece_nats: float
    frames: int

    @classmethod
    def of(cls, nats: Iterable[np.ndarray]) -> Score:
        """From the nats of the frames of each piece."""
        pieces = [np.asarray(each, np.float64) for each in nats]
        every = np.concatenate(pieces)
        return cls(float(every.mean()), float(np.mean([each.mean() for each in pieces])), len(every))


def floors(training: Sequence[Piece]) -> dict[str, Nats]:
    """What a model has to beat, counted in the training pieces, each count one more than seen.

    Returns:
        "unigram", how often each key sounds, whatever came before; and "markov", the same where the key sounded in the
        frame before, and where it did not.
    """
    frames, sounding = _counts(training)
    often = _share(sounding.sum(axis=0), frames.sum(axis=0))
    silent_before, sounding_before = _share(sounding, frames)

    def unigram(piece: Piece) -> np.ndarray:
        return bernoulli(np.broadcast_to(often, piece[1:].shape), piece[1:])

    def markov(piece: Piece) -> np.ndarray:
        return bernoulli(np.where(piece[:-1], sounding_before, silent_before), piece[1:])

    return {"unigram": unigram, "markov": markov}


def log_odds(training: Sequence[Piece]) -> np.ndarray:
    """float64 (2, 88): of each key, that it sounds where it was silent in the frame before, and where it sounded."""
    frames, sounding = _counts(training)
    share = _share(sounding, frames)
    return np.asarray(np.log(share) - np.log1p(-share))


def _counts(training: Sequence[Piece]) -> tuple[np.ndarray, np.ndarray]:
    """Two int64 (2, 88): of each key the frames before which it was silent, and sounded; those in which it sounds."""
    frames, sounding = np.zeros((2, 2, KEYS), np.int64)
    for piece in training:
        before, after = piece[:-1].astype(bool), piece[1:].astype(bool)
        for held, where in enumerate((~before, before)):
            frames[held] += where.sum(axis=0)
            sounding[held] += (where & after).sum(axis=0)
    return frames, sounding


def _share(times: np.ndarray, of: np.ndarray) -> np.ndarray:
    return np.asarray((times + 1) / (of + 2))


def bernoulli(chance: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """float64 (T,): the nats of 0/1 (T, D) under the chance of each key to sound, (T, D) in (0, 1)."""
    return np.asarray(-np.where(frames, np.log(chance), np.log1p(-chance)).sum(axis=1))
