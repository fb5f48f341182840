"""Published results on the chorales in sixteenths, serialised voice by voice: nats per token, and of what.

Only numbers that could be read in a paper, or in the files of a repository, are here. Not comparable, and left out:
models of another split (BachBot, Coconet), of chords besides (TonicNet, whose notes are told the chord), and orders
that see the future (Coconet).
"""

from __future__ import annotations

from dataclasses import dataclass

from musictool.apps.chorales.pieces import Chorales

SIZES = (229, 76)  # training and validation pieces, by which the set is known


@dataclass(frozen=True)
class Published:
    """One published model.

    Attributes:
        model: its name.
        validation, test: nats per token; None where it was not given.
        source: where they were read.
    """

    model: str
    validation: float | None
    test: float | None
    source: str


ROWS = (
    Published("Transformer, reproduced", 0.914, 0.944, "NamVai/Music-Transformer-vs-Base-Transformer"),
    Published("Music Transformer, reproduced", 0.502, 0.530, "NamVai/Music-Transformer-vs-Base-Transformer"),
    Published("Transformer with RoPE", None, 0.508, "PoPE paper, arXiv:2509.10534, table 2"),
    Published("Transformer with PoPE", None, 0.489, "PoPE paper, arXiv:2509.10534, table 2"),
)


# Nats per frame, without an order: by Algorithm 1 of Huang et al. (2017), on the same validation pieces.
ORDERLESS_ROWS = (
    Published("Coconet, reproduced, 147,000 weights", 0.6145, None, "as quoted beside other reproductions"),
    Published("Coconet, reproduced, 170,000 weights", 0.6139, None, "as quoted beside other reproductions"),
    Published("Coconet, 9,172,232 weights", 0.57, None, "arXiv:1903.07227, as quoted by reproductions"),
)


def is_known(chorales: Chorales) -> bool:
    """Whether it is the set that the published models were trained on, by its size."""
    return (len(chorales.splits["train"]), len(chorales.splits["validation"])) == SIZES


def rows_of(chorales: Chorales) -> tuple[Published, ...]:
    """The published models on this set, worst first; none for another set."""
    return ROWS if is_known(chorales) else ()
