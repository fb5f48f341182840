"""Whether a model says more than one thing: how far its pieces lie from each other, and which are the same.

Two 0/1 rolls are as far apart as the share of what sounds in either that does not sound in both (Jaccard 1912). A
generator that has collapsed writes the same piece whatever it is asked, and all distances go to 0.

Honest limit: the rolls are laid over each other as they are. The same piece a step later or a semitone higher counts as
another.
"""

from __future__ import annotations

import numpy as np

from musictool.metrics._jaccard import jaccard

NEAR = 0.1  # of what sounds in either: two pieces that differ by less are told as one


def distances(rolls: np.ndarray) -> np.ndarray:
    """float64 (N, N), 0 to 1: how far each two of 0/1 (N, ...) lie apart; 0 for two in which nothing sounds."""
    return jaccard(rolls, rolls)


def variety(rolls: np.ndarray) -> float:
    """The mean distance between two of the rolls, 0 to 1: 0 if all are the same; 0 for fewer than two.

    Args:
        rolls: uint8 or bool 0/1 (N, ...).
    """
    return mean_apart(distances(rolls))


def mean_apart(apart: np.ndarray) -> float:
    """The same, of the distances (N, N)."""
    count = len(apart)
    return float(apart.sum() / (count * (count - 1))) if count > 1 else 0.0


def near_duplicates(rolls: np.ndarray, within: float = NEAR) -> float:
    """The share of the rolls, 0 to 1, that have another one no further away than `within`; 0 for no rolls.

    Args:
        rolls: uint8 or bool 0/1 (N, ...).
        within: a distance, 0 for only what is the same.
    """
    return share_near(distances(rolls), within)


def share_near(apart: np.ndarray, within: float = NEAR) -> float:
    """The same, of the distances (N, N)."""
    others = apart + np.diag(np.full(len(apart), np.inf))
    return float((others <= within).any(axis=1).mean()) if len(apart) else 0.0
