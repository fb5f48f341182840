"""Nats per frame by the protocol of Boulanger-Lewandowski et al. (2012), as in the code of Bai et al. (2018).

The nats of a frame are the sum over its 88 keys; the first frame of a piece is not scored; the number in papers is the
mean over all frames of all pieces. The mean over pieces of their means is another number, which some papers print
instead (0.4 nats lower on MuseData), so it is given, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from musictool.apps.polyphony.rolls import KEYS, Piece
from musictool.metrics.baselines import RollCounts


@dataclass(frozen=True)
class FrameNats:
    """The score of a split.

    Attributes:
        nats: per frame, the mean over frames: the number of the protocol.
        piece_nats: per frame, the mean over pieces.
        frames: that were scored.
    """

    nats: float
    piece_nats: float
    frames: int

    @classmethod
    def of(cls, nats: Iterable[np.ndarray]) -> FrameNats:
        """From the nats of the frames of each piece."""
        pieces = [np.asarray(piece, np.float64) for piece in nats]
        frames = np.concatenate(pieces)
        return cls(float(frames.mean()), float(np.mean([piece.mean() for piece in pieces])), len(frames))


def counts_of(training: Sequence[Piece]) -> RollCounts:
    """The counts of the training pieces, from their second frames on."""
    counts = RollCounts(KEYS)
    for piece in training:
        counts.add(piece[:-1], piece[1:])
    return counts


def baselines(splits: dict[str, list[Piece]]) -> dict[str, dict[str, FrameNats]]:
    """The scores of the baselines keys and keys-markov (musictool/metrics/baselines.py) on validation and test pieces,
    by split and name."""
    counts = counts_of(splits["train"])
    ways = {"keys": counts.keys, "keys-markov": counts.keys_markov}
    return {
        split: {name: FrameNats.of(nats(piece[:-1], piece[1:]) for piece in pieces) for name, nats in ways.items()}
        for split, pieces in splits.items()
        if split != "train"
    }
