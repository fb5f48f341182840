"""What of a piece a corpus had already: the index of its training pieces, made once and kept beside it.

    corpora/NAME/copies.h5    the arrays of a CopyIndex (musictool/metrics/copying.py) and what they were made of;
                              copies-1f2e3d4c.h5 for a selection of its pieces

The index of 10,000 pieces is some 100 MB, and is read in a moment.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np

from musictool.atomic import replacing
from musictool.corpus.corpus import Corpus
from musictool.metrics.copying import LEAST, STEPS_PER_QUARTER, WINDOW, Copied, CopyIndex
from musictool.music.score import TICKS_PER_QUARTER, Score

log = logging.getLogger(__name__)

FILE = "copies.h5"
FORMAT = 1
ARRAYS = ("values", "lowest", "starts", "windows", "places")
USUAL = 95  # of a hundred human pieces copy no more than this many steps
MOST_HUMAN = 100  # validation pieces that are looked at to know it


@dataclass(frozen=True)
class Source:
    """Where a run of a piece stands.

    Attributes:
        bar: of the piece, counted from 1, in which the run begins.
        piece: the id of the training piece.
        piece_bar: of that, counted from 1.
        steps: sixteenths that the run is long.
        semitones: by which it is higher.
    """

    bar: int
    piece: str
    piece_bar: int
    steps: int
    semitones: int

    def __str__(self) -> str:
        moved = f", {self.semitones:+d} semitones" if self.semitones else ""
        return f"{self.steps} sixteenths from bar {self.bar} on are {self.piece} from bar {self.piece_bar} on{moved}"


class Copies:
    """Looks pieces up in the training pieces of a corpus.

    Args:
        corpus: whose index is made now if it is not there.
    """

    def __init__(self, corpus: Corpus):
        self.corpus = corpus
        self.index = index_of(corpus)
        self._pieces = np.flatnonzero(~corpus.is_validation)

    def find(self, scores: Sequence[Score]) -> list[Copied]:
        """What of each piece stands in the training pieces."""
        return [self.index.find(score) for score in scores]

    def source(self, score: Score, copied: Copied) -> Source | None:
        """Where the longest run of a piece stands; None for none."""
        if copied.piece < 0:
            return None
        piece = int(self._pieces[copied.piece])
        bars = _bar(score, copied.start), _bar(self.corpus.score(piece), copied.piece_start)
        return Source(bars[0], self.corpus.ids[piece], bars[1], copied.longest, copied.semitones)

    def words(self, score: Score) -> str:
        """A line for people: what of a piece is copied, and whether that is more than people do."""
        copied = self.index.find(score)
        source = self.source(score, copied)
        if source is None:
            return "nothing of it stands in the training pieces" if copied.windows else "too few notes to be a copy"
        if source.steps > self.usual:
            return f"warning: {source}; of 100 human pieces 95 copy at most {self.usual}"
        return f"no more than people do is copied: {source} (usual are up to {self.usual})"

    @cached_property
    def human(self) -> np.ndarray:
        """int64 (pieces,): steps of the longest run of each validation piece; of some of them if there are many."""
        indices = np.flatnonzero(self.corpus.is_validation)
        chosen = indices[np.linspace(0, len(indices) - 1, min(len(indices), MOST_HUMAN)).astype(int)]
        return np.array([self.index.find(self.corpus.score(i)).longest for i in chosen.tolist()], np.int64)

    @property
    def usual(self) -> int:
        """Steps: a run is longer than people's if it is longer than this."""
        return int(max(WINDOW, np.percentile(self.human, USUAL) if len(self.human) else 0))


def index_of(corpus: Corpus) -> CopyIndex:
    """The index of the training pieces of a corpus, from the file beside it or made now and kept there."""
    path = corpus.folder / (FILE if not corpus.where else f"copies-{corpus.fingerprint[:8]}.h5")
    made_of = f"{FORMAT} {WINDOW} {LEAST} {STEPS_PER_QUARTER} {corpus.fingerprint}"
    if (found := _read(path, made_of)) is not None:
        return found
    log.info("indexing the training pieces of %s", corpus.name)
    index = CopyIndex.of(corpus.scores("train"))
    try:
        with replacing(path) as partial, h5py.File(partial, "w", locking=False) as file:
            for name in ARRAYS:
                file[name] = getattr(index, name)
            file.attrs["made_of"] = made_of
    except OSError as error:  # a corpus that may only be read is judged all the same
        log.warning("%s cannot be written (%s); the index is made anew each time", path, error)
    return index


def _read(path: Path, made_of: str) -> CopyIndex | None:
    try:
        with h5py.File(path, locking=False) as file:
            if file.attrs["made_of"] != made_of:
                return None
            return CopyIndex(*(file[name][:] for name in ARRAYS))
    except (OSError, KeyError):
        return None


def _bar(score: Score, step: int) -> int:
    """The bar, counted from 1, that a sixteenth stands in."""
    tick = step * TICKS_PER_QUARTER // STEPS_PER_QUARTER
    return int(np.searchsorted(score.bar_onsets_ticks(), tick, side="right"))
