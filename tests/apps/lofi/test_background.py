from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import welch
from scipy.stats import kurtosis

from musictool.apps.lofi.background import GENERATORS, background
from musictool.errors import BadFile
from musictool.sound.loudness import RATE, Meter


def sound_of(name: str, seed: int = 1, blocks: int = 10) -> np.ndarray:
    return np.concatenate(list(islice(background(name, seed), blocks)), axis=1)


def spectrum(sound: np.ndarray, low: float, high: float) -> np.ndarray:
    hertz, power = welch(sound.mean(axis=0), RATE, nperseg=4096)
    return power[(hertz > low) & (hertz < high)]


@pytest.mark.parametrize("name", GENERATORS)
def test_generated_sound_is_fixed_by_the_seed_and_of_the_given_loudness(name):
    sound = sound_of(name)
    assert np.array_equal(sound[:, :RATE], sound_of(name, blocks=1)[:, :RATE])
    assert not np.array_equal(sound[:, :RATE], sound_of(name, seed=2, blocks=1)[:, :RATE])
    meter = Meter()
    meter.add(sound)
    assert meter.loudness == pytest.approx(-23, abs=1)


def test_rain_is_broadband_and_steady_and_has_drops():
    sound = sound_of("rain")
    power = spectrum(sound, 300, 10_000)
    assert np.exp(np.log(power).mean()) / power.mean() > 0.6  # spectral flatness; 1 is white noise
    loud = 10 * np.log10((sound[0, : RATE * 12] ** 2).reshape(24, -1).mean(axis=1))
    assert np.ptp(loud) < 9
    assert kurtosis(sound[0]) > 1  # noise alone: 0
    assert np.corrcoef(sound)[0, 1] < 0.8


def test_vinyl_crackles_at_random():
    sound = sound_of("vinyl", blocks=30)
    height = np.abs(sound).max(axis=0)
    struck = np.flatnonzero(height > 8 * np.median(height))
    first = struck[np.insert(np.diff(struck) > 300, 0, True)]
    apart = np.diff(first) / RATE
    assert 6 < len(first) / (sound.shape[1] / RATE) < 14
    assert apart.std() / apart.mean() == pytest.approx(1, abs=0.25)  # as of a Poisson process
    assert kurtosis(sound[0]) > 100


def write_tone(path: Path, rate: int, channels: int, seconds: float = 1.0, gain: float = 0.5) -> str:
    wave = gain * np.sin(2 * np.pi * 441 * np.arange(int(seconds * rate)) / rate)
    soundfile.write(path, np.stack([wave] * channels, axis=1), rate)
    return str(path)


@pytest.mark.parametrize("rate, channels", [(44100, 2), (44100, 1), (22050, 1), (48000, 6)])
def test_a_file_goes_round_without_a_gap_at_the_right_pitch(tmp_path, rate, channels):
    sound = sound_of(write_tone(tmp_path / "a.wav", rate, channels), blocks=4)
    strength = np.abs(np.fft.rfft(sound[0, :RATE]))
    assert np.argmax(strength) == 441
    level = (sound[:, : 5 * RATE] ** 2).reshape(2, 50, -1).mean(axis=2)
    assert 10 * np.log10(level.min() / level.max()) > -3.5


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no sound", b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0"])
def test_a_file_that_is_no_sound_is_one_clear_line(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(BadFile, match=r"unreadable: .*a\.wav is no sound file") as caught:
        background(str(tmp_path / "a.wav"), 1)
    assert "\n" not in str(caught.value)


def test_a_missing_and_a_silent_file_are_named(tmp_path):
    with pytest.raises(BadFile, match=r"not found: .*rian"):
        background("rian", 1)
    with pytest.raises(BadFile, match=r"silent: .*a\.wav"):
        background(write_tone(tmp_path / "a.wav", 44100, 1, gain=0), 1)
