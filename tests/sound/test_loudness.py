from __future__ import annotations

import numpy as np
import pyloudnorm
import pytest
from scipy.signal import resample_poly

from musictool.sound.file import FRAMES, Spool, write_mastered
from musictool.sound.loudness import ATTACK_BLOCKS, BLOCK_FRAMES, RATE, Meter, decibels, integrated, limited, mastering


def metered(sound: np.ndarray, section: int = 10_000) -> Meter:
    meter = Meter()
    for start in range(0, sound.shape[1], section):
        meter.add(sound[:, start : start + section])
    meter.finish()
    return meter


def sine(hertz: float, seconds: float, decibels: float = 0.0, phase: float = 0.0) -> np.ndarray:
    """float32 (2, frames), the same on both channels."""
    wave = np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE + phase) * 10 ** (decibels / 20)
    return np.stack([wave, wave]).astype(np.float32)


def noise(seconds: float, seed: int = 1) -> np.ndarray:
    """float32 (2, frames) whose loudness changes every half a second."""
    rng = np.random.default_rng(seed)
    steps = np.repeat(rng.uniform(0.02, 1, int(2 * seconds)), RATE // 2)
    return (rng.normal(0, 0.1, (2, len(steps))) * steps).astype(np.float32)


@pytest.mark.parametrize("decibels", [-3.0, -23.0, -33.0])
def test_a_sine_of_997_hertz_on_one_side_is_3_units_below_its_level(decibels):
    """ITU-R BS.1770-4: at 0 dBFS it reads -3.01 LUFS."""
    sound = sine(997, 3, decibels)
    sound[1] = 0
    assert metered(sound).loudness == pytest.approx(decibels - 3.01, abs=0.01)


def test_silence_between_loud_parts_does_not_count():
    """EBU Tech 3341, case 3: 10 s at -36, 60 s at -23, 10 s at -36 dBFS read -23 LUFS."""
    sound = np.concatenate([sine(1000, 2, -36), sine(1000, 12, -23), sine(1000, 2, -36)], axis=1)
    assert metered(sound).loudness == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_loudness_is_that_of_pyloudnorm(seed):
    sound = noise(8, seed)
    assert metered(sound).loudness == pytest.approx(pyloudnorm.Meter(RATE).integrated_loudness(sound.T), abs=0.1)


@pytest.mark.parametrize("section", [1, 62, 63, 64, 1000, 10**6])
def test_the_sections_in_which_sound_comes_do_not_matter(section):
    sound = noise(2)[:, : 3000 if section == 1 else None]
    once, again = metered(sound, 10**6), metered(sound, section)
    assert np.allclose(once.energies, again.energies)
    assert np.allclose(once.peaks, again.peaks, atol=1e-6)


def test_a_peak_between_the_samples_is_found():
    sound = sine(RATE / 4, 0.2, phase=np.pi / 4)  # every sample lies at 0.707
    assert np.abs(sound).max() < 0.71
    peaks = metered(sound * np.hanning(sound.shape[1]).astype(np.float32)).peaks
    assert decibels(peaks.max()) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("sound", [np.zeros((2, 0), np.float32), np.zeros((2, RATE), np.float32)])
def test_silence_has_no_loudness(sound):
    assert metered(sound).loudness == float("-inf")


def slowly_limited(peaks: np.ndarray, push: float, ceiling: float) -> np.ndarray:
    """Block by block, decibels: lowered early enough before a peak, and rising again by a fixed step per block."""
    room = [min(push, ceiling - 20 * np.log10(max(peak, 1e-10))) for peak in peaks]
    soon = [min(room[i : i + ATTACK_BLOCKS + 1]) for i in range(len(room))]
    released = [soon[0]]
    for value in soon[1:]:
        released.append(min(value, released[-1] + 40 * BLOCK_FRAMES / RATE, push))
    before = [released[0]] * ATTACK_BLOCKS + released
    return np.array([min(np.mean(before[i : i + ATTACK_BLOCKS + 1]), room[i]) for i in range(len(room))])


def test_the_limiter_is_what_its_description_says():
    peaks = np.random.default_rng(1).uniform(0, 1, 500) ** 4
    gain = 20 * np.log10(limited(peaks, 6.0, -1.0))
    slow = slowly_limited(peaks, 6.0, -1.0)
    assert np.allclose(gain[1:-1], np.minimum(slow[1:], slow[:-1]))
    assert (gain[:-1] + 20 * np.log10(peaks) < -1 + 1e-9).all()
    assert (gain[1:] + 20 * np.log10(peaks) < -1 + 1e-9).all()


def test_what_needs_no_limiting_gets_one_gain():
    sound = sine(997, 3, -23)
    gain = mastering(metered(sound), -20.0, -1.0)
    assert np.ptp(gain) == pytest.approx(0, abs=1e-6)
    assert 20 * np.log10(gain[0]) == pytest.approx(3.0, abs=0.1)


def test_mastered_sound_has_its_loudness_and_keeps_below_the_ceiling():
    sound = noise(8)
    sound[:, 50_000:50_030] = 0.9  # a click
    gain = mastering(metered(sound), -14.0, -1.0)
    frames = np.arange(sound.shape[1])
    mastered = (sound * np.interp(frames / BLOCK_FRAMES, np.arange(len(gain)), gain)).T
    assert pyloudnorm.Meter(RATE).integrated_loudness(mastered) == pytest.approx(-14, abs=0.15)
    assert 20 * np.log10(np.abs(resample_poly(mastered, 8, 1)).max()) < -0.9


def test_one_click_does_not_keep_the_rest_soft_but_beats_do():
    sound = sine(997, 3, -40)
    sound[:, 50_000:50_030] = 0.9
    gain = mastering(metered(sound), -14.0, -1.0)
    assert integrated(metered(sound).energies * (gain[:-1] * gain[1:])) == pytest.approx(-14, abs=0.1)
    sound[:, 50_000:50_030] = 0
    for beat in range(0, sound.shape[1], RATE // 4):
        sound[:, beat : beat + RATE // 50] *= 80
    gain = 20 * np.log10(mastering(metered(sound), -8.0, -1.0))
    assert 8.5 < gain.max() - gain.min() < 10.5


def test_what_is_written_is_the_sound_under_the_gain(tmp_path):
    import soundfile

    sound = noise(8)
    assert sound.shape[1] > 3 * FRAMES
    with Spool(tmp_path) as spool:
        spool.fill(np.array_split(sound, 7, axis=1))
        write_mastered(spool, tmp_path / "sound.wav", -16.0)
    gain = mastering(metered(sound), -16.0, -1.0)
    expected = sound * np.interp(np.arange(sound.shape[1]) / BLOCK_FRAMES, np.arange(len(gain)), gain)
    read, rate = soundfile.read(tmp_path / "sound.wav")
    assert rate == RATE
    assert np.abs(read.T - expected).max() < 1e-4
    assert [path.name for path in tmp_path.iterdir()] == ["sound.wav"]
