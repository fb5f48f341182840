"""Score -> sound file: all tracks with their programs and drums, through a SoundFont, without a system synthesiser.

44.1 kHz stereo, 16 bits in formats with a bit depth, at -14 LUFS with a look-ahead limiter, two seconds of release at
the end. Memory stays within about 0.5 GB however long the piece: it is rendered in sections.

The volume of a note is its velocity: a Score has no channel volume, expression or pan, so that a mix made with those
controllers comes out with the balance of its velocities and of the SoundFont.
"""

from __future__ import annotations

from pathlib import Path

from musictool.errors import BadFile, NoMusic
from musictool.music.score import Score
from musictool.sound import fluidsynth as _fluidsynth
from musictool.sound import synthesis as _synthesis
from musictool.sound.file import FORMATS, LOUDNESS, Spool, check_loudness, check_sound_room, write_mastered
from musictool.sound.soundfont import default_path, load

SUFFIXES = tuple(FORMATS)
MAX_HOURS = 3


def write(
    score: Score, path: Path, soundfont: Path | None = None, fluidsynth: bool = False, loudness: float = LOUDNESS
) -> None:
    """Write a sound file.

    Args:
        soundfont: an `.sf2` file; by default `TimGM6mb.sf2`, which comes with the pretty_midi package.
        fluidsynth: use the program FluidSynth, which must be installed; it reads other SoundFonts (.sf3), too.
        loudness: LUFS, from -40 to -8. Sound whose peaks would have to be lowered by more than 9 dB stays softer.

    Raises:
        BadFile: for a SoundFont that cannot be read, and for pieces longer than 3 hours.
        BadOption: for a loudness out of range.
        NoMusic: if the SoundFont has no sound for any of the notes.
    """
    path = Path(path)
    check_loudness(loudness)
    check_seconds(score.seconds, path)
    check_sound_room(path, score.seconds)
    font = Path(soundfont) if soundfont else default_path()
    sections = _fluidsynth.sections(score, font) if fluidsynth else _synthesis.sections(score, load(font))
    with Spool(path.parent) as spool:
        if not spool.fill(sections).meter.energies.any():
            raise NoMusic(f"the SoundFont has no sound for any note of {path.name}")
        write_mastered(spool, path, loudness)


def check_seconds(seconds: float, path: Path) -> None:
    """Raises BadFile for more than `MAX_HOURS`."""
    if seconds > MAX_HOURS * 3600:
        raise BadFile("too long", f"{path.name} would last {seconds / 3600:.1f} hours; {MAX_HOURS} at most")
