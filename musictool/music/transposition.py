"""By how many semitones music is shifted while a model learns it: -3..3, or to-c."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

TO_C = "to-c"  # in the place of semitones: every piece is moved to C major or A minor
LIMIT = 24  # semitones, two octaves
_SPAN = re.compile(r"\s*([+-]?\d+)\s*(?:\.\.\s*([+-]?\d+)\s*)?")


@dataclass(frozen=True)
class Transposition:
    """Which shifts are drawn from.

    Attributes:
        low, high: semitones, both included; 0 lies between them.
        to_c: every piece is moved to C major or A minor in place of them, which are then 0.
    """

    low: int = -3
    high: int = 3
    to_c: bool = False

    def __post_init__(self) -> None:
        if not -LIMIT <= self.low <= 0 <= self.high <= LIMIT or (self.to_c and (self.low or self.high)):
            raise ValueError(f"{self.low}..{self.high} does not hold 0, or goes beyond two octaves")

    @classmethod
    def parse(cls, value: str | Sequence[int]) -> Transposition:
        """From "-3..3", "3" (0..3), "-3" (-3..0), "0" (no shift), "to-c" or (-3, 3). Raises ValueError, TypeError."""
        if value == TO_C:
            return cls(0, 0, to_c=True)
        if not isinstance(value, str):
            low, high = map(int, value)
            return cls(low, high)
        match = _SPAN.fullmatch(value)
        if match is None:
            raise ValueError(f"'{value}' is not like -3..3")
        low = int(match[1])
        return cls(low, int(match[2])) if match[2] else cls(min(low, 0), max(low, 0))

    def __str__(self) -> str:
        return TO_C if self.to_c else f"{self.low}..{self.high}"

    @property
    def semitones(self) -> range:
        """All shifts; no more than 0 where pieces are moved to C."""
        return range(self.low, self.high + 1)
