"""Sound -> file: mastered to one loudness, without clipping, in constant memory.

Sections of any length are measured and spooled to a temporary file beside the result (21 MB per minute), and written
from there block by block under the gain that follows from the measurement.
"""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import numpy as np

from musictool.atomic import DiskFull, check_room, replacing
from musictool.errors import BadOption
from musictool.sound import mp3
from musictool.sound.loudness import BLOCK_FRAMES, RATE, Meter, mastering
from musictool.sound.ogg import renumber

CONTAINERS = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS")}  # of libsndfile
FORMATS = (*CONTAINERS, ".mp3")
LOUDNESS = -14.0  # LUFS, as on streaming services
LOUDNESSES = (-40.0, -8.0)
CEILING = {".wav": -1.0, ".flac": -1.0, ".ogg": -2.0, ".mp3": -2.0}  # dBTP; lossy formats raise peaks
SPOOL_FRAME_BYTES = 8  # two channels of float32
FRAMES = 1024 * BLOCK_FRAMES  # 1.5 s


class Spool:
    """Sound in a temporary file, measured as it is filled; see Meter for `with_peaks`."""

    def __init__(self, folder: Path, with_peaks: bool = True):
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._file = tempfile.TemporaryFile(dir=folder, prefix=".musictool.")  # noqa: SIM115  # closed in __exit__
        self.meter = Meter(with_peaks)

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def fill(self, sections: Iterable[np.ndarray]) -> Spool:
        """Write sections, float32 (2, frames) each, and finish the measurement."""
        # measured by another thread while the next section is made; numpy lets both run at once
        with ThreadPoolExecutor(1) as other:
            measured: Future[None] | None = None
            for section in sections:
                self._write(np.ascontiguousarray(section.T, np.float32))
                if measured:
                    measured.result()
                measured = other.submit(self.meter.add, section)
            if measured:
                measured.result()
        self.meter.finish()
        return self

    def _write(self, samples: np.ndarray) -> None:
        try:
            self._file.write(samples.data)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise DiskFull(self._folder / "temporary sound", self._file.tell()) from None

    def blocks(self) -> Iterator[np.ndarray]:
        """All of the sound in blocks of float32 (2, FRAMES), the last one shorter."""
        self._file.seek(0)
        while block := self._file.read(FRAMES * SPOOL_FRAME_BYTES):
            yield np.frombuffer(block, np.float32).reshape(-1, 2).T


def check_loudness(loudness: float) -> None:
    """Raises BadOption for a loudness outside -40 to -8 LUFS."""
    if not LOUDNESSES[0] <= loudness <= LOUDNESSES[1]:
        raise BadOption(f"--loudness {loudness:g} is not from {LOUDNESSES[0]:g} to {LOUDNESSES[1]:g} LUFS")


def check_sound_room(path: Path, seconds: float) -> None:
    """Raises DiskFull, before anything is written, if there is no room to spool so much sound beside `path`."""
    check_room(path, int(seconds * RATE) * SPOOL_FRAME_BYTES)


def write_mastered(spool: Spool, path: Path, loudness: float = LOUDNESS) -> None:
    """Write a filled spool as `path`, whose suffix is one of `FORMATS`, at a loudness in LUFS."""
    import soundfile

    suffix = path.suffix.lower()
    gain = mastering(spool.meter, loudness, CEILING[suffix])
    blocks = (
        block * _interpolated(gain[number * FRAMES // BLOCK_FRAMES :], block.shape[1])
        for number, block in enumerate(spool.blocks())
    )
    with replacing(path) as partial:
        if suffix == ".mp3":
            mp3.write(partial, blocks)
            return
        container, subtype = CONTAINERS[suffix]
        with soundfile.SoundFile(partial, "w", RATE, 2, subtype=subtype, format=container) as file:
            for block in blocks:
                file.write(block.T)
        if container == "OGG":
            renumber(partial)


def _interpolated(borders: np.ndarray, frames: int) -> np.ndarray:
    """float32 (frames,): linear interpolation of values BLOCK_FRAMES apart."""
    blocks = -(-frames // BLOCK_FRAMES)
    fraction = np.arange(BLOCK_FRAMES, dtype=np.float32) / np.float32(BLOCK_FRAMES)
    lines = borders[:blocks, None] + np.diff(borders[: blocks + 1])[:, None] * fraction
    return lines.reshape(-1)[:frames]
