"""All that is measured of some pieces: the samples are one set, and the pieces of people another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from musictool.evaluation.copies import Copies
from musictool.metrics.band import band_features
from musictool.metrics.copying import Copied
from musictool.metrics.distributions import distribution_features
from musictool.metrics.musical import musical_features
from musictool.metrics.variety import distances, mean_apart, share_near
from musictool.music.grid import in_steps, to_roll
from musictool.music.score import PITCHES, Score
from musictool.sampling.loops import period_of_notes

STEPS_PER_QUARTER = 4
MOST_STEPS = 256  # of each piece, sixteen bars of 4/4, that are laid over each other


@dataclass(frozen=True)
class Measures:
    """What is measured of N pieces.

    Attributes:
        names: of each piece.
        scores: the pieces.
        copied: what of each stands in the training pieces.
    """

    names: tuple[str, ...]
    scores: tuple[Score, ...]
    copied: tuple[Copied, ...]

    @classmethod
    def of(cls, names: Sequence[str], scores: Sequence[Score], copies: Copies) -> Measures:
        """The measures of some pieces, beside the training pieces of a corpus."""
        return cls(tuple(names), tuple(scores), tuple(copies.find(scores)))

    def __len__(self) -> int:
        return len(self.scores)

    @cached_property
    def musical(self) -> dict[str, np.ndarray]:
        """float64 (N,) for each of musictool.metrics.musical.FEATURES."""
        return _columns([musical_features(score) for score in self.scores])

    @cached_property
    def band(self) -> dict[str, np.ndarray]:
        """float64 (N,) for each number of musictool/metrics/band.py."""
        return _columns([band_features(score) for score in self.scores])

    @cached_property
    def distribution(self) -> dict[str, np.ndarray]:
        """float64 (N, F) for each feature of musictool/metrics/distributions.py."""
        found = [distribution_features(score) for score in self.scores]
        return {name: np.array([each[name] for each in found]) for name in (found[0] if found else ())}

    @cached_property
    def copied_share(self) -> np.ndarray:
        """float64 (N,): the share of each piece's windows that are copied; nan where none counts."""
        return np.array([each.share if each.windows else np.nan for each in self.copied])

    @cached_property
    def longest_copied(self) -> np.ndarray:
        """float64 (N,): sixteenths of the longest run of each piece."""
        return np.array([float(each.longest) for each in self.copied])

    @cached_property
    def loops(self) -> np.ndarray:
        """float64 0/1 (N,): whether each piece ends in a loop (musictool/sampling/loops.py)."""
        return np.array([float(period_of_notes(score) > 0) for score in self.scores])

    @cached_property
    def rolls(self) -> np.ndarray:
        """uint8 0/1 (N, MOST_STEPS, 2 * 128): the beginnings of the pieces, pitches and then drums."""
        return np.array([_roll(score) for score in self.scores], np.uint8).reshape(-1, MOST_STEPS, 2 * PITCHES)

    @cached_property
    def apart(self) -> np.ndarray:
        """float64 (N, N), 0 to 1: how far each two pieces are apart."""
        return distances(self.rolls)

    @property
    def variety(self) -> float:
        """The mean distance between two pieces, 0 to 1."""
        return mean_apart(self.apart)

    @property
    def near_duplicates(self) -> float:
        """The share of pieces that have a near duplicate among the others."""
        return share_near(self.apart)


def _columns(found: list[dict[str, float]]) -> dict[str, np.ndarray]:
    return {name: np.array([each[name] for each in found]) for name in (found[0] if found else ())}


def _roll(score: Score) -> np.ndarray:
    """uint8 0/1 (MOST_STEPS, 2 * 128)."""
    onsets, lengths = in_steps(score.notes, STEPS_PER_QUARTER)
    keys = score.notes["pitch"].astype(np.int64) + PITCHES * score.is_drum
    within = onsets < MOST_STEPS
    lengths = np.minimum(lengths, MOST_STEPS - onsets)
    return to_roll((keys[within], onsets[within], lengths[within]), MOST_STEPS, 2 * PITCHES)
