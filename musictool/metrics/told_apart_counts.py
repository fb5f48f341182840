"""What a listener counts in each bar: quotients of two sums, so that those of eight bars come from those of one.

Each has a name and the words that say it. A `{high|low}` in the words stands for what is wrong where the number is too
high, or too low: "notes are too {long|short}".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from musictool.metrics.told_apart_bars import EARLY_TICKS
from musictool.music.pitches import pitch_name
from musictool.music.score import TICKS_PER_QUARTER

SHARE, PITCH = "%", "pitch"
_EITHER = re.compile(r"\{([^|]*)\|([^}]*)\}")


@dataclass(frozen=True)
class Words:
    """How a number is said.

    Attributes:
        text: with "{high|low}" in it.
        unit: SHARE, PITCH (a MIDI number), or what follows the number.
        topic: numbers of one topic say nearly the same.
    """

    text: str
    unit: str = SHARE
    topic: str = ""

    def say(self, number: float, usual: float) -> str:
        """What is wrong with a number, and both: "notes are too short: 0.61 quarter notes (people 0.85)"."""
        wrong = _EITHER.sub(lambda match: match[1 if number >= usual else 2], self.text)
        if self.unit == SHARE:
            return f"{wrong}: {_percent(number)} (people {_percent(usual)})"
        if self.unit == PITCH:
            names = pitch_name(round(number)), pitch_name(round(usual))
            return f"{wrong}: {names[0]}, {number:.1f} (people {names[1]}, {usual:.1f})"
        digits = 2 if max(abs(number), abs(usual)) < 10 else 1
        return f"{wrong}: {number:.{digits}f} {self.unit}".rstrip() + f" (people {usual:.{digits}f})"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.095 or share < 0.0005 else f"{share:.1%}"


@dataclass
class Counts:
    """The counts of each bar of a piece.

    Attributes:
        lines: int64 (B,), ticks: where the bars begin, at least one.
        end: ticks, where the music does.
        words: of each quotient, by its name.
        above, below: float64 (B,) of each quotient, what is divided and by what.
        patterns: bool (B, ...), what two bars may have in common, by name.
    """

    lines: np.ndarray
    end: int
    words: dict[str, Words] = field(default_factory=dict)
    above: list[np.ndarray] = field(default_factory=list)
    below: list[np.ndarray] = field(default_factory=list)
    patterns: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def quarters(self) -> np.ndarray:
        """float64 (B,): quarter notes of each bar."""
        return np.diff(self.lines, append=max(self.end, int(self.lines[-1]) + 1)) / TICKS_PER_QUARTER

    def bar_of(self, ticks: np.ndarray) -> np.ndarray:
        """int64 (N,): the bar of each onset; one that comes a little too early is in the bar that it is meant for."""
        return np.searchsorted(self.lines, ticks + EARLY_TICKS, side="right") - 1

    def sum(self, bars: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """float64 (B,): how much of what lies in bars (N,) lies in each, or the sum of its weights."""
        return np.bincount(bars, weights, minlength=len(self)).astype(np.float64)

    def quotient(self, name: str, words: Words, above: np.ndarray, below: np.ndarray | None = None) -> None:
        """Of float64 (B,) and (B,); without the second, of the number of bars."""
        self.words[name] = words
        self.above.append(above)
        self.below.append(np.ones(len(self)) if below is None else below)

    def mean(self, name: str, words: Words, bars: np.ndarray, values: np.ndarray) -> None:
        """The mean of values (N,) that lie in bars (N,); of bool, the share that is true."""
        self.quotient(name, words, self.sum(bars, values.astype(np.float64)), self.sum(bars))

    def shares(self, topic: str, text: str, members: Sequence[str], bars: np.ndarray, which: np.ndarray) -> None:
        """The share of each member, by its index int64 (N,), in bars (N,); "*" in the text stands for the member."""
        below = self.sum(bars)
        for index, member in enumerate(members):
            words = Words(text.replace("*", member), SHARE, topic)
            self.quotient(f"{topic}: {member}", words, self.sum(bars[which == index]), below)
