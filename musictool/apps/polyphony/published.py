"""Published results on the four sets of Boulanger-Lewandowski, Bengio and Vincent (2012): test pieces, nats per frame.

The numbers are of classes that must not be compared, since they are not the same quantity:

- independent: 88 probabilities per frame, each given the past alone;
- joint: a likelihood of the frame as a whole, in which the notes of a chord depend on one another;
- bound: an estimate or a bound of a likelihood that cannot be computed.

Only numbers that could be read in a paper, or in another that cites it, are here, so that a row may have gaps.
`is_cited` marks numbers that were read in a citation and not in the paper itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from musictool.apps.polyphony.rolls import Rolls

Set = Literal["jsb", "nottingham", "musedata", "piano-midi"]
Class = Literal["independent", "joint", "bound"]

# A set is recognised by its training and validation pieces and frames, not by its name.
SETS: Mapping[tuple[int, int, int, int], Set] = {
    (229, 13807, 76, 4602): "jsb",
    (694, 176561, 173, 45513): "nottingham",
    (524, 245202, 135, 82755): "musedata",
    (87, 75911, 12, 8540): "piano-midi",
}


@dataclass(frozen=True)
class Published:
    """One published model.

    Attributes:
        model: its name and paper.
        kind: its class.
        nats: on the sets that it was tried on.
        source: where the numbers were read.
        is_cited: whether that is another paper than its own.
        remark: what to know when comparing; may be empty.
        is_estimate: whether its nats are an estimate of a likelihood that cannot be computed.
    """

    model: str
    kind: Class
    nats: Mapping[Set, float]
    source: str
    is_cited: bool = False
    remark: str = ""
    is_estimate: bool = False


def _nats(
    jsb: float | None = None, nottingham: float | None = None, muse: float | None = None, piano: float | None = None
) -> dict[Set, float]:
    given: dict[Set, float | None] = {"jsb": jsb, "nottingham": nottingham, "musedata": muse, "piano-midi": piano}
    return {name: nats for name, nats in given.items() if nats is not None}


_BAI = "Bai 2018, tables 1 to 5"
_CHUNG = "notes on Chung 2014"
_PASCANU = "notes on Pascanu 2013"
_KRISHNAN = "Krishnan 2017, tables 2 to 4"
_COCONET = "Coconet, submission to ICLR 2017, table 1"
_OTHERS = "a paper that cites it"
ROWS = (
    Published("RNN (Boulanger-Lewandowski 2012)", "independent", _nats(8.71, 4.46, 8.13, 8.37), _KRISHNAN, True),
    Published("MLP (Boulanger-Lewandowski 2012)", "independent", _nats(nottingham=4.38), _OTHERS, True),
    Published(
        "RNN, clipped and regularised (Pascanu 2013)", "independent", _nats(None, 3.46, 6.99, 7.46), _PASCANU, True
    ),
    Published("tanh RNN of 100 units (Chung 2014)", "independent", _nats(9.10, 3.13, 6.23, 9.03), _CHUNG, True),
    Published("GRU of 46 units (Chung 2014)", "independent", _nats(8.54, 3.23, 5.99, 8.82), _CHUNG, True),
    Published("LSTM of 36 units (Chung 2014)", "independent", _nats(8.67, 3.20, 6.23, 9.03), _CHUNG, True),
    Published("RNN (Bai 2018)", "independent", _nats(8.91, 4.05), _BAI),
    Published("GRU (Bai 2018)", "independent", _nats(8.43, 3.46), _BAI),
    Published("LSTM (Bai 2018)", "independent", _nats(8.45, 3.29), _BAI),
    Published("TCN with gates (Bai 2018)", "independent", _nats(8.13, 3.12), _BAI),
    Published("TCN (Bai 2018)", "independent", _nats(8.10, 3.07), _BAI),
    Published("1-gram of chords", "joint", _nats(nottingham=5.94), _OTHERS, True),
    Published("N-gram with Gaussians", "joint", _nats(nottingham=3.16), _OTHERS, True),
    Published("NADE, every frame by itself", "joint", _nats(jsb=7.19), _COCONET, True),
    Published(
        "RNN-RBM (Boulanger-Lewandowski 2012)", "joint", _nats(6.27, 2.39), f"{_COCONET}; {_OTHERS}", True,
        "its normalisation is estimated", True,
    ),
    Published(
        "RNN-NADE (Boulanger-Lewandowski 2012)", "joint", _nats(jsb=5.56), _COCONET, True,
        "two papers cite two numbers",
    ),
    Published("RNN-NADE (Boulanger-Lewandowski 2012)", "joint", _nats(5.19, 2.31, 5.60, 7.05), _KRISHNAN, True),
    Published(
        "DBN-LSTM (Vohra 2015)", "joint", _nats(3.47, 1.32), "Bai 2018, table 4", True,
        "its normalisation is estimated, and nobody has repeated it", True,
    ),
    Published("DMM (Krishnan 2017)", "bound", _nats(6.388, 2.770, 6.831, 7.835), _KRISHNAN, False, "sampled estimate"),
    Published(
        "DMM-Aug (Krishnan 2017)", "bound", _nats(6.288, 2.679, 6.356, 7.591), _KRISHNAN, False, "sampled estimate"
    ),
    Published(
        "DMM-Aug-NADE (Krishnan 2017)", "bound", _nats(5.118, 2.305, 6.049, 7.048), _KRISHNAN, False, "sampled estimate"
    ),
    Published("STORN (Bayer and Osendorfer 2014)", "bound", _nats(6.91, 2.85, 6.16, 7.13), _KRISHNAN, True, "bound"),
    Published("LV-RNN (Gu 2015)", "bound", _nats(3.99, 2.72, 6.89, 7.61), _KRISHNAN, True, "sampled estimate"),
)  # fmt: skip


def set_of(rolls: Rolls) -> Set | None:
    """Which of the four sets this is; None for another."""
    training, validation = rolls.splits["train"], rolls.splits["validation"]
    return SETS.get((len(training), sum(map(len, training)), len(validation), sum(map(len, validation))))


def rows_of(name: Set | None, kind: Class) -> list[Published]:
    """The published models of one class on one set, worst first."""
    if name is None:
        return []
    return sorted((row for row in ROWS if row.kind == kind and name in row.nats), key=lambda row: -row.nats[name])
