"""The models that the benchmark trains: chain over four keyboards, or any arch that learns tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops

from musictool.apps.chorales.batches import Form, Frames, Tokens
from musictool.apps.chorales.pieces import REST, VOICES, Piece
from musictool.apps.polyphony import windows
from musictool.apps.polyphony.course import benchmark_stage
from musictool.apps.polyphony.model import ClockedChain
from musictool.arch import Stage
from musictool.backend.compile import compiled
from musictool.dataset.windows import Batch
from musictool.errors import KindMismatch
from musictool.metrics.baselines import RollCounts
from musictool.options import from_settings
from musictool.registry import ARCHS

CHAIN = "chain"


class ChainOfVoices(ClockedChain):
    """chain with four numbers per key: which of the voices sing it."""

    @classmethod
    def channels_of(cls, size: int) -> int:
        return VOICES


class ChoraleModel:
    """A network, its form of chorales, and their score.

    Args:
        arch: "chain", or the name of an arch that learns tokens.
        training: the training pieces.
        shifts: semitones by which they will be transposed.
        settings: "key=value" options of the arch.
    """

    def __init__(self, arch: str, training: Sequence[Piece], shifts: Sequence[int], settings: Sequence[str]):
        self.form: Form = Frames() if arch == CHAIN else Tokens()
        if arch == CHAIN:
            pitches = np.concatenate([piece[piece != REST] for piece in training])
            lowest, highest = int(pitches.min(initial=127)) + min(shifts), int(pitches.max(initial=0)) + max(shifts)
            keys = {"lowest": max(0, min(lowest, 126)), "highest": max(lowest + 1, min(highest, 127))}
            self.arch: Any = ChainOfVoices(self.form.spec, from_settings(ChainOfVoices.Options, settings, keys))
            self._begin_as_baseline(training)
        else:
            cls = ARCHS.get(arch)
            if cls.kind != "tokens" or not cls.has_likelihood:
                able = [name for name in ARCHS.names() if ARCHS.get(name).kind == "tokens"]
                raise KindMismatch(f"--arch {arch} learns {cls.kind}; {CHAIN}, {', '.join(able)} learn chorales")
            self.arch = cls(self.form.spec, from_settings(cls.Options, settings), self.form.side_inputs)
        self.network = self.arch.network
        self._nats = compiled(lambda *batch: self.loss_and_metrics(Batch(*batch), False)[0])

    def _begin_as_baseline(self, training: Sequence[Piece]) -> None:
        """Set the biases of each key and voice to the log-odds of the baseline keys-markov: that the voice begins to
        sing it, and that it goes on."""
        counts, head = RollCounts(self.form.spec.size), self.arch.network.head
        for rows in map(self.form.rows, training):
            counts.add(rows[:-1], rows[1:])
        begins, goes_on = counts.log_odds_after[:, head.numbers]
        head.bias.assign(begins)
        head.hold_kernel.assign(goes_on - begins)

    @property
    def parameters(self) -> int:
        """Numbers in the network."""
        return int(self.network.count_params())

    def loss_and_metrics(self, batch: Batch, training: bool) -> tuple[Any, ...]:
        """See Stage; nats per token, of a row of four tokens too."""
        nats, accuracy = self.arch.loss_and_metrics(batch, training)
        return (nats / VOICES if self.form.spec.kind == "frames" else nats), accuracy

    def stage(self, weight_decay: float, evaluate: Callable[[], float]) -> Stage:
        """What is trained: all weights by AdamW, chosen by the smallest of what `evaluate` returns."""
        return benchmark_stage(self.network, self.loss_and_metrics, weight_decay, evaluate)

    def score(self, pieces: Sequence[Piece], steps: int) -> float:
        """Nats per token, the mean over all tokens of all pieces, in batches of at most so many steps."""
        rows = [self.form.rows(piece) for piece in pieces]
        plan, total = windows.scoring_windows(rows), 0.0
        for group in windows.grouped(plan, steps):
            batch = self.form.batch(rows, [plan[index] for index in group], steps)
            nats = ops.convert_to_numpy(self._nats(*batch)).astype(np.float64)
            total += float((nats * batch.mask).sum()) * (VOICES if self.form.spec.kind == "frames" else 1)
        return total / sum(piece.size for piece in pieces)
