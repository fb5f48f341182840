"""What can be set when a corpus is prepared. Importing this loads neither numpy nor a parser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from musictool import options
from musictool.options import flag

SPLIT_BY = ("piece", "folder")


def _parsers() -> Sequence[str]:
    from musictool.reading import MIDI_PARSERS

    return MIDI_PARSERS


@dataclass(frozen=True)
class PrepareOptions:
    """How a source becomes a corpus."""

    name: str | None = flag(None, "What to call the corpus.", metavar="NAME", default_text="as SOURCE is called")
    parser: str = flag(
        "symusic",
        "MIDI parser: symusic, music21 (all formats) or pretty_midi.",
        name="reader",
        metavar="NAME",
        choices=_parsers,
        what="MIDI reader",
    )
    val_split: float = flag(0.1, "Share of the pieces kept for validation.", above=0, below=1)
    split_by: str = flag(
        "piece",
        "What stays together on one side of the split: piece, or folder (all pieces in it, such as one work's).",
        metavar="NAME",
        choices=SPLIT_BY,
    )
    workers: int | None = flag(None, "Worker processes.", least=1, metavar="N", default_text="one per core")
    time_limit_seconds: float = flag(
        60.0,
        "Time for one file (large ones have more); then it is skipped.",
        name="time-limit",
        metavar="SECONDS",
        above=0,
        most=86400,
    )
    metadata: tuple[Path, ...] = flag(
        (),
        "CSV, JSON or tagtraum .cls about the files: artist, title, genre, year; may be repeated.",
        metavar="FILE",
        repeated=True,
    )
    key: bool = flag(True, "Estimate the key of each piece.")
    dask: str | None = flag(
        None, "Let the workers of this Dask scheduler do the work; they must see the same paths.", metavar="ADDRESS"
    )
    fresh: bool = flag(False, "Read every file again, and replace a corpus of this name.", negatable=False)

    def __post_init__(self) -> None:
        options.check(self)
