"""The options of `musictool lofi`, from which its flags are made; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from musictool import options
from musictool.options import flag

NONE = "none"  # as drums or as a background
GENERATED = ("rain", "vinyl")  # backgrounds that are synthesised


def _drum_styles() -> Sequence[str]:
    from musictool.apps.lofi.drums import styles

    return (*styles(), NONE)


@dataclass(frozen=True)
class LofiOptions:
    """How a piece becomes lo-fi."""

    tempo: float = flag(80.0, "Beats per minute; 70 to 90 is typical.", least=60, most=100)
    swing: float = flag(0.57, "Share of the first of two eighths: 0.5 even, 0.67 triplets.", least=0.5, most=0.7)
    drums: str | None = flag(
        None, "boom-bap, brushes, dusty, half-time, or none.", choices=_drum_styles, default_text="random"
    )
    backgrounds: tuple[str, ...] = flag(
        GENERATED,
        "rain, vinyl, none, or a sound file; may be repeated.",
        name="background",
        repeated=True,
        default_text="rain and vinyl",
    )
    minutes: float | None = flag(
        None, "Duration.", least=0.05, most=180, default_text="that of the piece; with --model 3"
    )
    model: str | None = flag(None, "Model that continues the piece up to --minutes; without one the piece repeats.")
    soundfont: Path | None = flag(None, "SoundFont (.sf2).", default_text="the one inside the pretty_midi package")
    seed: int = flag(0, "Random seed.", least=0, default_text="drawn and printed")

    def __post_init__(self) -> None:
        options.check(self)

    @property
    def sources(self) -> tuple[Path, ...]:
        """The files that are read beside the piece."""
        files = [Path(name) for name in self.backgrounds if name not in (NONE, *GENERATED)]
        return (*files, *filter(None, [self.soundfont]))
