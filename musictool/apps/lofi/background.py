"""Background sound: rain and a worn record, both synthesised from noise, or a sound file.

Each is an endless sequence of blocks, float32 (2, FRAMES), at -23 LUFS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from musictool.apps.lofi.tape import Filter
from musictool.errors import BadFile
from musictool.sound.file import FRAMES
from musictool.sound.loudness import RATE, Meter

LEVEL = -23.0  # LUFS
MAX_FILE_SECONDS = 300  # of a longer file the beginning is used
CROSSFADE_SECONDS = 1.0
MEASURED_BLOCKS = 8


def rain(rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Steady rain: broadband noise that swells a little, and drops, some hundred per second."""
    low, high = Filter("low", 7000, order=1), Filter("high", 300)
    drops = [_Impulses(None, seconds, 20, rng) for seconds in (0.001, 0.001, 0.002, 0.002, 0.004, 0.008)]
    swell = 0.0
    while True:
        noise = rng.normal(0, 1, (2, FRAMES)) + 0.5 * rng.normal(0, 1, FRAMES)
        after = rng.normal(0, 1.0)  # decibels
        noise *= 10 ** (np.linspace(swell, after, FRAMES, endpoint=False) / 20)
        swell = after
        yield high(low(noise * 0.3 + sum(drop() for drop in drops)))


def vinyl(rng: np.random.Generator) -> Iterator[np.ndarray]:
    """A worn record: random clicks, a few per second, now and then a loud one, over faint surface noise."""
    hiss = Filter("band", (400, 6000), order=1)
    clicks = [
        _Impulses(2600, 0.0006, 9, rng, spread=0.9),
        _Impulses(1100, 0.0015, 1.5, rng, spread=0.9),
        _Impulses(300, 0.004, 0.3, rng, spread=0.5),
    ]
    while True:
        yield np.asarray(hiss(rng.normal(0, 0.004, (2, FRAMES))) + sum(click() for click in clicks), np.float32)


class _Impulses:
    """Short decaying sounds at random times (a Poisson process), each panned at random.

    Args:
        hertz: of a sine tone; None for noise.
        seconds: the time constant of the decay.
        rate: per second.
        spread: standard deviation of the logarithm of their amplitudes; the median is 1, the greatest `MAX_AMPLITUDE`.
    """

    MAX_AMPLITUDE = 4.0

    def __init__(self, hertz: float | None, seconds: float, rate: float, rng: np.random.Generator, spread: float = 0.7):
        self._rng, self._rate, self._spread = rng, rate, spread
        time = np.arange(int(8 * seconds * RATE)) / RATE
        sound = rng.normal(0, 1, len(time)) if hertz is None else np.sin(2 * np.pi * hertz * time)
        self._sound = sound * np.exp(-time / seconds)
        self._rest = np.zeros((2, len(time)))

    def __call__(self) -> np.ndarray:
        """float64 (2, FRAMES): the next block."""
        length = len(self._sound)
        count = self._rng.poisson(self._rate * FRAMES / RATE)
        amplitudes = np.minimum(np.exp(self._rng.normal(0, self._spread, count)), self.MAX_AMPLITUDE)
        amplitudes *= self._rng.choice((-1, 1), count)
        side = self._rng.uniform(0.2, 0.8, count) * np.pi / 2
        both = amplitudes * np.array([np.cos(side), np.sin(side)])  # (2, count)
        sound = np.zeros((2, FRAMES + length))
        sound[:, :length] = self._rest
        for number, at in enumerate(self._rng.integers(0, FRAMES, count).tolist()):
            sound[:, at : at + length] += both[:, number, None] * self._sound
        self._rest = sound[:, FRAMES:]
        return sound[:, :FRAMES]


def from_file(path: Path) -> Iterator[np.ndarray]:
    """A sound file in a loop, with a crossfade from its end to its beginning.

    Raises:
        BadFile: if it cannot be read, or is silent.
    """
    sound = _looped(_read(path))
    at = 0
    while True:
        places = (at + np.arange(FRAMES)) % sound.shape[1]
        at = int((at + FRAMES) % sound.shape[1])
        yield sound[:, places]


def _read(path: Path) -> np.ndarray:
    """float32 (2, frames) at RATE."""
    import soundfile
    from scipy.signal import resample_poly

    if not path.is_file():
        raise BadFile("not found", str(path))
    try:
        with soundfile.SoundFile(path) as file:
            sound, rate = (
                file.read(MAX_FILE_SECONDS * file.samplerate, dtype="float32", always_2d=True),
                file.samplerate,
            )
    except (soundfile.SoundFileError, OSError, RuntimeError) as error:
        raise BadFile("unreadable", f"{path} is no sound file (.wav .flac .ogg .mp3): {error}") from None
    sound = np.nan_to_num(sound)
    if len(sound) < RATE // 100 or np.abs(sound).max() < 1e-4:
        raise BadFile("silent", f"there is nothing to hear in {path}")
    both = sound[:, [0, -1]] if sound.shape[1] <= 2 else np.repeat(sound.mean(axis=1, keepdims=True), 2, axis=1)
    if rate != RATE:
        common = int(np.gcd(RATE, rate))
        both = resample_poly(both, RATE // common, rate // common, axis=0)
    return np.ascontiguousarray(both.T, np.float32)


def _looped(sound: np.ndarray) -> np.ndarray:
    """float32 (2, fewer frames): the end crossfaded into the beginning."""
    fade = min(int(CROSSFADE_SECONDS * RATE), sound.shape[1] // 4)
    rising = np.sin(np.linspace(0, np.pi / 2, fade, dtype=np.float32))
    out = sound[:, : sound.shape[1] - fade].copy()
    out[:, :fade] = sound[:, :fade] * rising + sound[:, sound.shape[1] - fade :] * rising[::-1]
    return out


GENERATORS: dict[str, Callable[[np.random.Generator], Iterator[np.ndarray]]] = {"rain": rain, "vinyl": vinyl}


def background(name: str, seed: int) -> Iterator[np.ndarray]:
    """The blocks of one of `GENERATORS`, or of a file, at `LEVEL`. Raises BadFile for a file that cannot be read."""
    scale = np.float32(10 ** ((LEVEL - _loudness(name, seed)) / 20))
    return (block * scale for block in _blocks(name, seed))


def _blocks(name: str, seed: int) -> Iterator[np.ndarray]:
    if name not in GENERATORS:
        return from_file(Path(name))
    return GENERATORS[name](np.random.default_rng((seed, 2, list(GENERATORS).index(name))))


def _loudness(name: str, seed: int) -> float:
    meter = Meter(with_peaks=False)
    for _, block in zip(range(MEASURED_BLOCKS), _blocks(name, seed), strict=False):
        meter.add(block)
    if meter.loudness == float("-inf"):
        raise BadFile("silent", f"there is nothing to hear in the first seconds of {name}")
    return meter.loudness
