"""How well segments come back from their latents, which numbers of a latent are used, and how far segments lie apart.

Segments are 0/1 arrays (N, S, P, I) (musictool/encodings/segments.py). Each is looked at by itself: a note that sounds
on from the segment before begins in the first step of this one.

    precision  share of the notes that came back which are right: of that pitch, begun in that step, of any length
    recall     share of the notes that were there which came back
    f1         the harmonic mean of both (as in mir_eval's onset-only transcription scores, but exact to the step)
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from musictool.metrics._jaccard import jaccard
from musictool.music.instruments import DRUMS, INSTRUMENTS

ACTIVE_VARIANCE = 0.01  # Burda, Grosse, Salakhutdinov, "Importance Weighted Autoencoders" (2016)


def begun(segments: np.ndarray) -> np.ndarray:
    """bool of the same shape: where a note begins. Each 1 of the drums is a hit of its own."""
    sounding = np.asarray(segments, bool)
    begins = sounding.copy()
    begins[:, 1:] &= ~sounding[:, :-1]
    begins[..., DRUMS] = sounding[..., DRUMS]
    return begins


class NotesFound:
    """Counts notes that came back, over as many segments as one likes."""

    def __init__(self) -> None:
        self.right, self.said, self.real = np.zeros((3, len(INSTRUMENTS)), np.int64)

    def add(self, said: np.ndarray, real: np.ndarray) -> None:
        """What came back, and what was to: 0/1 (N, S, P, I) each."""
        first, second = begun(said), begun(real)
        for counts, which in ((self.right, first & second), (self.said, first), (self.real, second)):
            counts += which.sum(axis=(0, 1, 2))

    def scores(self) -> dict[str, tuple[float, float, float]]:
        """(precision, recall, f1) of each instrument, and of "all" notes together; nan where there is no note."""
        counts = np.stack([self.right, self.said, self.real])
        counts = np.concatenate([counts, counts.sum(axis=1, keepdims=True)], axis=1)
        return {name: _score(*counts[:, i].tolist()) for i, name in enumerate((*INSTRUMENTS, "all"))}


def note_scores(said: np.ndarray, real: np.ndarray) -> dict[str, tuple[float, float, float]]:
    """The same of one pair of arrays."""
    found = NotesFound()
    found.add(said, real)
    return found.scores()


def copied(pieces: Iterable[np.ndarray]) -> dict[str, tuple[float, float, float]]:
    """The scores of copying the segment before, of pieces (T, S, P, I): what a reconstruction has to beat by far.
    Before the first segment there is silence."""
    found = NotesFound()
    for rows in pieces:
        found.add(np.concatenate([np.zeros_like(rows[:1]), rows[:-1]]), rows)
    return found.scores()


def active_units(means: np.ndarray) -> np.ndarray:
    """int64 (I,): how many numbers of the latents (N, I, Z) of many segments differ from segment to segment."""
    return np.asarray((means.var(axis=0) > ACTIVE_VARIANCE).sum(axis=1))


def apart(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """float64 (N, M, I), in [0, 1]: how far each of N segments (N, S, P, I) lies from each of M, by instrument.

    It is the share of the cells that sound in either and not in both (Jaccard's distance); 0 where both are silent.
    """
    return np.stack([jaccard(first[..., i], second[..., i]) for i in range(first.shape[-1])], axis=-1)


def _score(right: int, said: int, real: int) -> tuple[float, float, float]:
    precision, recall = (right / of if of else float("nan") for of in (said, real))
    return precision, recall, 2 * right / (said + real) if said + real else float("nan")
