"""What all segment archs share: they write a piece segment by segment, each in view of the one before.

A segment is 32 steps x 128 pitches x 5 instruments, 0 or 1 (musictool/encodings/segments.py). An arch of this kind says
what follows a segment (`follow`); the loop, the cuts that make 0 and 1 of probabilities, and the counting of these cuts
stand here.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from musictool.arch import Arch
from musictool.backend.compile import compiled
from musictool.dataset.dataset import Encoded
from musictool.dataset.windows import Batch
from musictool.encoding import Kind
from musictool.errors import BadCorpus
from musictool.music.instruments import INSTRUMENTS
from musictool.music.score import PITCHES
from musictool.sampling.binarising import BERNOULLI, NEVER_CUT, Densities, cuts
from musictool.sampling.sampler import FREE, Guidance, Sampler

log = logging.getLogger(__name__)

LEAST = 8  # segments, to learn anything from
COUNTED = 256  # segments from which the thresholds are counted, about
USUAL_CHORDS = 0.99  # of the steps in which an instrument plays have no more keys than are allowed at once
TURNS, AHEAD = 2, 3  # how often they are counted again, and how many segments are written for it from each place
AT_ONCE = 64  # segments that are foretold in one call


@dataclass(frozen=True)
class Drawing:
    """How segments are drawn.

    Attributes:
        sampler, guidance: see SegmentsArch.continuation.
        rng: for all that is random; it moves on with every segment.
    """

    sampler: Sampler
    guidance: Guidance
    rng: np.random.Generator


def plain_drawing(seed: int) -> Drawing:
    """As a user gets it who asks for nothing."""
    return Drawing(Sampler(), FREE, np.random.default_rng(seed))


class SegmentsNetwork(keras.Model):
    """A network of segments, with the thresholds that were counted for it."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.thresholds = self.counted("thresholds", 0.5)

    def counted(self, name: str, before: float) -> Any:
        """A variable (I,) that is counted and not trained; `before` it is counted it has this value."""
        start = keras.initializers.Constant(before)
        return self.add_weight((len(INSTRUMENTS),), start, name=name, trainable=False, autocast=False)


