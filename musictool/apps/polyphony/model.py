"""The model that the benchmark trains: an arch of frames, with a clock beside the frames.

The clock says how far into the piece the next frame is, as the sines and cosines of periods of 2 to 64 frames. It says
nothing about the notes, and saves the network from counting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops

from musictool.apps.polyphony import windows
from musictool.apps.polyphony.course import benchmark_stage
from musictool.apps.polyphony.options import Head
from musictool.apps.polyphony.rolls import Piece
from musictool.apps.polyphony.scores import FrameNats, counts_of
from musictool.arch import Stage
from musictool.archs._frames import FramesArch
from musictool.archs.chain import Chain
from musictool.archs.rnn_nade import RnnNade
from musictool.archs.rnn_rbm import RnnRbm
from musictool.archs.rtrbm import Rtrbm
from musictool.backend.compile import compiled
from musictool.dataset.windows import Batch
from musictool.encoding import Spec
from musictool.metrics.baselines import bernoulli_nats
from musictool.options import from_settings


class Clocked(FramesArch):
    """An arch with a clock as side input; it is trained and scored, and does not generate."""

    @property
    def side_input_size(self) -> int:
        return windows.CLOCK


class ClockedChain(Clocked, Chain):
    """chain with a clock."""


class ClockedNade(Clocked, RnnNade):
    """rnn-nade with a clock."""


class ClockedRbm(Clocked, RnnRbm):
    """rnn-rbm with a clock."""


class ClockedTemporalRbm(Clocked, Rtrbm):
    """rtrbm with a clock."""


ARCHS: dict[Head, type[Clocked]] = {
    "sigmoid": ClockedChain,
    "chain": ClockedChain,
    "rnn-nade": ClockedNade,
    "rnn-rbm": ClockedRbm,
    "rtrbm": ClockedTemporalRbm,
}


class RollModel:
    """A network for the keys that sound in training, and one fixed probability for each of the others.

    A key that never sounds in training cannot be learnt: its probability is 1 / (frames + 2), and the network is the
    smaller for it.

    Args:
        training: the training pieces.
        head: which of ARCHS.
        settings: "key=value" options of the arch.
    """

    def __init__(self, training: Sequence[Piece], head: Head, settings: Sequence[str]):
        frames = np.concatenate(training)
        sounding = np.flatnonzero(frames.any(axis=0))
        low, high = (int(sounding[0]), int(sounding[-1]) + 1) if len(sounding) else (0, frames.shape[1])
        self.keys, self.others = slice(low, high), np.r_[0:low, high : frames.shape[1]]
        self.rare = 1 / (len(frames) - len(training) + 2)
        spec = Spec("frames", (high - low,), high - low)
        self.arch = ARCHS[head](spec, from_settings(ARCHS[head].Options, settings))
        self.network = self.arch.network
        self._begin_as_baseline(training)
        self._nats = compiled(lambda *batch: self.arch.loss_and_metrics(Batch(*batch), False)[0])
        self._most_nats = compiled(self._estimated_from_above)

    def _begin_as_baseline(self, training: Sequence[Piece]) -> None:
        """Set the biases of each key to the log-odds of the baseline keys-markov: of an onset, and of sounding on."""
        onset, sounds_on = counts_of(training).log_odds_after
        head = self.network.head
        head.bias.assign(onset[self.keys])
        if head.hold:
            head.hold_kernel.assign((sounds_on - onset)[self.keys])

    def stage(self, weight_decay: float, evaluate: Callable[[], float]) -> Stage:
        """What is trained: all weights by AdamW, chosen by the smallest of what `evaluate` returns."""
        return benchmark_stage(self.network, self.arch.loss_and_metrics, weight_decay, evaluate)

    @property
    def parameters(self) -> int:
        """Numbers in the network."""
        return int(self.network.count_params())

    def crop(self, pieces: Sequence[Piece]) -> list[Piece]:
        """The keys of the pieces that the network has."""
        return [piece[:, self.keys] for piece in pieces]

    def _estimated_from_above(self, *arrays: Any) -> Any:
        """float32 (B, L): the most nats of each frame, of the arrays of a Batch."""
        batch = Batch(*arrays)
        logits = self.network(batch.x, batch.y, batch.side_inputs)
        return self.network.head.most_nats(logits, ops.cast(batch.y, "float32"))

    def score(self, pieces: Sequence[Piece], frames: int, most: bool = False) -> FrameNats:
        """By the protocol, in batches of at most so many frames.

        Args:
            most: of a model whose nats are estimated, the estimate that errs on the other side.
        """
        count = self._most_nats if most else self._nats
        # the other keys, each by itself
        nats = [bernoulli_nats(np.full(len(self.others), self.rare), piece[1:, self.others]) for piece in pieces]
        # and the network's, window by window; those after a piece's first begin with frames that do not count
        cropped, plan = self.crop(pieces), windows.scoring_windows(pieces)
        for group in windows.grouped(plan, frames):
            chosen = [plan[index] for index in group]
            batch_nats = ops.convert_to_numpy(count(*windows.batch(cropped, chosen, frames)))  # (B, L)
            for row, (piece, start, length, context) in zip(batch_nats, chosen, strict=False):
                nats[piece][start + context : start + length] += row[context:length]
        return FrameNats.of(nats)
