"""Human pieces to hold samples against: some validation pieces of a corpus, and as many training pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

import numpy as np

from musictool.corpus.corpus import Corpus
from musictool.errors import BadCorpus
from musictool.evaluation.copies import Copies
from musictool.evaluation.measures import Measures
from musictool.music.score import Score


class Yardstick:
    """The human pieces of a corpus.

    Args:
        corpus: with at least one validation piece.
        num: pieces of either side, at most.
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
            np.sort(rng.permutation(np.flatnonzero(corpus.is_validation == side))[:num]).tolist()
            for side in (True, False)
        )
        if not self.validation:
            raise BadCorpus(
                f"{corpus.name} has no validation piece to hold music against; one of two pieces or more has"
            )
        self.copies = Copies(corpus)

    @cached_property
    def scores(self) -> list[Score]:
        """The validation pieces, whole."""
        return [self.corpus.score(index) for index in self.validation]

    def validation_measures(self, bars: int, told: Callable[[Score], Score] = lambda score: score) -> Measures:
        """The measures of the first bars of the validation pieces.

        Args:
            bars: how many.
            told: what becomes of each piece first, such as that it is moved to C.
        """
        return Measures.of(*self._cut(self.validation, self.scores, bars, told), self.copies)

    def training_measures(self, bars: int, told: Callable[[Score], Score] = lambda score: score) -> Measures:
        """The same of the training pieces; nothing is said of copies, as each is its own."""
        pieces = (self.corpus.score(index) for index in self.training)
        names, scores = self._cut(self.training, pieces, bars, told)
        return Measures(tuple(names), tuple(scores), ())

    def _cut(
        self, indices: Sequence[int], pieces: Iterable[Score], bars: int, told: Callable[[Score], Score]
    ) -> tuple[list[str], list[Score]]:
        cut = [score.until(score.bar_line_ticks(bars)) for score in map(told, pieces)]
        return [self.corpus.ids[index] for index in indices], cut
