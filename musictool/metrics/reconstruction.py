"""How well segments are reconstructed from their latents, how many numbers of these are in use, and distances.

Segments are 0/1 arrays (N, S, P, I) (musictool/encodings/segments.py). Each is taken by itself: a note that sounds on
from the segment before begins in the first step of this one.

    precision  share of the decoded notes that are right: same pitch and onset step, any length
    recall     share of the original notes that were decoded
    f1         the harmonic mean of both (as in mir_eval's onset-only transcription scores, but exact to the step)
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from musictool.metrics.variety import jaccard
from musictool.music.instruments import DRUMS, INSTRUMENTS

ACTIVE_VARIANCE = 0.01  # Burda, Grosse, Salakhutdinov, "Importance Weighted Autoencoders" (2016)


def onsets(segments: np.ndarray) -> np.ndarray:
    """bool of the same shape: where a note begins. Each 1 of the drums is a hit of its own."""
    sounding = np.asarray(segments, bool)
    begins = sounding.copy()
    begins[:, 1:] &= ~sounding[:, :-1]
    begins[..., DRUMS] = sounding[..., DRUMS]
    return begins


class NoteCounts:
    """Counts right, decoded and original notes of segments that are added batch by batch."""

    def __init__(self) -> None:
        self.right, self.decoded, self.original = np.zeros((3, len(INSTRUMENTS)), np.int64)

    def add(self, decoded: np.ndarray, original: np.ndarray) -> None:
        """Count segments, 0/1 (N, S, P, I) each."""
        in_decoded, in_original = onsets(decoded), onsets(original)
        self.right += (in_decoded & in_original).sum(axis=(0, 1, 2))
        self.decoded += in_decoded.sum(axis=(0, 1, 2))
        self.original += in_original.sum(axis=(0, 1, 2))

    def scores(self) -> dict[str, tuple[float, float, float]]:
        """(precision, recall, f1) of each instrument, and of "all" notes together; nan where there is no note."""
        counts = np.stack([self.right, self.decoded, self.original])  # (3, I)
        counts = np.concatenate([counts, counts.sum(axis=1, keepdims=True)], axis=1)
        return {name: _score(*counts[:, i].tolist()) for i, name in enumerate((*INSTRUMENTS, "all"))}


def note_scores(decoded: np.ndarray, original: np.ndarray) -> dict[str, tuple[float, float, float]]:
    """The scores of one pair of arrays."""
    counts = NoteCounts()
    counts.add(decoded, original)
    return counts.scores()


def scores_of_copying(pieces: Iterable[np.ndarray]) -> dict[str, tuple[float, float, float]]:
    """A baseline: the scores of giving out the segment before, for pieces (T, S, P, I); silence for the first."""
    counts = NoteCounts()
    for rows in pieces:
        counts.add(np.concatenate([np.zeros_like(rows[:1]), rows[:-1]]), rows)
    return counts.scores()


def active_units(means: np.ndarray) -> np.ndarray:
    """int64 (I,): how many of the Z numbers of latents (N, I, Z) vary from segment to segment by ACTIVE_VARIANCE."""
    return np.asarray((means.var(axis=0) > ACTIVE_VARIANCE).sum(axis=1))


def instrument_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """float64 (N, M, I), in [0, 1]: the distance of each of N segments (N, S, P, I) from each of M, by instrument.

    Jaccard's: the share of what sounds in either that does not sound in both; 0 where both are silent.
    """
    return np.stack([jaccard(first[..., i], second[..., i]) for i in range(first.shape[-1])], axis=-1)


def _score(right: int, decoded: int, original: int) -> tuple[float, float, float]:
    precision, recall = (right / notes if notes else float("nan") for notes in (decoded, original))
    return precision, recall, 2 * right / (decoded + original) if decoded + original else float("nan")
