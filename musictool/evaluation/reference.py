"""What is measured of a set of pieces, and the human pieces of a corpus that samples are compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from musictool.corpus.corpus import Corpus
from musictool.errors import BadCorpus
from musictool.evaluation.copies import Copies
from musictool.metrics.band import band_features
from musictool.metrics.copying import Copied
from musictool.metrics.distributions import distribution_features
from musictool.metrics.musical import musical_features
from musictool.metrics.variety import distances, mean_distance, share_near
from musictool.music.grid import in_steps, to_roll
from musictool.music.score import PITCHES, Score
from musictool.sampling.loops import period_of_notes

STEPS_PER_QUARTER = 4
MAX_STEPS = 256  # of each piece, sixteen bars of 4/4, that are compared as rolls


@dataclass(frozen=True)
class Measures:
    """The measures of N pieces.

    Attributes:
        names: of each piece.
        scores: the pieces.
        copied: what each has in common with the training pieces.
    """

    names: tuple[str, ...]
    scores: tuple[Score, ...]
    copied: tuple[Copied, ...]

    @classmethod
    def of(cls, names: Sequence[str], scores: Sequence[Score], copies: Copies) -> Measures:
        """The measures of some pieces, with their copies from the training pieces of a corpus."""
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
        return _columns([distribution_features(score) for score in self.scores])

    @cached_property
    def copied_share(self) -> np.ndarray:
        """float64 (N,): the share of each piece's windows that are copied; nan where none counts."""
        return np.array([copied.share if copied.windows else np.nan for copied in self.copied])

    @cached_property
    def longest_copied(self) -> np.ndarray:
        """float64 (N,): sixteenths of the longest run of each piece."""
        return np.array([float(copied.longest) for copied in self.copied])

    @cached_property
    def loops(self) -> np.ndarray:
        """float64 0/1 (N,): whether each piece ends in a loop (musictool/sampling/loops.py)."""
        return np.array([float(period_of_notes(score) > 0) for score in self.scores])

    @cached_property
    def rolls(self) -> np.ndarray:
        """uint8 0/1 (N, MAX_STEPS, 2 * 128): the beginnings of the pieces, pitches and then drums."""
        return np.array([_roll(score) for score in self.scores], np.uint8).reshape(-1, MAX_STEPS, 2 * PITCHES)

    @cached_property
    def distances(self) -> np.ndarray:
        """float64 (N, N), 0 to 1: the distance of each two pieces."""
        return distances(self.rolls)

    @property
    def variety(self) -> float:
        """The mean distance of two pieces, 0 to 1."""
        return mean_distance(self.distances)

    @property
    def near_duplicates(self) -> float:
        """The share of pieces that have a near duplicate among the others."""
        return share_near(self.distances)


class Reference:
    """Human pieces: some validation pieces of a corpus, and as many training pieces.

    Args:
        corpus: with at least one validation piece.
        num: pieces of either split, at most.
        seed: which ones, if there are more.

    Attributes:
        corpus, copies: as given, and the index of its training pieces.
        validation, training: the chosen pieces, by their numbers in the corpus.

    Raises:
        BadCorpus: if there is no validation piece.
    """

    def __init__(self, corpus: Corpus, num: int, seed: int):
        rng = np.random.default_rng(seed)
        self.corpus = corpus
        self.validation, self.training = (
            np.sort(rng.permutation(np.flatnonzero(corpus.is_validation == split))[:num]).tolist()
            for split in (True, False)
        )
        if not self.validation:
            raise BadCorpus(
                f"{corpus.name} has no validation piece to compare with; a corpus of two pieces or more has one"
            )
        self.copies = Copies(corpus)

    @cached_property
    def scores(self) -> list[Score]:
        """The validation pieces, whole."""
        return [self.corpus.score(index) for index in self.validation]

    def validation_measures(self, bars: int, prepare: Callable[[Score], Score] = lambda score: score) -> Measures:
        """The measures of the first bars of the validation pieces.

        Args:
            bars: how many.
            prepare: applied to each piece before it is cut, such as its transposition to C.
        """
        return Measures.of(*self._beginnings(self.validation, self.scores, bars, prepare), self.copies)

    def validation_scores(
        self, bars: int | None, prepare: Callable[[Score], Score] = lambda score: score
    ) -> list[Score]:
        """The first bars of the validation pieces, or the whole pieces, with the same arguments."""
        pieces = map(prepare, self.scores)
        return list(pieces) if bars is None else [score.until(score.bar_line_ticks(bars)) for score in pieces]

    def training_measures(self, bars: int, prepare: Callable[[Score], Score] = lambda score: score) -> Measures:
        """The same of the training pieces, without copies, as each is a copy of itself."""
        pieces = (self.corpus.score(index) for index in self.training)
        names, scores = self._beginnings(self.training, pieces, bars, prepare)
        return Measures(tuple(names), tuple(scores), ())

    def _beginnings(
        self, indices: Sequence[int], pieces: Iterable[Score], bars: int, prepare: Callable[[Score], Score]
    ) -> tuple[list[str], list[Score]]:
        scores = [score.until(score.bar_line_ticks(bars)) for score in map(prepare, pieces)]
        return [self.corpus.ids[index] for index in indices], scores


def _columns(rows: Sequence[dict[str, float] | dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())}


def _roll(score: Score) -> np.ndarray:
    """uint8 0/1 (MAX_STEPS, 2 * 128)."""
    onsets, lengths = in_steps(score.notes, STEPS_PER_QUARTER)
    keys = score.notes["pitch"].astype(np.int64) + PITCHES * score.is_drum
    within = onsets < MAX_STEPS
    lengths = np.minimum(lengths, MAX_STEPS - onsets)
    return to_roll((keys[within], onsets[within], lengths[within]), MAX_STEPS, 2 * PITCHES)
