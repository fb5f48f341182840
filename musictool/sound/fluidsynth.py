"""Notes -> sound by the program FluidSynth, if it is installed: all of the SoundFont format, with reverb."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from musictool.errors import BadFile, MusictoolError
from musictool.music.score import Score
from musictool.sound.loudness import RATE
from musictool.writing import write

PROGRAM = "fluidsynth"
SECTION_FRAMES = 30 * RATE


def sections(score: Score, soundfont: Path) -> Iterator[np.ndarray]:
    """The sound of a piece, sections of float32 (2, frames), unscaled.

    Raises:
        MusictoolError: if the program is not installed or fails.
        BadFile: for a SoundFont that it cannot play.
    """
    import soundfile

    program = shutil.which(PROGRAM)
    if program is None:
        raise MusictoolError(
            "--fluidsynth needs the program fluidsynth, which is not installed; leave the option out to render without"
        )
    if not soundfont.is_file():
        raise BadFile("no SoundFont", f"cannot open {soundfont}")
    with tempfile.TemporaryDirectory() as folder:
        midi, sound = Path(folder) / "song.mid", Path(folder) / "song.wav"
        write(score, midi)
        options = ["-n", "-i", "-q", "-g", "0.3", "-r", str(RATE), "-O", "float", "-T", "wav", "-F", str(sound)]
        done = subprocess.run([program, *options, str(soundfont.resolve()), str(midi)], capture_output=True, text=True)
        output = (done.stderr + done.stdout).strip().splitlines()
        if any("not a SoundFont" in line or "Failed to load SoundFont" in line for line in output):
            raise BadFile("bad SoundFont", f"fluidsynth cannot play {soundfont}")
        if done.returncode or not sound.is_file():
            raise MusictoolError(f"fluidsynth failed: {output[-1] if output else f'exit status {done.returncode}'}")
        with soundfile.SoundFile(sound) as file:
            for block in file.blocks(SECTION_FRAMES, dtype="float32"):
                yield np.ascontiguousarray(block.T)
