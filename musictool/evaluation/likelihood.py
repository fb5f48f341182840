"""How likely pieces are to a model, beside what has to be beaten; nothing for an arch that has no likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from musictool.corpus.corpus import Corpus
from musictool.dataset.dataset import Encoded
from musictool.errors import BadOption
from musictool.generation.primers import as_heard
from musictool.generation.scoring import Scored, score_piece
from musictool.metrics.baselines import baselines
from musictool.metrics.units import Amount
from musictool.models.model import Model
from musictool.music.score import Score
from musictool.training.options import semitones

MOST_COUNTED = {
    "tokens": 1000,
    "frames": 200,
    "segments": 200,
}  # training pieces that baselines counted anew learn from


@dataclass(frozen=True)
class Likelihood:
    """Nats a row of some pieces together, and how much music their rows are.

    Attributes:
        nats: a row.
        amount: of music.
        unit: what a row is: "symbol", "frame" or "segment".
        accuracy: the share of rows for which the likeliest was right; None where it is not known.
    """

    nats: float
    amount: Amount
    unit: str
    accuracy: float | None = None

    @property
    def perplexity(self) -> float | None:
        """Among how many equally likely symbols it would have been as hard to choose; None for other rows."""
        return math.exp(min(self.nats, 700.0)) if self.unit == "symbol" else None

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "nats_per_row": self.nats,
            "nats_per_note": self.amount.per_note(self.nats),
            "nats_per_second": self.amount.per_second(self.nats),
            "perplexity": self.perplexity,
            "accuracy": self.accuracy,
        }


def score_pieces(
    model: Model, scores: Sequence[Score], progress: Callable[[], object] = lambda: None
) -> list[Scored] | None:
    """What the model says of each piece that has music which it writes; None if its arch has no likelihood."""
    pieces = []
    for score in scores:
        try:
            piece = score_piece(model, score, "")
        except BadOption:
            return None
        progress()
        if piece is not None:
            pieces.append(piece)
    return pieces


def together(model: Model, pieces: Sequence[Scored], accuracy: float | None = None) -> Likelihood | None:
    """The likelihood of all the pieces as one; None for none."""
    rows = sum(len(piece.nats) for piece in pieces)
    if not rows:
        return None
    notes, seconds = sum(len(piece.music.notes) for piece in pieces), sum(piece.music.seconds for piece in pieces)
    nats = sum(piece.total for piece in pieces) / rows
    return Likelihood(nats, Amount(rows, notes, seconds), model.spec.unit, accuracy)


def to_beat(
    model: Model, corpus: Corpus, of: Likelihood, own: bool, validation: Sequence[int]
) -> dict[str, Likelihood]:
    """The baselines (musictool/metrics/baselines.py), each over the music of `of`.

    Args:
        own: whether the corpus is that which the model has learnt: its folder keeps the baselines of all its pieces.
        validation: the pieces that are judged.
    """
    kept = model.info["metrics"].get("baselines") if own and len(validation) == corpus.is_validation.sum() else None
    found = kept if kept else baselines(_encoded(model, corpus, validation))
    return {name: Likelihood(nats, of.amount, of.unit) for name, nats in found.items()}


def _encoded(model: Model, corpus: Corpus, validation: Sequence[int]) -> Encoded:
    """Some of a corpus in the model's own vocabulary, in memory, to be learnt at the transpositions of its training."""
    training = np.flatnonzero(~corpus.is_validation)
    training = training[
        np.linspace(0, len(training) - 1, min(len(training), MOST_COUNTED[model.spec.kind])).astype(int)
    ]
    scores = (corpus.score(i) for i in [*training.tolist(), *validation])
    pieces = [model.encoding.encode(as_heard(model, score)) for score in scores]
    nothing = np.zeros((0, *model.spec.shape), model.spec.dtype)
    stored = np.concatenate([model.spec.store(rows) for rows in (nothing, *pieces)])
    offsets = np.cumsum([0, *map(len, pieces)])
    is_validation = np.arange(len(pieces)) >= len(training)
    low, high = semitones(model.info["training"]["wishes"])
    return Encoded(model.encoding, stored, offsets, is_validation, tuple(range(low, high + 1)), {}, Path())
