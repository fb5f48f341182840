"""A music file to hear or to look at: any file that can be read, into any that can be written."""

from __future__ import annotations

from pathlib import Path

from musictool.music.score import Score
from musictool.readers._base import read_named
from musictool.writers._base import check_apart, write, writer_of
from musictool.writers._sound_file import LOUDNESS
from musictool.writers.audio import SUFFIXES as SOUND


def render(
    source: Path, out: Path, *, soundfont: Path | None = None, fluidsynth: bool = False, loudness: float = LOUDNESS
) -> Score:
    """Read `source` and write it to `out` in the form that the suffix of `out` names.

    Args:
        source: any file that musictool reads; of a collection of tunes the first is taken.
        soundfont: an `.sf2` file for the sound.
        fluidsynth: let the program FluidSynth play.
        loudness: LUFS. All three are ignored where `out` is no sound.

    Returns:
        The piece that was written.

    Raises:
        BadFile: for a file that cannot be read, a suffix that nothing writes, and a bad SoundFont.
        NoMusic: where there is nothing to hear or see.
    """
    source, out = Path(source), Path(out)
    writer_of(out)  # before a long piece is read
    check_apart(source, out)
    score = read_named(source).scores[0]
    of_sound = {"soundfont": soundfont, "fluidsynth": fluidsynth, "loudness": loudness}
    write(score, out, **(of_sound if out.suffix.lower() in SOUND else {}))
    return score
