"""A synthesiser in numpy: notes -> sound, from the samples of a SoundFont.

Each (region, key) is synthesised once, held without an end, as a *tone*: resampled, looped, filtered, under its
envelope. A note is then a piece of a tone, at the gain of its velocity, followed by the release of its region. So notes
ring on after their end, drums ring out however short they are written, and loud is louder than soft; symusic 0.5.9's
synthesiser does none of these (notes end within 3 ms, and every velocity sounds the same).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

import numpy as np

from musictool.music.grid import without_overlaps
from musictool.music.score import Score
from musictool.sound.soundfont import CENTS_8_HZ, LOOPS, Region, SoundFont

RATE = 44100  # frames per second
TAIL_SECONDS = 2.0  # the longest release of a note, and the length of sound after the last note
MAX_NOTE_SECONDS = 60.0  # a longer one falls silent there; bounds the memory
SECTION_SECONDS = 30
CACHE_BYTES = 256 * 2**20  # of tones kept for later notes
MIN_RELEASE_SECONDS = 0.03  # against clicks
ATTENUATION = 0.4  # of the attenuation in the file, as in the hardware for which SoundFonts were tuned
FILTER_OPEN_CENTS = 12500  # about 11 kHz: the samples have nothing above it
WINDOW, HOP = 512, 256  # frames of the time-varying filter

# generators by their numbers in the format (its section 8.1.2)
PAN, FILTER, FILTER_ENVELOPE, ATTENUATE, COARSE, FINE, SCALE = 17, 8, 11, 48, 51, 52, 56


def sections(score: Score, font: SoundFont) -> Iterator[np.ndarray]:
    """The sound of a piece, sections of float32 (2, frames), unscaled; ends `TAIL_SECONDS` after the last note."""
    # onsets and lengths of notes in frames
    notes = without_overlaps(score.notes)
    onsets = _frames(score.to_seconds(notes["onset_ticks"]))
    lengths = _frames(score.to_seconds(notes["onset_ticks"] + notes["duration_ticks"].astype(np.int64))) - onsets
    lengths = np.minimum(lengths, _frames(MAX_NOTE_SECONDS))
    total, section = int(_frames(score.seconds + TAIL_SECONDS)), SECTION_SECONDS * RATE
    # the mix reaches beyond a section by the longest note; what is left moves to the front for the next one
    mix = np.zeros((2, section + int(_frames(MAX_NOTE_SECONDS + TAIL_SECONDS)) + 1), np.float32)
    regions = [font.regions(track.program, track.is_drum) for track in score.tracks]
    tones = Tones(font.samples)
    for start in range(0, total, section):
        for i in range(*np.searchsorted(onsets, (start, start + section))):
            for region in regions[notes["track"][i]]:
                pitch, velocity = int(notes["pitch"][i]), int(notes["velocity"][i])
                if _covers(region.keys, pitch) and _covers(region.velocities, velocity):
                    _mix_in(mix[:, onsets[i] - start :], region, tones, pitch, velocity, int(lengths[i]))
        yield mix[:, : min(section, total - start)].copy()
        mix[:, :-section] = mix[:, section:]
        mix[:, -section:] = 0


def _frames(seconds: np.ndarray | float) -> np.ndarray:
    return np.ceil(np.asarray(seconds) * RATE).astype(np.int64)


def _covers(span: tuple[int, int], value: int) -> bool:
    return span[0] <= value <= span[1]


def _mix_in(mix: np.ndarray, region: Region, tones: Tones, pitch: int, velocity: int, length: int) -> None:
    """Add a note of `length` frames, and its release, to the beginning of `mix`."""
    # the release: a fall even in decibels to the level at which it is cut, times a line to 0
    release = min(max(region.seconds(38), MIN_RELEASE_SECONDS), TAIL_SECONDS)
    fall = np.arange(int(release * RATE), dtype=np.float32) / np.float32(release * RATE)
    decibels = 100 * release / max(region.seconds(38), release)
    sound = tones.get(region, pitch, length + len(fall))[: length + len(fall)] * gain(velocity)
    end = sound[length:]
    end *= (1 - fall[: len(end)]) * 10 ** (-decibels / 20 * fall[: len(end)])
    # constant-power panning
    angle = (min(500, max(-500, region.amount(PAN))) + 500) / 1000 * np.pi / 2
    mix[0, : len(sound)] += sound * np.float32(np.cos(angle))
    mix[1, : len(sound)] += sound * np.float32(np.sin(angle))


def gain(velocity: int) -> np.float32:
    """The amplitude of a velocity, 127 being 1: the square, as the SoundFont format defines it."""
    return np.float32((velocity / 127) ** 2)


class Tones:
    """A cache of tones by region and key; the least recently used go when they fill `CACHE_BYTES`."""

    def __init__(self, samples: np.ndarray):
        self._samples = samples
        self._cache: OrderedDict[tuple[Region, int], np.ndarray] = OrderedDict()
        self._bytes = 0

    def get(self, region: Region, key: int, frames: int) -> np.ndarray:
        """float32 (M,): at least `frames` of the tone; fewer only if its sample ends before."""
        tone = self._cache.pop((region, key), None)
        if tone is not None:
            self._bytes -= tone.nbytes
        if tone is None or (len(tone) < frames and region.amount(LOOPS) in (1, 3)):
            tone = play(self._samples, region, key, 1 << max(RATE // 2, frames - 1).bit_length())
        self._cache[region, key] = tone
        self._bytes += tone.nbytes
        while self._bytes > CACHE_BYTES and len(self._cache) > 1:
            self._bytes -= self._cache.popitem(last=False)[1].nbytes
        return tone


def play(samples: np.ndarray, region: Region, key: int, frames: int) -> np.ndarray:
    """float32 (M,), about -1..1: a key held for `frames`; a sample without a loop is played to its end instead."""
    # how many frames of the sample go by per frame of sound
    cents = (key - region.root_key) * region.amount(SCALE) + region.correction_cents
    cents += 100 * region.amount(COARSE) + region.amount(FINE)
    step = 2 ** (cents / 1200) * region.sample_rate / RATE
    looped = region.amount(LOOPS) in (1, 3) and region.loop_end > region.loop_start
    if not looped:
        frames = max(1, min(int(_MAX_FRAMES), int((region.end - 1 - region.start) / step)))
    # positions in the sample, from the end of the loop back to its start
    at = region.start + np.arange(frames) * step
    if looped:
        past = at >= region.loop_end
        at[past] = region.loop_start + (at[past] - region.loop_start) % (region.loop_end - region.loop_start)
    # linear interpolation between two frames
    whole = np.clip(at.astype(np.int64), 0, len(samples) - 2)
    fraction = (at - whole).astype(np.float32)
    low, high = samples[whole].astype(np.float32), samples[whole + 1].astype(np.float32)
    tone = (low + (high - low) * fraction) / np.float32(32768)
    return _filtered(tone, region) * _envelope(region, frames)


_MAX_FRAMES = _frames(MAX_NOTE_SECONDS + TAIL_SECONDS)


def _envelope(region: Region, frames: int) -> np.ndarray:
    """float32 (frames,): delay, linear attack, hold, then a decay even in decibels; all of it attenuated."""
    delay, attack, hold, decay = (region.seconds(generator) for generator in (33, 34, 35, 36))
    seconds = np.arange(frames, dtype=np.float32) / np.float32(RATE) - np.float32(delay)
    rising = np.clip(seconds / max(attack, 1e-3), 0, 1)
    sustain_decibels = min(100.0, max(0.0, region.amount(37) / 10))
    falling = np.clip((seconds - attack - hold) * (100 / max(decay, 1e-3)), 0, sustain_decibels)
    falling += max(0.0, ATTENUATION * region.amount(ATTENUATE) / 10)
    return (rising * 10 ** (-falling / 20)).astype(np.float32)


def _filtered(tone: np.ndarray, region: Region) -> np.ndarray:
    """A low-pass of 12 dB per octave whose cutoff follows the modulation envelope of the region."""
    # the cutoff at each hop
    seconds = np.arange(0, len(tone) + WINDOW, HOP) / RATE
    attack, hold, decay = (region.seconds(generator) for generator in (26, 27, 28))
    sustain = 1 - min(1000, max(0, region.amount(29))) / 1000
    opening = np.clip(seconds / max(attack, 1e-3), 0, 1)
    opening *= np.maximum(sustain, 1 - np.clip((seconds - attack - hold) / max(decay, 1e-3), 0, 1))
    cutoff_cents = region.amount(FILTER) + region.amount(FILTER_ENVELOPE) * opening
    if cutoff_cents.min() >= FILTER_OPEN_CENTS:
        return tone
    cutoff = CENTS_8_HZ * 2 ** (np.clip(cutoff_cents, 1500, 13500) / 1200)
    # overlapping windows, each multiplied by its response in the frequency domain, and added up again
    padded = np.concatenate([np.zeros(HOP, np.float32), tone, np.zeros(WINDOW, np.float32)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]  # (F, WINDOW)
    window = np.sin(np.pi * (np.arange(WINDOW) + 0.5) / WINDOW).astype(np.float32)
    ratio = np.fft.rfftfreq(WINDOW, 1 / RATE) / cutoff[: len(frames), None]
    response = (1 / np.sqrt(1 + ratio**4)).astype(np.float32)
    frames = np.fft.irfft(np.fft.rfft(frames * window) * response, WINDOW) * window
    out = np.zeros(len(frames) * HOP + HOP, np.float32)
    out[:-HOP] += frames[:, :HOP].reshape(-1)
    out[HOP:] += frames[:, HOP:].reshape(-1)
    return out[HOP : HOP + len(tone)]
