"""Score -> sound file: every track with its program and its drums, through a SoundFont, without a system synthesiser.

44.1 kHz stereo, 16 bits where the format has bits, scaled to a peak of -1 dBFS, two seconds of ringing at the end.
Memory stays within about 0.5 GB however long the piece: it is rendered in sections into a temporary file beside `path`
(21 MB a minute), whose peak is then known, and written on from there in blocks.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO

import numpy as np

from musictool.atomic import replacing
from musictool.errors import BadFile, NoMusic
from musictool.music.score import Score
from musictool.writers._ogg import renumber
from musictool.writers._soundfont import SoundFont, default_path, load
from musictool.writers._synthesis import RATE, sections

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")

PEAK = 10 ** (-1 / 20)  # -1 dBFS: room for what lossy formats add
LONGEST_HOURS = 3
BLOCK_FRAMES = 1 << 16
FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}


def write(score: Score, path: Path, soundfont: Path | None = None) -> None:
    """Write a sound file.

    Args:
        soundfont: an `.sf2` file; by default `TimGM6mb.sf2`, which comes inside the pretty_midi package.

    Raises:
        BadFile: for a SoundFont that cannot be read, and for pieces longer than 3 hours.
        NoMusic: where the SoundFont has no sound for any of the notes.
    """
    path = Path(path)
    if score.seconds > LONGEST_HOURS * 3600:
        raise BadFile("too long", f"{path.name} would last {score.seconds / 3600:.1f} hours; {LONGEST_HOURS} at most")
    font = load(Path(soundfont) if soundfont else default_path())
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=path.parent, prefix=f".{path.stem}.") as spool:
        peak = _render_into(spool, score, font)
        if not peak:
            raise NoMusic(f"the SoundFont has no sound for any note of {path.name}")
        _write_out(spool, path, PEAK / peak)


def _render_into(spool: IO[bytes], score: Score, font: SoundFont) -> float:
    """The peak, 0..; float32 frames of left and right."""
    peak = 0.0
    for section in sections(score, font):
        peak = max(peak, float(np.abs(section).max()))
        spool.write(np.ascontiguousarray(section.T).data)
    spool.seek(0)
    return peak


def _write_out(spool: IO[bytes], path: Path, scale: float) -> None:
    import soundfile

    container, subtype = FORMATS[path.suffix.lower()]
    with replacing(path) as partial:
        with soundfile.SoundFile(partial, "w", RATE, 2, subtype=subtype, format=container) as file:
            while block := spool.read(BLOCK_FRAMES * 8):
                file.write(np.frombuffer(block, np.float32).reshape(-1, 2) * np.float32(scale))
        if container == "OGG":
            renumber(partial)
