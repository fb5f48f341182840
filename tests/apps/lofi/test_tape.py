from __future__ import annotations

import numpy as np
import pytest

from musictool.apps.lofi.tape import BitCrusher, Ducking, Filter, Wow, saturated
from musictool.sound.loudness import RATE


def sine(hertz: float, seconds: float) -> np.ndarray:
    wave = np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)
    return np.stack([wave, wave]).astype(np.float32)


def in_blocks(effect, sound: np.ndarray, size: int) -> np.ndarray:
    blocks = [effect(sound[:, i : i + size]) for i in range(0, sound.shape[1], size)]
    return np.concatenate(blocks, axis=1)


def pitch_cents(sound: np.ndarray, hertz: float) -> np.ndarray:
    """The deviation of a tone from its pitch over time: by its phase, smoothed over 20 ms."""
    time = np.arange(len(sound)) / RATE
    rotated = sound * np.exp(-2j * np.pi * hertz * time)
    window = np.hanning(882)
    phase = np.unwrap(np.angle(np.convolve(rotated, window / window.sum(), "valid")))
    return 1200 * np.log2(1 + np.diff(phase) * RATE / (2 * np.pi * hertz))


EFFECTS = {
    "low": lambda: Filter("low", 3200, 4),
    "wow": lambda: Wow(8.0, 2.0, np.random.default_rng(1)),
    "bit crusher": lambda: BitCrusher(3, 10),
}


@pytest.mark.parametrize("name", EFFECTS)
@pytest.mark.parametrize("size", [1000, 6301])
def test_the_blocks_in_which_sound_comes_do_not_matter(name, size):
    sound = np.random.default_rng(1).normal(0, 0.2, (2, 20_000)).astype(np.float32)
    whole = EFFECTS[name]()(sound)
    assert whole.shape == sound.shape
    assert whole.dtype == np.float32
    assert in_blocks(EFFECTS[name](), sound, size) == pytest.approx(whole, abs=1e-5)


@pytest.mark.parametrize("wow_cents, flutter_cents", [(8.0, 2.0), (20.0, 0.0), (0.0, 5.0)])
def test_pitch_changes_by_the_given_depth(wow_cents, flutter_cents):
    out = Wow(wow_cents, flutter_cents, np.random.default_rng(1))(sine(1000, 6))[0]
    cents = pitch_cents(out, 1000)[RATE // 10 :]
    assert cents.max() == pytest.approx(wow_cents + flutter_cents, abs=0.6)
    assert cents.min() == pytest.approx(-wow_cents - flutter_cents, abs=0.6)


def test_a_tape_is_never_so_late_that_a_beat_would_be_missed():
    wow = Wow(8.0, 2.0, np.random.default_rng(1))
    clicks = np.zeros((2, 5 * RATE), np.float32)
    at = np.arange(1000, 5 * RATE - 1000, 4410)
    clicks[:, at] = 1
    out = wow(clicks)[0]
    late = np.array([np.argmax(np.abs(out[i : i + 400])) for i in at]) / RATE
    assert late.max() < 0.004
    assert late.mean() == pytest.approx(wow.delay_seconds, abs=0.0005)


def test_a_tone_comes_through_an_even_tape_unharmed():
    sound = sine(1000, 1)
    out = Wow(0.0, 0.0, np.random.default_rng(1))(sound)
    assert out[:, 10:] == pytest.approx(sound[:, 8:-2], abs=1e-6)


def test_the_bit_crusher_holds_frames_and_has_few_steps():
    out = BitCrusher(3, 4)(sine(440, 0.1))
    assert np.array_equal(out[:, 0::3], out[:, 1::3])
    assert set(np.unique(out * 8)) <= set(range(-8, 9))


def test_the_low_pass_takes_24_decibels_per_octave():
    def level(hertz: float) -> float:
        return 20 * np.log10(Filter("low", 3200, 4)(sine(hertz, 1))[0, RATE // 2 :].std() * np.sqrt(2))

    assert level(500) == pytest.approx(0, abs=0.1)
    assert level(3200) == pytest.approx(-3, abs=0.1)
    assert level(6400) == pytest.approx(-24, abs=3)


def test_saturation_leaves_the_quiet_and_rounds_the_loud():
    quiet = np.full((2, 1), 0.01, np.float32)
    assert saturated(quiet) == pytest.approx(quiet, rel=1e-3)
    assert float(saturated(np.ones((2, 1), np.float32))[0, 0]) == pytest.approx(np.tanh(1.5) / 1.5)


@pytest.mark.parametrize("size", [500, 4410, 10**6])
def test_each_kick_makes_room_and_gives_it_back(size):
    ducking = Ducking(np.array([0.5, 1.0]), 6.0)
    gain = 20 * np.log10(np.concatenate([ducking.gain(min(size, 2 * RATE - i)) for i in range(0, 2 * RATE, size)]))

    def at(seconds: float) -> float:
        return float(gain[round(seconds * RATE)])

    assert at(0.499) == 0
    assert at(0.507) == at(0.55) == pytest.approx(-6, abs=0.05)
    assert -6 < at(0.65) < -1
    assert at(0.85) == 0
    assert at(1.02) == pytest.approx(-6, abs=0.05)
    assert np.abs(np.diff(gain)).max() < 0.05  # and does not click


def test_kicks_in_quick_succession_are_not_added_up():
    assert Ducking(np.array([0.1, 0.15, 0.2]), 6.0).gain(RATE).min() == pytest.approx(10 ** (-6 / 20), rel=1e-3)


def test_without_kicks_nothing_is_ducked():
    assert (Ducking(np.zeros(0), 6.0).gain(100) == 1).all()
