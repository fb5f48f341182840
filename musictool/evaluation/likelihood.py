"""The likelihood of pieces under a model and under the baselines; nothing for an arch without a likelihood."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from musictool.corpus.corpus import Corpus
from musictool.dataset.dataset import Encoded
from musictool.encoding import Spec
from musictool.errors import BadOption
from musictool.generation.scoring import surprisals
from musictool.metrics.baselines import baselines
from musictool.metrics.units import Amount
from musictool.models.model import Model
from musictool.music.score import Score
from musictool.music.transposition import Transposition

# Training pieces at most that baselines are counted from, where the model folder does not hold them.
MAX_COUNTED = {"tokens": 1000, "frames": 200, "segments": 200}


@dataclass(frozen=True)
class Likelihood:
    """Mean nats per row of a set of pieces, and how much music their rows hold.

    Attributes:
        nats: per row.
        amount: of music.
        spec: of the rows.
        accuracy: the share of rows for which the likeliest was right; None where it is not known.
    """

    nats: float
    amount: Amount
    spec: Spec
    accuracy: float | None = None

    @property
    def perplexity(self) -> float | None:
        """e to the nats: as hard as a choice among so many equally likely tokens; None for other rows."""
        return math.exp(min(self.nats, 700.0)) if self.spec.kind == "tokens" else None

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "nats_per_row": self.nats,
            "nats_per_note": self.amount.per_note(self.nats),
            "nats_per_second": self.amount.per_second(self.nats),
            "perplexity": self.perplexity,
            "accuracy": self.accuracy,
        }


def of_model(model: Model, scores: Sequence[Score], accuracy: float | None = None) -> Likelihood | None:
    """The likelihood of pieces under a model; None if its arch has none, or no piece has rows in its encoding."""
    try:
        pieces = surprisals(model, scores)
    except BadOption:
        return None
    if not pieces:
        return None
    nats = np.concatenate([of_rows for _, of_rows in pieces])
    notes, seconds = (sum(amounts) for amounts in zip(*((len(s.notes), s.seconds) for s, _ in pieces), strict=True))
    return Likelihood(float(nats.mean()), Amount(len(nats), notes, seconds), model.spec, accuracy)


def baseline_likelihoods(
    model: Model, corpus: Corpus, human: Likelihood, is_training_corpus: bool, validation: Sequence[int]
) -> dict[str, Likelihood]:
    """The baselines (musictool/metrics/baselines.py), each over the music of `human`.

    Args:
        human: of the model, on the same pieces.
        is_training_corpus: whether the model learnt from it: its folder then holds the baselines of all pieces.
        validation: the pieces that are scored.
    """
    is_whole = is_training_corpus and len(validation) == corpus.is_validation.sum()
    stored = model.info["metrics"].get("baselines") if is_whole else None
    nats = stored or baselines(_encoded(model, corpus, validation))
    return {name: Likelihood(value, human.amount, human.spec) for name, value in nats.items()}


def _encoded(model: Model, corpus: Corpus, validation: Sequence[int]) -> Encoded:
    """Some training pieces and the validation pieces as the model's own rows, in memory, with its transpositions."""
    training = np.flatnonzero(~corpus.is_validation)
    training = training[np.linspace(0, len(training) - 1, min(len(training), MAX_COUNTED[model.spec.kind])).astype(int)]
    scores = (corpus.score(i) for i in [*training.tolist(), *validation])
    pieces = [model.encoding.encode(model.transposed(score)) for score in scores]
    no_rows = np.zeros((0, *model.spec.shape), model.spec.dtype)
    stored = np.concatenate([model.spec.store(rows) for rows in (no_rows, *pieces)])
    offsets = np.cumsum([0, *map(len, pieces)])
    is_validation = np.arange(len(pieces)) >= len(training)
    semitones = Transposition.parse(model.info["training"]["options"]["transpose"]).semitones
    return Encoded(model.encoding, stored, offsets, is_validation, tuple(semitones), {}, Path())
