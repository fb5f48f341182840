"""The settings of the benchmark of chorales, from which its flags are made; imports nothing heavy."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from musictool.apps.polyphony.options import BenchmarkSettings
from musictool.music.transposition import Transposition
from musictool.options import flag, option

SCORING = ("orders", "scored", "harmonise")  # settings of how a model is scored, whatever it has learnt


@dataclass(frozen=True)
class ChoraleSettings(BenchmarkSettings):
    """How the model of the benchmark is trained."""

    transpose: Transposition = flag(
        Transposition(0, 0),
        "Shift training pieces by semitones in this range; validation and test pieces stay.",
        metavar="LOW..HIGH",
        parse=Transposition.parse,
        allowed="like -3..3 (0 for none)",
    )

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {**asdict(self), "transpose": str(self.transpose)}


@dataclass(frozen=True)
class OrderlessSettings(ChoraleSettings):
    """How the model of the benchmark without an order is trained and scored."""

    frames: int = option(512, "frames per step", least=1)
    harmonise: int = flag(
        0, "With --orderless: validation sopranos to write three voices to, whose faults are counted.", least=0
    )
    orders: int = flag(5, "Random orders of the frames, with --orderless.", least=1)
    scored: int = flag(
        0, "With --orderless: frames of each piece that are scored, at random.", least=0, default_text="all of 8 bars"
    )
