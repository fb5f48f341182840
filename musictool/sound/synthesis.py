"""A synthesiser in numpy: notes -> sound, from the samples of a SoundFont.

Each (region, key) is synthesised once, held without an end, as a *tone*: resampled, looped, filtered, under its
envelope. A note is then a piece of a tone, at the gain of its velocity, followed by the release of its region. So notes
ring on after their end, drums ring out however short they are written, and loud is louder than soft; symusic 0.5.9's
synthesiser does none of these (notes end within 3 ms, and every velocity sounds the same).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator
from operator import attrgetter
from typing import NamedTuple

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
CHUNK_WINDOWS = 128  # filtered at a time: they fit into the processor's cache

# generators by their numbers in the format (its section 8.1.2)
PAN, FILTER, FILTER_ENVELOPE, ATTENUATE, COARSE, FINE, SCALE = 17, 8, 11, 48, 51, 52, 56


class Voice(NamedTuple):
    """A note in one of the regions that sound for it: `frames` held from frame `onset` of the piece on."""

    onset: int
    frames: int
    region: Region
    pitch: int
    velocity: int


def sections(score: Score, font: SoundFont) -> Iterator[np.ndarray]:
    """The sound of a piece, sections of float32 (2, frames), unscaled; ends `TAIL_SECONDS` after the last note."""
    voices = _voices(score, font)
    tones = Tones(font.samples, voices)
    total, section = int(_frames(score.seconds + TAIL_SECONDS)), SECTION_SECONDS * RATE
    rest, first = np.zeros((2, 0), np.float32), 0  # what rings on after a section, and the first voice of the next
    for start in range(0, total, section):
        last = bisect_left(voices, start + section, lo=first, key=attrgetter("onset"))
        ends = [voice.onset - start + voice.frames + len(tones.release(voice.region)) for voice in voices[first:last]]
        mix = np.zeros((2, max([section, rest.shape[1], *ends])), np.float32)
        mix[:, : rest.shape[1]] = rest
        for voice in voices[first:last]:
            sound = tones.sound(voice)
            mix[:, voice.onset - start : voice.onset - start + sound.shape[1]] += sound
        yield mix[:, : min(section, total - start)]
        rest, first = mix[:, section:], last


def _voices(score: Score, font: SoundFont) -> list[Voice]:
    """What sounds, in the order of onsets."""
    notes = without_overlaps(score.notes)
    onsets = _frames(score.to_seconds(notes["onset_ticks"]))
    ends = _frames(score.to_seconds(notes["onset_ticks"] + notes["duration_ticks"].astype(np.int64)))
    lengths = np.minimum(ends - onsets, _frames(MAX_NOTE_SECONDS))
    regions = [font.regions(track.program, track.is_drum) for track in score.tracks]
    columns = (onsets, lengths, notes["track"], notes["pitch"], notes["velocity"])
    return [
        Voice(onset, length, region, pitch, velocity)
        for onset, length, track, pitch, velocity in zip(*(column.tolist() for column in columns), strict=True)
        for region in regions[track]
        if region.covers(pitch, velocity)
    ]


def _frames(seconds: np.ndarray | float) -> np.ndarray:
    return np.ceil(np.asarray(seconds) * RATE).astype(np.int64)


def gain(velocity: int) -> np.float32:
    """The amplitude of a velocity, 127 being 1: the square, as the SoundFont format defines it."""
    return np.float32((velocity / 127) ** 2)


class Tones:
    """What voices sound like. Tones are cached by region and key; the least recently used go beyond `CACHE_BYTES`."""

    def __init__(self, samples: np.ndarray, voices: list[Voice]):
        self._samples = samples
        self._cache: OrderedDict[tuple[Region, int], np.ndarray] = OrderedDict()
        self._bytes = 0
        self._releases: dict[Region, np.ndarray] = {}
        # each tone is made once, as long as the longest voice needs it
        self._frames: dict[tuple[Region, int], int] = {}
        for voice in voices:
            frames = voice.frames + len(self.release(voice.region))
            self._frames[voice.region, voice.pitch] = max(frames, self._frames.get((voice.region, voice.pitch), 0))

    def sound(self, voice: Voice) -> np.ndarray:
        """float32 (2, M): a voice with its release; shorter only if its sample ends before."""
        region, frames, release = voice.region, voice.frames, self.release(voice.region)
        # constant-power panning
        angle = (min(500, max(-500, region.amount(PAN))) + 500) / 1000 * np.pi / 2
        shares = np.array([[np.cos(angle)], [np.sin(angle)]], np.float32) * gain(voice.velocity)
        sound = self._tone(region, voice.pitch)[: frames + len(release)] * shares
        end = sound[:, frames:]
        end *= release[: end.shape[1]]
        return sound

    def release(self, region: Region) -> np.ndarray:
        """float32 (frames,): a fall even in decibels to the level at which it is cut, times a line to 0."""
        if region not in self._releases:
            seconds = min(max(region.seconds(38), MIN_RELEASE_SECONDS), TAIL_SECONDS)
            fall = np.arange(int(seconds * RATE), dtype=np.float32) / np.float32(seconds * RATE)
            decibels = 100 * seconds / max(region.seconds(38), seconds)
            self._releases[region] = (1 - fall) * _amplitude(-decibels * fall)
        return self._releases[region]

    def _tone(self, region: Region, key: int) -> np.ndarray:
        tone = self._cache.get((region, key))
        if tone is None:
            tone = self._cache[region, key] = play(self._samples, region, key, self._frames[region, key])
            self._bytes += tone.nbytes
        self._cache.move_to_end((region, key))
        while self._bytes > CACHE_BYTES and len(self._cache) > 1:
            self._bytes -= self._cache.popitem(last=False)[1].nbytes
        return tone


def _amplitude(decibels: np.ndarray) -> np.ndarray:
    """float32 of the same shape: what is multiplied with."""
    return np.exp(decibels * np.float32(np.log(10) / 20))


def play(samples: np.ndarray, region: Region, key: int, frames: int) -> np.ndarray:
    """float32 (M,), about -1..1: a key held for `frames`; a sample without a loop is played to its end instead."""
    # how many frames of the sample go by per frame of sound
    cents = (key - region.root_key) * region.amount(SCALE) + region.correction_cents
    cents += 100 * region.amount(COARSE) + region.amount(FINE)
    step = 2 ** (cents / 1200) * region.sample_rate / RATE
    looped = region.amount(LOOPS) in (1, 3) and region.loop_end > region.loop_start
    if not looped:
        frames = max(1, min(int(_frames(MAX_NOTE_SECONDS + TAIL_SECONDS)), int((region.end - 1 - region.start) / step)))
    # positions in the sample, from the end of the loop back to its start
    at = region.start + np.arange(frames) * step
    if looped:
        past = at[np.searchsorted(at, region.loop_end) :]
        past -= np.floor((past - region.loop_start) / (region.loop_end - region.loop_start)) * (
            region.loop_end - region.loop_start
        )
    # linear interpolation between two frames
    whole = at.astype(np.int64)
    fraction = (at - whole).astype(np.float32)
    low, high = (samples.take(frame, mode="clip").astype(np.float32) for frame in (whole, whole + 1))
    tone = (low + (high - low) * fraction) / np.float32(32768)
    return _filtered(tone, region) * _envelope(region, frames)


def _envelope(region: Region, frames: int) -> np.ndarray:
    """float32 (frames,): delay, linear attack, hold, then a decay even in decibels; all of it attenuated."""
    delay, attack, hold, decay = (region.seconds(generator) for generator in (33, 34, 35, 36))
    seconds = np.arange(frames, dtype=np.float32) / np.float32(RATE) - np.float32(delay)
    rising = np.clip(seconds / max(attack, 1e-3), 0, 1)
    sustain_decibels = min(100.0, max(0.0, region.amount(37) / 10))
    falling = np.clip((seconds - attack - hold) * (100 / max(decay, 1e-3)), 0, sustain_decibels)
    falling += max(0.0, ATTENUATION * region.amount(ATTENUATE) / 10)
    return (rising * _amplitude(-falling)).astype(np.float32)


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
    cutoff = (CENTS_8_HZ * 2 ** (np.clip(cutoff_cents, 1500, 13500) / 1200)).astype(np.float32)
    # overlapping windows, each multiplied by its response in the frequency domain, and added up again
    padded = np.concatenate([np.zeros(HOP, np.float32), tone, np.zeros(WINDOW, np.float32)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]  # (F, WINDOW)
    window = np.sin(np.pi * (np.arange(WINDOW) + 0.5) / WINDOW).astype(np.float32)
    bins = np.fft.rfftfreq(WINDOW, 1 / RATE).astype(np.float32)
    out = np.zeros((len(frames) + 1, HOP), np.float32)
    for first in range(0, len(frames), CHUNK_WINDOWS):
        chunk = frames[first : first + CHUNK_WINDOWS]
        squared = np.square(bins / cutoff[first : first + len(chunk), None])
        chunk = np.fft.irfft(np.fft.rfft(chunk * window) / np.sqrt(1 + squared * squared), WINDOW) * window
        out[first : first + len(chunk)] += chunk[:, :HOP]
        out[first + 1 : first + 1 + len(chunk)] += chunk[:, HOP:]
    return out.reshape(-1)[HOP : HOP + len(tone)]
