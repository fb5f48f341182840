"""Loudness by ITU-R BS.1770-4, measured section by section, and the gain of a limiter that masters a piece to it.

Loudness (LUFS) is the mean power after the two filters of the standard (K weighting), over gating blocks of 0.4 s of
which the quiet ones do not count. A true peak is that of the sound four times oversampled, also between the samples.

A `Meter` keeps two numbers per 63 frames (1.4 ms): the true peak and the K-weighted energy. They are enough to know the
loudness under any gain that changes slowly, so that a piece of any length is mastered in one pass over its sound:
`mastering` finds the gain that brings it to a loudness, and lowers it where a peak would exceed the ceiling, 5.7 ms
before the peak and back at 40 dB per second.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

RATE = 44100  # frames per second
BLOCK_FRAMES = 63  # a seventieth of 0.1 s
STEP_BLOCKS = 70  # 0.1 s from one gating block of 0.4 s to the next
ABSOLUTE_GATE, RELATIVE_GATE = -70.0, -10.0  # LUFS; LU relative to the loudness of what passes the first gate
ATTACK_BLOCKS = 4
RELEASE_DECIBELS = 40.0  # per second
MAX_REDUCTION_DECIBELS = 9.0  # of common peaks: more would be audible; such sound stays softer instead
RARE = 0.005  # the share of sounding blocks whose peaks are higher than the common ones
OVERSAMPLING = 4
CORRECTIONS = 8  # of the gain, for the loudness that the limiter takes away
TAPS = 8  # frames before and behind that the oversampling filter uses
CHUNK_BLOCKS = 512  # measured at a time: what they need fits into the processor's cache


def decibels(ratio: float | np.ndarray) -> np.ndarray:
    """dB of amplitudes; -200 for 0."""
    return 20 * np.log10(np.maximum(ratio, 1e-10))


@cache
def k_weighting() -> np.ndarray:
    """float64 (2, 6): the standard's shelf and high-pass at `RATE`, as second-order sections.

    The standard lists coefficients for 48 kHz; these are the analogue filters behind them (as in De Man, "Evaluation of
    implementations of the EBU R128 loudness measurement", 2018), so that the rate can be any.
    """
    # H(z) of a high shelf of +4 dB from 1682 Hz on, by the bilinear transform; Q = 0.707
    high, band = 10 ** (3.999843853973347 / 20), 10 ** (3.999843853973347 / 20 * 0.4996667741545416)
    k = np.tan(np.pi * 1681.974450955533 / RATE)
    k_by_q = k / 0.7071752369554196
    shelf = [high + band * k_by_q + k * k, 2 * (k * k - high), high - band * k_by_q + k * k]
    denominator = [1 + k_by_q + k * k, 2 * (k * k - 1), 1 - k_by_q + k * k]
    first = [*(value / denominator[0] for value in shelf), *(value / denominator[0] for value in denominator)]
    # and of a high-pass at 38 Hz; Q = 0.5
    k = np.tan(np.pi * 38.13547087602444 / RATE)
    k_by_q = k / 0.5003270373238773
    denominator = [1 + k_by_q + k * k, 2 * (k * k - 1), 1 - k_by_q + k * k]
    return np.array([first, [1.0, -2.0, 1.0, *(value / denominator[0] for value in denominator)]])


@cache
def _weighting() -> tuple[np.ndarray, np.ndarray]:
    """The K weighting of a whole block at once: a linear map of the filters' memory and the block's frames.

    Returns:
        float64 (4 + BLOCK_FRAMES, BLOCK_FRAMES): to the frames behind the filters.
        float64 (4 + BLOCK_FRAMES, 4): to the memory after the block, two numbers of each section.
    """
    # the filters, run frame by frame (direct form II, transposed) on each input that is 1 in one place and else 0
    inputs = np.eye(4 + BLOCK_FRAMES)
    memory, sound = inputs[:, :4].copy(), inputs[:, 4:].copy()
    for frame in range(BLOCK_FRAMES):
        for first, (b0, b1, b2, _, a1, a2) in zip((0, 2), k_weighting(), strict=True):
            x = sound[:, frame].copy()
            y = sound[:, frame] = b0 * x + memory[:, first]
            memory[:, first] = b1 * x - a1 * y + memory[:, first + 1]
            memory[:, first + 1] = b2 * x - a2 * y
    return sound, memory


@cache
def _oversampling() -> np.ndarray:
    """float32 (BLOCK_FRAMES + 2 * TAPS, BLOCK_FRAMES * OVERSAMPLING): a block, with TAPS frames on each side, to the
    values between its frames: a windowed sinc as low-pass, over zeros inserted between the frames."""
    at = np.arange(-TAPS * OVERSAMPLING, TAPS * OVERSAMPLING + 1)
    low_pass = np.sinc(at / OVERSAMPLING) * np.kaiser(len(at), 6.0)
    low_pass *= OVERSAMPLING / low_pass.sum()
    matrix = np.zeros((BLOCK_FRAMES + 2 * TAPS, (BLOCK_FRAMES + 2 * TAPS) * OVERSAMPLING + len(at)), np.float32)
    for frame, row in enumerate(matrix):
        row[frame * OVERSAMPLING : frame * OVERSAMPLING + len(at)] = low_pass
    start = 2 * TAPS * OVERSAMPLING  # the delay of the filter, and the frames before
    return np.ascontiguousarray(matrix[:, start : start + BLOCK_FRAMES * OVERSAMPLING])


class Meter:
    """Measures sound section by section, float32 (2, frames) each.

    Args:
        with_peaks: measure true peaks, too, which `mastering` needs.
    """

    def __init__(self, with_peaks: bool = True) -> None:
        self._with_peaks = with_peaks
        self._memory = np.zeros((2, 4))  # of the filters, for each channel
        self._rest = np.zeros((2, 0), np.float32)  # frames that wait for the rest of their block and TAPS more
        self._before = np.zeros((2, TAPS), np.float32)
        self._energies: list[np.ndarray] = []
        self._peaks: list[np.ndarray] = []

    def add(self, section: np.ndarray) -> None:
        """Measure the next section."""
        frames = np.concatenate([self._rest, section], axis=1)
        whole = max(0, frames.shape[1] - TAPS) // BLOCK_FRAMES * BLOCK_FRAMES
        self._rest = frames[:, whole:].copy()
        if whole:
            self._measure(frames[:, :whole], self._rest[:, :TAPS])

    def finish(self) -> None:
        """Measure the frames that are left, as if silence followed."""
        frames = np.pad(self._rest, ((0, 0), (0, -self._rest.shape[1] % BLOCK_FRAMES)))
        self._rest = frames[:, :0]
        if frames.shape[1]:
            self._measure(frames, np.zeros((2, TAPS), np.float32))

    def _measure(self, frames: np.ndarray, after: np.ndarray) -> None:
        """Whole blocks of frames, and the TAPS frames after them."""
        sound = np.concatenate([self._before, frames, after], axis=1)
        self._before = frames[:, -TAPS:].copy()
        energies = np.zeros(frames.shape[1] // BLOCK_FRAMES)
        peaks = np.zeros(len(energies), np.float32)
        for channel in range(2):
            # (blocks, TAPS + BLOCK_FRAMES + TAPS), overlapping
            blocks = sliding_window_view(sound[channel], BLOCK_FRAMES + 2 * TAPS)[::BLOCK_FRAMES]
            for first in range(0, len(blocks), CHUNK_BLOCKS):
                chunk, at = (
                    np.ascontiguousarray(blocks[first : first + CHUNK_BLOCKS]),
                    slice(first, first + CHUNK_BLOCKS),
                )
                energies[at] += self._energy(chunk[:, TAPS:-TAPS], channel)
                if self._with_peaks:
                    between = chunk @ _oversampling()
                    peaks[at] = np.maximum(peaks[at], np.maximum(between.max(axis=1), -between.min(axis=1)))
        self._energies.append(energies)
        if self._with_peaks:
            self._peaks.append(peaks)

    def _energy(self, blocks: np.ndarray, channel: int) -> np.ndarray:
        """float64 (B,): the sum of squares of each block (B, BLOCK_FRAMES) behind the K weighting."""
        to_sound, to_memory = _weighting()
        # the memory at the start of each block and after the last: what the one before leaves, and of all earlier ones
        # what is left after one block, two, four, ... until nothing is
        memory = np.concatenate([self._memory[None, channel], blocks @ to_memory[4:]])
        decay, distance = to_memory[:4], 1
        while distance < len(memory) and np.abs(decay).max() > 1e-20:
            memory[distance:] += memory[:-distance] @ decay
            decay, distance = decay @ decay, 2 * distance
        self._memory[channel] = memory[-1]
        weighted = blocks @ to_sound[4:] + memory[:-1] @ to_sound[:4]
        return np.einsum("bf,bf->b", weighted, weighted)

    @property
    def energies(self) -> np.ndarray:
        """float64 (blocks,): the sum of K-weighted squares of both channels."""
        self._energies = [np.concatenate([np.zeros(0), *self._energies])]
        return self._energies[0]

    @property
    def peaks(self) -> np.ndarray:
        """float32 (blocks,): the higher true peak of the two channels, full scale being 1."""
        self._peaks = [np.concatenate([np.zeros(0, np.float32), *self._peaks])]
        return self._peaks[0]

    @property
    def loudness(self) -> float:
        """LUFS, integrated; -inf for silence."""
        return integrated(self.energies)


def integrated(energies: np.ndarray) -> float:
    """LUFS of the energies (blocks,) of a Meter; of sound shorter than 0.4 s, its mean without gates."""
    # mean power of each 0.1 s, and of gating blocks of 0.4 s that overlap by 0.3 s
    steps = np.add.reduceat(energies, np.arange(0, len(energies), STEP_BLOCKS)) if len(energies) else np.zeros(1)
    steps = steps[: max(1, len(energies) // STEP_BLOCKS)] / (STEP_BLOCKS * BLOCK_FRAMES)
    powers = np.convolve(steps, np.full(4, 0.25), "valid") if len(steps) >= 4 else np.array([steps.mean()])
    # mean of the blocks above -70 LUFS, then of those above that mean less 10 LU
    loud = powers[_lufs(powers) > ABSOLUTE_GATE]
    if not len(loud):
        return float("-inf")
    return float(_lufs(loud[_lufs(loud) > _lufs(loud.mean()) + RELATIVE_GATE].mean()))


def _lufs(power: np.ndarray | float) -> np.ndarray:
    return -0.691 + 10 * np.log10(np.maximum(power, 1e-20))


def mastering(meter: Meter, loudness: float, ceiling: float) -> np.ndarray:
    """float32 (blocks + 1,): the gain factor at each border between blocks, to be interpolated linearly.

    Args:
        meter: of the whole sound, finished.
        loudness: the target, LUFS. Sound whose common peaks would have to be lowered by more than
            `MAX_REDUCTION_DECIBELS` stays softer.
        ceiling: dBTP that no peak exceeds.
    """
    # the gain in dB without a limiter, and the most that common peaks allow
    sounding = meter.peaks[meter.peaks > 1e-3 * meter.peaks.max(initial=0.0)]
    common = np.quantile(sounding, 1 - RARE) if len(sounding) else 1.0
    max_gain = ceiling - float(decibels(common)) + MAX_REDUCTION_DECIBELS
    gain_decibels = min(loudness - meter.loudness, max_gain)
    gain = limited(meter.peaks, gain_decibels, ceiling)
    # more gain for what the limiter took, until the target is met within 0.05 LU
    for _ in range(CORRECTIONS):
        missing = loudness - integrated(meter.energies * (0.5 * (gain[1:] + gain[:-1])) ** 2)
        if abs(missing) < 0.05 or gain_decibels >= max_gain:
            break
        gain_decibels = min(max_gain, gain_decibels + missing)
        gain = limited(meter.peaks, gain_decibels, ceiling)
    return gain.astype(np.float32)


def limited(peaks: np.ndarray, gain_decibels: float, ceiling: float) -> np.ndarray:
    """float64 (blocks + 1,): the gain factor at each border, lowered so that no peak (blocks,) exceeds the ceiling."""
    # the highest gain of each block, and the lowest of these among it and the next ATTACK_BLOCKS
    allowed = np.minimum(gain_decibels, ceiling - decibels(peaks))
    padded = np.concatenate([allowed, np.full(ATTACK_BLOCKS, gain_decibels)])
    ahead = sliding_window_view(padded, ATTACK_BLOCKS + 1).min(axis=1)
    # release: the lowest of all lines that rise from an earlier block by RELEASE_DECIBELS per second
    rise = RELEASE_DECIBELS * BLOCK_FRAMES / RATE * np.arange(len(ahead))
    released = np.minimum(gain_decibels, np.minimum.accumulate(ahead - rise) + rise)
    # attack: the mean over the last ATTACK_BLOCKS, which reaches the lowest gain when its peak comes
    before = np.concatenate([np.full(ATTACK_BLOCKS, released[0] if len(released) else gain_decibels), released])
    smooth = sliding_window_view(before, ATTACK_BLOCKS + 1).mean(axis=1)
    smooth = np.minimum(smooth, allowed)  # against rounding
    # at each border the lower gain of its two blocks
    first = smooth[0] if len(smooth) else gain_decibels
    borders = np.minimum(np.append(smooth, gain_decibels), np.insert(smooth, 0, first))
    return 10 ** (borders / 20)
