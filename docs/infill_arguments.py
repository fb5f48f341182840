"""What the scripts that measure models that fill in are given: MODEL CORPUS --pieces 40 --temperature 1."""

from __future__ import annotations

import argparse
from typing import NamedTuple

from musictool.corpus.corpus import Corpus
from musictool.models.model import Model


class Arguments(NamedTuple):
    """A model, a corpus, how many of its validation pieces count at most, and the temperature of what is written."""

    model: Model
    corpus: Corpus
    pieces: int
    temperature: float


def parse(description: str | None) -> Arguments:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("corpus")
    parser.add_argument("--pieces", type=int, default=40)
    parser.add_argument("--temperature", type=float, default=1.0)
    given = parser.parse_args()
    return Arguments(Model.open(given.model), Corpus.open(given.corpus), given.pieces, given.temperature)
