"""The effects of an old sampler and a worn tape, block by block: float32 (2, frames) in, as many out.

Each effect is an object that keeps its state from block to block. All are written with scipy: the package pedalboard
has filters and a bit crusher, too, but no wow, and its licence is the GPL.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, sosfilt

from musictool.sound.loudness import RATE


class Filter:
    """A Butterworth filter: kind "low", "high" or "band", hertz one edge or two."""

    def __init__(self, kind: str, hertz: float | tuple[float, float], order: int = 2):
        self._sections = butter(order, hertz, kind, fs=RATE, output="sos")
        self._state = np.zeros((len(self._sections), 2, 2))

    def __call__(self, block: np.ndarray) -> np.ndarray:
        """The next block."""
        out, self._state = sosfilt(self._sections, block, zi=self._state)
        return np.asarray(out, np.float32)


class Wow:
    """A tape of uneven speed: pitch changes slowly (wow) and fast (flutter).

    Args:
        wow_cents: the depth of the wow, at 0.55 Hz; 8 cents are 1.3 ms early or late.
        flutter_cents: the depth of the flutter, at 7 Hz.
        rng: for the phases at which the two begin.
    """

    WOW_HERTZ, FLUTTER_HERTZ = 0.55, 7.0
    TAPS = 4  # frames that a value is interpolated from

    def __init__(self, wow_cents: float, flutter_cents: float, rng: np.random.Generator):
        depths = [(self.WOW_HERTZ, wow_cents), (self.FLUTTER_HERTZ, flutter_cents)]
        # a delay of d * sin(2 pi f t) changes pitch by up to a factor of 1 + 2 pi f d
        self._oscillators = [
            (hertz, (2 ** (cents / 1200) - 1) / (2 * np.pi * hertz) * RATE, rng.uniform(0, 2 * np.pi))
            for hertz, cents in depths
        ]
        self._mean_delay = sum(depth for _, depth, _ in self._oscillators)
        self._before = np.zeros((2, int(2 * self._mean_delay) + self.TAPS + 2), np.float32)
        self._frame = 0

    @property
    def delay_seconds(self) -> float:
        """The mean delay of the sound."""
        return self._mean_delay / RATE

    def __call__(self, block: np.ndarray) -> np.ndarray:
        """The next block."""
        frames = block.shape[1]
        sound = np.concatenate([self._before, block], axis=1)
        seconds = (self._frame + np.arange(frames)) / RATE
        delay = self._mean_delay + sum(
            d * np.sin(2 * np.pi * hertz * seconds + phase) for hertz, d, phase in self._oscillators
        )
        at = self._before.shape[1] + np.arange(frames) - 2 - delay
        self._frame += frames
        self._before = sound[:, -self._before.shape[1] :].copy()
        return _interpolated(sound, at)


def _interpolated(sound: np.ndarray, at: np.ndarray) -> np.ndarray:
    """float32 (2, frames): a sound at positions between its frames, by a Catmull-Rom cubic through four frames."""
    whole = np.floor(at).astype(np.int64)
    x = (at - whole).astype(np.float32)
    a, b, c, d = (sound[:, whole + i] for i in (-1, 0, 1, 2))
    return np.asarray(b + 0.5 * x * (c - a + x * (2 * a - 5 * b + 4 * c - d + x * (3 * (b - c) + d - a))), np.float32)


class BitCrusher:
    """Reduces rate and resolution: every `hold`-th frame is held until the next, in 2 ** `bits` steps from -1 to 1."""

    def __init__(self, hold: int, bits: int):
        self._hold, self._steps = hold, 2 ** (bits - 1)
        self._last = np.zeros((2, 1), np.float32)
        self._frame = 0

    def __call__(self, block: np.ndarray) -> np.ndarray:
        """The next block."""
        at = np.arange(block.shape[1])
        kept = at - (self._frame + at) % self._hold
        out = np.where(kept < 0, self._last, block[:, np.maximum(kept, 0)])
        self._frame += block.shape[1]
        self._last = out[:, -1:].copy()
        return np.asarray(np.round(np.clip(out, -1, 1) * self._steps) / self._steps, np.float32)


def saturated(block: np.ndarray, drive: float = 1.5) -> np.ndarray:
    """Tape saturation: a tanh of unit gain for quiet sound."""
    return np.asarray(np.tanh(block * np.float32(drive)) / np.float32(drive), np.float32)


class Ducking:
    """The gain of a sidechain compressor keyed by the kicks: down `decibels` within 6 ms, back within 0.25 s."""

    ATTACK, HOLD, RELEASE = 0.006, 0.05, 0.25  # seconds

    def __init__(self, kick_seconds: np.ndarray, decibels: float):
        self._kicks = np.round(np.sort(kick_seconds) * RATE).astype(np.int64)
        attack, hold, release = (int(seconds * RATE) for seconds in (self.ATTACK, self.HOLD, self.RELEASE))
        rising = 0.5 - 0.5 * np.cos(np.pi * np.arange(release) / release)
        self._dip = -decibels * np.concatenate([np.arange(attack) / attack, np.ones(hold), 1 - rising])
        self._frame = 0

    def gain(self, frames: int) -> np.ndarray:
        """float32 (frames,): the gain of the next frames."""
        dips = np.zeros(frames)
        length = len(self._dip)
        first, last = np.searchsorted(self._kicks, (self._frame - length, self._frame + frames))
        for kick in (self._kicks[first:last] - self._frame).tolist():
            begin, end = max(0, kick), min(frames, kick + length)
            dips[begin:end] = np.minimum(dips[begin:end], self._dip[begin - kick : end - kick])
        self._frame += frames
        return (10 ** (dips / 20)).astype(np.float32)
