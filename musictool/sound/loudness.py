"""How loud sound is, as people hear it: ITU-R BS.1770-4, measured section by section, and the gain that masters it.

Loudness (LUFS) is the mean power behind the standard's two filters (K weighting), over blocks of 0.4 s of which the
quiet ones do not count. A true peak is that of the sound between the samples, four times oversampled.

A `Meter` keeps two numbers of each 63 frames (1.4 ms): the true peak and the K-weighted energy. From them alone follows
how loud the sound will be behind any gain that changes slowly, so that a piece of any length is mastered without being
heard twice: `mastering` finds the gain that brings it to a loudness, and lowers it where a peak would pass the ceiling,
5.7 ms before the peak and back at 40 dB a second.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.signal import firwin, sosfilt, upfirdn

RATE = 44100  # frames a second
BLOCK_FRAMES = 63  # a seventieth of 0.1 s
STEP_BLOCKS = 70  # 0.1 s: the gating blocks of 0.4 s begin so far apart
ABSOLUTE_GATE, RELATIVE_GATE = -70.0, -10.0  # LUFS; LU below the loudness of what passed the first
ATTACK_BLOCKS = 4
RELEASE_DECIBELS = 40.0  # a second
MOST_LIMITED_DECIBELS = 9.0  # of common peaks: more, and the limiter is heard; such sound stays softer instead
RARE = 0.005  # of all blocks that are not silent have higher peaks than the common ones
OVERSAMPLED = 4
CORRECTIONS = 8  # of the gain, for what the limiter takes
REACH = 8  # frames before and behind that the oversampling filter hears


def decibels(ratio: float | np.ndarray) -> np.ndarray:
    """Of amplitudes; -200 for nothing."""
    return 20 * np.log10(np.maximum(ratio, 1e-10))


@cache
def k_weighting() -> np.ndarray:
    """float64 (2, 6): the standard's shelf and high-pass at `RATE`, as second-order sections.

    The standard lists coefficients for 48 kHz; these are the analogue filters behind them (as in De Man, "Evaluation of
    implementations of the EBU R128 loudness measurement", 2018), so that any rate can be had.
    """
    high, band = 10 ** (3.999843853973347 / 20), 10 ** (3.999843853973347 / 20 * 0.4996667741545416)
    k = np.tan(np.pi * 1681.974450955533 / RATE)
    damped = k / 0.7071752369554196
    shelf = [high + band * damped + k * k, 2 * (k * k - high), high - band * damped + k * k]
    below = [1 + damped + k * k, 2 * (k * k - 1), 1 - damped + k * k]
    first = [*(value / below[0] for value in shelf), *(value / below[0] for value in below)]
    k = np.tan(np.pi * 38.13547087602444 / RATE)
    damped = k / 0.5003270373238773
    below = [1 + damped + k * k, 2 * (k * k - 1), 1 - damped + k * k]
    return np.array([first, [1.0, -2.0, 1.0, *(value / below[0] for value in below)]])


@cache
def _oversampling() -> np.ndarray:
    """float64 (K,): the filter behind which zeros between the samples become what the converter makes of them."""
    return OVERSAMPLED * firwin(2 * REACH * OVERSAMPLED + 1, 1 / OVERSAMPLED, window=("kaiser", 6.0))


class Meter:
    """What is kept of sound that goes by, float32 (2, frames) a section; its peaks only if they are wanted."""

    def __init__(self, with_peaks: bool = True) -> None:
        self._with_peaks = with_peaks
        self._state = np.zeros((2, 2, 2))  # of the filters: section, channel, memory
        self._rest = np.zeros((2, 0), np.float32)  # frames whose block, or what follows it, is still to come
        self._before = np.zeros((2, REACH), np.float32)
        self._energies: list[np.ndarray] = []
        self._peaks: list[np.ndarray] = []

    def add(self, section: np.ndarray) -> None:
        """Hear on."""
        frames = np.concatenate([self._rest, section], axis=1)
        whole = max(0, frames.shape[1] - REACH) // BLOCK_FRAMES * BLOCK_FRAMES
        self._rest = frames[:, whole:].copy()
        if whole:
            self._measure(frames[:, :whole], self._rest[:, :REACH])

    def finish(self) -> None:
        """Hear what is left, as if silence followed."""
        frames = np.pad(self._rest, ((0, 0), (0, -self._rest.shape[1] % BLOCK_FRAMES)))
        self._rest = frames[:, :0]
        if frames.shape[1]:
            self._measure(frames, np.zeros((2, REACH), np.float32))

    def _measure(self, frames: np.ndarray, after: np.ndarray) -> None:
        weighted, self._state = sosfilt(k_weighting(), frames, zi=self._state)
        self._energies.append((weighted**2).sum(axis=0).reshape(-1, BLOCK_FRAMES).sum(axis=1))
        if not self._with_peaks:
            return
        sound = np.concatenate([self._before, frames, after], axis=1)
        self._before = frames[:, -REACH:].copy()
        between = np.abs(upfirdn(_oversampling().astype(np.float32), sound, OVERSAMPLED)).max(axis=0)
        start = 2 * REACH * OVERSAMPLED  # the filter's delay, and the frames before
        between = between[start : start + frames.shape[1] * OVERSAMPLED]
        self._peaks.append(between.reshape(-1, BLOCK_FRAMES * OVERSAMPLED).max(axis=1))

    @property
    def energies(self) -> np.ndarray:
        """float64 (blocks,): the sum of K-weighted squares of both channels."""
        self._energies = [np.concatenate([np.zeros(0), *self._energies])]
        return self._energies[0]

    @property
    def peaks(self) -> np.ndarray:
        """float32 (blocks,): the true peak of both channels, full scale being 1."""
        self._peaks = [np.concatenate([np.zeros(0, np.float32), *self._peaks])]
        return self._peaks[0]

    @property
    def loudness(self) -> float:
        """LUFS, integrated; -inf for silence."""
        return integrated(self.energies)

    @property
    def true_peak(self) -> float:
        """dBTP."""
        return float(decibels(self.peaks.max(initial=0.0)))


def integrated(energies: np.ndarray) -> float:
    """LUFS of the energies (blocks,) of a Meter; of sound shorter than 0.4 s, its mean without gates."""
    steps = np.add.reduceat(energies, np.arange(0, len(energies), STEP_BLOCKS)) if len(energies) else np.zeros(1)
    steps = steps[: max(1, len(energies) // STEP_BLOCKS)] / (STEP_BLOCKS * BLOCK_FRAMES)
    powers = np.convolve(steps, np.full(4, 0.25), "valid") if len(steps) >= 4 else np.array([steps.mean()])
    loud = powers[_lufs(powers) > ABSOLUTE_GATE]
    if not len(loud):
        return float("-inf")
    return float(_lufs(loud[_lufs(loud) > _lufs(loud.mean()) + RELATIVE_GATE].mean()))


def _lufs(power: np.ndarray | float) -> np.ndarray:
    return -0.691 + 10 * np.log10(np.maximum(power, 1e-20))


def mastering(meter: Meter, loudness: float, ceiling: float) -> np.ndarray:
    """float32 (blocks + 1,): the factor at each border between blocks, straight lines lying between them.

    Args:
        meter: that has heard the sound, and is finished.
        loudness: LUFS to be reached. Sound whose peaks, all but the rarest, would have to be lowered by more than
            `MOST_LIMITED_DECIBELS` stays softer.
        ceiling: dBTP that no peak passes.
    """
    wanted = loudness - meter.loudness
    sounding = meter.peaks[meter.peaks > 1e-3 * meter.peaks.max(initial=0.0)]
    common = np.quantile(sounding, 1 - RARE) if len(sounding) else 1.0
    most = ceiling - float(decibels(common)) + MOST_LIMITED_DECIBELS
    push = min(wanted, most)
    gain = limited(meter.peaks, push, ceiling)
    for _ in range(CORRECTIONS):
        short = loudness - integrated(meter.energies * (0.5 * (gain[1:] + gain[:-1])) ** 2)
        if abs(short) < 0.05 or push >= most:
            break
        push = min(most, push + short)
        gain = limited(meter.peaks, push, ceiling)
    return gain.astype(np.float32)


def limited(peaks: np.ndarray, push: float, ceiling: float) -> np.ndarray:
    """float64 (blocks + 1,): a gain of `push` dB, lowered so that no block's peak passes the ceiling (dBTP)."""
    room = np.minimum(push, ceiling - decibels(peaks))
    padded = np.concatenate([room, np.full(ATTACK_BLOCKS, push)])
    soon = np.lib.stride_tricks.sliding_window_view(padded, ATTACK_BLOCKS + 1).min(axis=1)
    # back to `push` by so much a block: the lowest of all lines that rise from an earlier block
    rise = RELEASE_DECIBELS * BLOCK_FRAMES / RATE * np.arange(len(soon))
    released = np.minimum(push, np.minimum.accumulate(soon - rise) + rise)
    before = np.concatenate([np.full(ATTACK_BLOCKS, released[0] if len(released) else push), released])
    smooth = np.lib.stride_tricks.sliding_window_view(before, ATTACK_BLOCKS + 1).mean(axis=1)
    smooth = np.minimum(smooth, room)  # against rounding
    borders = np.minimum(np.append(smooth, push), np.insert(smooth, 0, smooth[0] if len(smooth) else push))
    return 10 ** (borders / 20)
