"""The network that the benchmark trains: roll-lstm with one of its heads of tied keys, told the time.

Beside each frame stands a clock: how far into the piece the next frame lies, as the hands of clocks that go round in 2
to 64 frames. It says nothing of the notes, and saves the network from counting.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from keras import ops

from musictool.archs._frames import NextFrame
from musictool.archs.roll_lstm import RollLstm
from musictool.dataset.windows import Batch

ROUNDS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)  # frames
CLOCK = 2 * len(ROUNDS) + 1


class ClockedRollLstm(RollLstm):
    """roll-lstm, which hears a clock in `conditions` of its batches; it judges, and does not write."""

    @cached_property
    def network(self) -> NextFrame:
        embedding, size = self.options.embedding, self.spec.size
        network = NextFrame(size, embedding, self.body(), self.head(), CLOCK, name="network")
        network.build((None, None))
        return network

    def loss_and_metrics(self, batch: Batch, training: bool) -> tuple[Any, ...]:
        logits = self.network(batch.x, batch.y, batch.conditions, training=training)
        return self.network.head.loss_and_metrics(logits, ops.cast(batch.y, "float32"))


def clock(frames: np.ndarray) -> np.ndarray:
    """float32 (..., CLOCK) for int (...): the numbers of the frames that are to be foretold."""
    angle = 2 * np.pi * frames[..., None] / np.array(ROUNDS)
    young = np.exp(-frames / 16)[..., None]
    return np.concatenate([np.sin(angle), np.cos(angle), young], axis=-1).astype(np.float32)
