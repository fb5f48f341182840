"""What can be asked of `infill`: the options with their help, ranges and defaults.

As in request.py, neither Keras nor numpy is imported with this file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from musictool.engine.choice import NAMES
from musictool.errors import BadOption
from musictool.generation.request import Constraints
from musictool.options import check, flag, group

MOST_TAKES = 10_000  # all of a request are written at once
_SPAN = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?")


def _spans(text: str) -> tuple[tuple[int, int], ...]:
    """(first, last + 1), counted from 0, of "5-8,12". Raises ValueError."""
    spans = []
    for part in text.split(","):
        match = _SPAN.fullmatch(part.strip())
        if not match:
            raise ValueError(part)
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last:
            raise ValueError(part)
        spans.append((first - 1, last))
    return tuple(spans)


def _numbers(text: str) -> str:
    _spans(text)
    return text


@dataclass(frozen=True)
class InfillRequest:
    """Which part of a piece to write anew, and how. What is not asked for is locked.

    Attributes:
        bars: which bars, counted from 1 as in 5-8,12; None for all.
        tracks: which tracks, by number from 1 or by name, with commas between; None for all that the model reads.
        lock: notes that stay all the same, counted from 1 in the order of Score.notes (by onset, then track, then
            pitch), as in 12,15-18; None for none.
        voices: how many voices the piece shall have; those that it lacks are written, and its own are locked.
        amount: share of the notes that are written anew, drawn at random; 1 writes rests anew as well.
        keep_rhythm: whether only pitches change.
        num: how many pieces.
        seed: fixes everything that is random.
    """

    bars: str | None = flag(
        None,
        "Bars to write, counted from 1: 5-8, or 5-8,12.",
        default_text="all",
        parse=_numbers,
        allowed="a list of bars from 1 on, like 5-8,12",
    )
    tracks: str | None = flag(
        None, "Tracks to write, by number (from 1) or name: 3,4 or bass.", default_text="all that the model reads"
    )
    lock: str | None = flag(
        None,
        "Notes that stay all the same, counted from 1 by onset, then track, then pitch: 12,15-18.",
        default_text="none",
        parse=_numbers,
        allowed="a list of notes from 1 on, like 12,15-18",
    )
    voices: int | None = flag(
        None, "Harmonise: keep what there is, and write the voices that are missing to so many.", least=2, most=4
    )
    keep_rhythm: bool = flag(False, "Other pitches for the same onsets and lengths.", negatable=False)
    amount: float = flag(1.0, "Share of the notes to write anew, drawn at random.", above=0, most=1)
    num: int = flag(1, "Pieces to write: infill-001.mid, infill-002.mid, ...", least=1, most=MOST_TAKES)
    temperature: float = flag(1.0, "Over 1 bolder, under 1 safer.", above=0, most=100)
    constraints: Constraints = group(Constraints)
    engine: str = flag(
        "auto", "What computes: numpy starts at once, tensorflow is faster for much.", choices=NAMES, metavar="NAME"
    )
    seed: int = flag(0, "Fixes everything that is random.", least=0, default_text="drawn and printed")

    def __post_init__(self) -> None:
        check(self)
        others = {"--tracks": self.tracks, "--lock": self.lock, "--keep-rhythm": self.keep_rhythm}
        for name, value in others.items():
            if self.voices is not None and value:
                raise BadOption(
                    f"--voices writes voices that are not there yet, so {name} has nothing to say; leave it out"
                )
        if self.voices is not None and self.amount < 1:
            raise BadOption(
                "--voices writes voices that are not there yet, so --amount has nothing to say; leave it out"
            )

    @cached_property
    def spans(self) -> tuple[tuple[int, int], ...] | None:
        """(first, last + 1) of each span of bars, counted from 0; None for the whole piece."""
        return None if self.bars is None else _spans(self.bars)

    @cached_property
    def locked_notes(self) -> tuple[tuple[int, int], ...]:
        """(first, last + 1) of each span of notes that stay, counted from 0."""
        return () if self.lock is None else _spans(self.lock)