class WritingNetwork(SegmentsNetwork):
    """It knows besides how many keys of an instrument sound at once at the most."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.most = self.counted("most", PITCHES)


class SegmentsArch(Arch):
    """An arch that writes segment after segment. A subclass gives its network, `follow` and `probabilities`."""

    kind: ClassVar[Kind] = "segments"
    DEFAULT_ENCODING: ClassVar[str] = "segments"
    WINDOW: ClassVar[int] = 4
    BATCH_SIZE: ClassVar[int] = 16
    LEARNING_RATE: ClassVar[float] = 1e-3
    BFLOAT16_ON_CPU: ClassVar[bool] = False

    @abstractmethod
    def follow(self, before: np.ndarray, drawing: Drawing, melody: np.ndarray | None = None) -> np.ndarray:
        """The next segment of each piece.

        Args:
            before: uint8 0/1 (B, S, P, I), the segments that were written last; silence at the beginning.
            drawing: how; a cell sounds where its probability is above its `cut`.
            melody: uint8 0/1 (B, S, P), what the piano plays in it; None where the arch writes that too.

        Returns:
            uint8 0/1 (B, S, P, I).

        Raises:
            BadOption: for an arch that cannot be given a melody.
        """

    def check(self, encoded: Encoded) -> None:
        pieces = encoded.pieces("train")
        segments = int(np.diff(encoded.offsets)[pieces].sum())
        if segments < LEAST:
            raise BadCorpus(
                f"the training pieces make {segments} segment{'s' * (segments != 1)} of {self.spec.shape[0]} steps; "
                f"{self.name} needs {LEAST} to learn anything. Prepare more music"
            )
        silent = np.ones(len(INSTRUMENTS), bool)
        for piece in pieces:
            silent &= ~encoded.piece(piece).any(axis=(0, 1, 2))
            if not silent.any():
                return
        names = ", ".join(name for name, each in zip(INSTRUMENTS, silent, strict=True) if each)
        log.warning("no training piece has a note for %s: %s will hardly write one", names, self.name)

    @property
    @abstractmethod
    def network(self) -> WritingNetwork:
        """That writes, and holds what is counted; built."""

    def continuation(
        self, primer: np.ndarray, sampler: Sampler, seed: int, guidance: Guidance = FREE
    ) -> Iterator[np.ndarray]:
        drawing = Drawing(sampler, guidance, np.random.default_rng(seed))
        before = primer[:, -1]
        while True:
            before = self.follow(before, drawing)
            yield before[:, None]

    def accompaniment(
        self, melody: np.ndarray, before: np.ndarray, sampler: Sampler, seed: int, guidance: Guidance = FREE
    ) -> np.ndarray:
        """All instruments to what the piano plays.

        Args:
            melody: uint8 0/1 (T, S, P).
            before: uint8 0/1 (S, P, I), the segment that stands before; silence to begin from nothing.

        Returns:
            uint8 0/1 (T, S, P, I), the piano as it was given.

        Raises:
            BadOption: for an arch that writes all instruments at once.
        """
        drawing = Drawing(sampler, guidance, np.random.default_rng(seed))
        before, written = before[None], []
        for piano in melody:
            before = self.follow(before, drawing, piano[None])
            written.append(before[0])
        return np.stack(written)

    def cut(self, number: int, drawing: Drawing) -> np.ndarray:
        """float32 that can be broadcast to (number, S, P, I): what the probabilities of a new segment of each piece are
        held against."""
        banned = drawing.guidance.banned
        shape = (number, *self.spec.shape) if drawing.sampler.threshold == BERNOULLI else (1, 1, 1, self.spec.shape[-1])
        cut = cuts(drawing.sampler.threshold, self.calibrated(drawing.guidance), shape, drawing.rng)
        if banned is None:
            return cut
        return np.where(banned.reshape(self.spec.shape), np.float32(NEVER_CUT), cut)

    def calibrated(self, guidance: Guidance) -> np.ndarray:
        """float32 (I,): the thresholds that were counted, for a continuation under this guidance."""
        return np.asarray(ops.convert_to_numpy(self.network.thresholds))

    def calibrate_thresholds(self, encoded: Encoded) -> None:
        """Count anew at which thresholds the network, as it is now, gives each instrument the notes that it has.

        No step gets more keys than the instrument plays at once in the corpus: what is a little too full would else be
        answered by what is fuller, and so on, and a network that is unsure of a note would play all that it may be.

        First where every segment follows a real one. Then where it follows what the network itself has written with the
        thresholds so far: an instrument that is a little too loud would else grow louder with every segment.
        """
        self.network.most.assign(usual_chords(encoded))
        for turn in range(1 + TURNS):
            densities, drawing = Densities(len(INSTRUMENTS)), plain_drawing(0)
            for before, segments in pairs(encoded, COUNTED):
                densities.add(self.probabilities(before, segments), segments)
                for _ in range(AHEAD if turn else 0):
                    written = self.follow(before, drawing)
                    densities.add(self.probabilities(before, written), segments)
                    before = written
            self.network.thresholds.assign(densities.thresholds())

    def surprisal(self, rows: np.ndarray, guidance: Guidance = FREE) -> np.ndarray:
        before = np.concatenate([self.spec.start[None], rows])
        nats = [
            ops.convert_to_numpy(self._nats(before[i : min(i + AT_ONCE, len(rows))], rows[i : i + AT_ONCE]))
            for i in range(0, len(rows), AT_ONCE)
        ]
        return np.concatenate([*nats, np.zeros(0)]).astype(np.float64)

    @cached_property
    def _nats(self) -> Any:
        """Compiled: segments and those before them, uint8 0/1 (N, S, P, I) -> nats (N,)."""

        def nats(before: Any, segments: Any) -> Any:
            *_, stage = self.stages
            nothing = ops.zeros((1, 1), "float32")  # neither masks nor conditions are looked at
            return stage.loss_and_metrics(Batch(before[None], segments[None], nothing, nothing), False)[0][0]

        return compiled(nats)

    @abstractmethod
    def probabilities(self, before: np.ndarray, segments: np.ndarray) -> np.ndarray:
        """How likely the cells of some segments are, each instrument's in view of what is written before it.

        Args:
            before, segments: uint8 0/1 (N, S, P, I), the segments and those that stand before them.

        Returns:
            float32 (N, S, P, I) in [0, 1], with what is drawn drawn alike in every call; 0 for keys that are not among
            the likeliest of their step, as many as may sound at once.
        """


def pairs(encoded: Encoded, most: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Segments before and after, uint8 0/1 (N, S, P, I), N <= AT_ONCE: about `most` in all, spread over the validation
    pieces (over the training pieces, if there are none)."""
    rows = np.concatenate([np.arange(*encoded.offsets[piece : piece + 2]) for piece in encoded.held_out()])
    rows = rows[:: max(1, len(rows) // most)]
    for some in np.split(rows, range(AT_ONCE, len(rows), AT_ONCE)):
        before = encoded.rows(np.maximum(some - 1, 0))
        before[np.isin(some, encoded.offsets)] = 0
        yield before, encoded.rows(some)


def flat(segments: Any) -> Any:
    """Windows of segments (B, L, S, P, I), any numbers -> float32 (B x L, S, P, I)."""
    return ops.cast(ops.reshape(segments, (-1, *segments.shape[2:])), "float32")


def in_windows(values: Any, segments: Any) -> Any:
    """Values (B x L,) of windows of segments (B, L, ...) -> (B, L)."""
    shape = ops.shape(segments)
    return ops.reshape(values, (shape[0], shape[1]))


def usual_chords(encoded: Encoded) -> np.ndarray:
    """float32 (I,): how many keys of each instrument sound at once, but for the fullest of its steps; at least 1."""
    at_once = [segments.sum(axis=2).reshape(-1, len(INSTRUMENTS)) for _, segments in pairs(encoded, COUNTED)]
    counts = np.concatenate(at_once).T  # (I, steps)
    most = [np.quantile(each[each > 0], USUAL_CHORDS, method="higher") if each.any() else 1 for each in counts]
    return np.array(most, np.float32)
