"""A music file to hear or to look at: any file that can be read, into any that can be written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from musictool.drawing.figure import SUFFIXES as PICTURES
from musictool.music.grid import without_overlaps
from musictool.music.score import Score
from musictool.reading import read_named
from musictool.sound.file import LOUDNESS
from musictool.writers.audio import SUFFIXES as SOUND
from musictool.writing import checked_places, write


def render(
    source: Path,
    out: Path | Sequence[Path],
    *,
    soundfont: Path | None = None,
    fluidsynth: bool = False,
    loudness: float = LOUDNESS,
) -> Score:
    """Read `source` and write it to `out`, one file or several, in the form that the suffix of each names.

    Args:
        source: any file that musictool reads; of a collection of tunes the first is taken.
        soundfont: an `.sf2` file for the sound.
        fluidsynth: let the program FluidSynth play.
        loudness: LUFS. All three are ignored where `out` is no sound.

    Returns:
        The piece that was written.

    Raises:
        BadOption: for a suffix that nothing writes.
        BadFile: for a file that cannot be read or would be written over, and a bad SoundFont.
        NoMusic: where there is nothing to hear or see.
    """
    source, out = Path(source), Path(out) if isinstance(out, str) else out
    outs = checked_places(out, *filter(None, [source, soundfont]))
    score = read_named(source).scores[0]
    of_sound = {"soundfont": soundfont, "fluidsynth": fluidsynth, "loudness": loudness}
    for path in outs:
        write(score, path, **(of_sound if path.suffix.lower() in SOUND else {}))
    return score


def notes_in(score: Score, path: Path) -> int:
    """How many of a piece's notes are in a file that was written: but for pictures, a key of a track is struck once."""
    return len(score.notes if path.suffix.lower() in PICTURES else without_overlaps(score.notes))
