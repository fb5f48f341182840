"""What a piece has in common with the training pieces of a corpus: their index, built once and kept beside the corpus.

    corpora/NAME/copies.h5    the arrays of a CopyIndex (musictool/metrics/copying.py) and what they are built from;
                              copies-1f2e3d4c.h5 for a selection of its pieces

The index of 10,000 pieces takes some 100 MB, and is read in less than 0.1 s.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from musictool.atomic import replacing
from musictool.corpus.corpus import Corpus
from musictool.metrics.copying import MIN_STRUCK, STEPS_PER_QUARTER, WINDOW, Copied, CopyIndex
from musictool.music.score import TICKS_PER_QUARTER, Score
from musictool.strict.hdf5 import new_file, open_file

log = logging.getLogger(__name__)

FILE = "copies.h5"
FORMAT = 1
ARRAYS = ("values", "lowest", "starts", "windows", "places")
PERCENTILE = 95  # of the longest runs of human pieces: longer ones count as copies
MAX_HUMAN = 100  # validation pieces that the percentile is taken over


@dataclass(frozen=True)
class CopySource:
    """Where the longest copied run of a piece comes from.

    Attributes:
        bar: of the piece, counted from 1, in which the run begins.
        piece: the id of the training piece.
        piece_bar: of that, counted from 1.
        steps: length of the run, in sixteenths.
        semitones: by which the run is higher than there.
    """

    bar: int
    piece: str
    piece_bar: int
    steps: int
    semitones: int

    def __str__(self) -> str:
        transposed = f", {self.semitones:+d} semitones" if self.semitones else ""
        return (
            f"{self.steps} sixteenths from bar {self.bar} on are {self.piece} from bar {self.piece_bar} on{transposed}"
        )


class Copies:
    """Looks pieces up in the training pieces of a corpus.

    Args:
        corpus: its index is built now if there is none.
    """

    def __init__(self, corpus: Corpus):
        self.corpus = corpus
        self.index = index_of(corpus)
        self._pieces = np.flatnonzero(~corpus.is_validation)

    def find(self, scores: Sequence[Score]) -> list[Copied]:
        """What each piece has in common with the training pieces."""
        return [self.index.find(score) for score in scores]

    def source(self, score: Score, copied: Copied) -> CopySource | None:
        """Where the longest run of a piece comes from; None if nothing is copied."""
        if copied.piece < 0:
            return None
        piece = int(self._pieces[copied.piece])
        bars = _bar(score, copied.start), _bar(self.corpus.score(piece), copied.piece_start)
        return CopySource(bars[0], self.corpus.ids[piece], bars[1], copied.longest, copied.semitones)

    def report(self, score: Score) -> str:
        """A line for people: what of a piece is copied, and whether that is more than human pieces copy."""
        copied = self.index.find(score)
        source = self.source(score, copied)
        if source is None:
            return "nothing of it is in the training pieces" if copied.windows else "too few notes to be a copy"
        if source.steps > self.p95:
            return f"warning: {source}; 95 of 100 human pieces copy at most {self.p95}"
        return f"copies no more than human pieces do: {source} (95 of 100 copy at most {self.p95})"

    @cached_property
    def human(self) -> np.ndarray:
        """int64 (pieces,): steps of the longest run of each validation piece; of some of them if there are many."""
        indices = np.flatnonzero(self.corpus.is_validation)
        chosen = indices[np.linspace(0, len(indices) - 1, min(len(indices), MAX_HUMAN)).astype(int)]
        return np.array([self.index.find(self.corpus.score(i)).longest for i in chosen.tolist()], np.int64)

    @property
    def p95(self) -> int:
        """Steps: the 95th percentile of the longest runs of human pieces, at least a window."""
        return int(max(WINDOW, np.percentile(self.human, PERCENTILE) if len(self.human) else 0))


def index_of(corpus: Corpus) -> CopyIndex:
    """The index of the training pieces of a corpus, from the file beside it, or built now and written there."""
    path = corpus.folder / (FILE if not corpus.where else f"copies-{corpus.fingerprint[:8]}.h5")
    built_from = f"{FORMAT} {WINDOW} {MIN_STRUCK} {STEPS_PER_QUARTER} {corpus.fingerprint}"
    if (index := _read(path, built_from)) is not None:
        return index
    log.info("indexing the training pieces of %s", corpus.name)
    index = CopyIndex.of(corpus.scores("train"))
    try:
        with replacing(path) as partial, new_file(partial, locking=False) as file:
            for name in ARRAYS:
                file[name] = getattr(index, name)
            file.attrs["made_of"] = built_from
    except OSError as error:  # a read-only corpus is evaluated all the same
        log.warning("%s cannot be written (%s); the index is built again each time", path, error)
    return index


def _read(path: Path, built_from: str) -> CopyIndex | None:
    try:
        with open_file(path, compressed=True, locking=False) as file:
            if file.attrs["made_of"] != built_from:
                return None
            return CopyIndex(*(file[name][:] for name in ARRAYS))
    except (OSError, KeyError, ValueError):
        return None


def _bar(score: Score, step: int) -> int:
    """The bar, counted from 1, of a sixteenth."""
    tick = step * TICKS_PER_QUARTER // STEPS_PER_QUARTER
    return int(np.searchsorted(score.bar_onsets_ticks(), tick, side="right"))
