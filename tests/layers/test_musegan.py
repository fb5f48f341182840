from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from musictool.layers.musegan import BandCritic, BandGenerator, Harmony, chroma
from musictool.music.instruments import DRUMS


def test_the_same_music_in_another_key_gets_the_same_answer_in_that_key_and_drums_get_none():
    keras.utils.set_random_seed(1)
    layer = Harmony(4)
    layer.build((None, 32, 128, 5), (None, 6), (None, 12, 2))
    rng = np.random.default_rng(1)
    previous = np.zeros((2, 32, 128, 5), np.float32)
    previous[:, :, 24:84] = rng.random((2, 32, 60, 5)) < 0.05
    noise, chords = (rng.standard_normal(shape).astype(np.float32) for shape in ((2, 6), (2, 12, 2)))
    logits = ops.convert_to_numpy(layer(previous, noise, chords))
    third_higher = ops.convert_to_numpy(layer(np.roll(previous, 4, axis=2), noise, np.roll(chords, 4, axis=1)))
    np.testing.assert_array_equal(logits[:, :, 12:100], third_higher[:, :, 16:104])
    np.testing.assert_array_equal(logits[:, :, 12:24], logits[:, :, 24:36])  # every octave alike
    np.testing.assert_array_equal(logits[:, ::4], logits[:, 3::4])  # and every step of a beat
    assert not logits[..., DRUMS].any()
    assert logits[..., :DRUMS].std(axis=(1, 2)).all()
    for other in (layer(previous, -noise, chords), layer(previous, noise, -chords)):
        assert (ops.convert_to_numpy(other) != logits)[..., :DRUMS].any(axis=(1, 2)).all()


def test_chroma_counts_the_keys_of_each_pitch_class():
    segments = np.random.default_rng(0).integers(0, 2, (2, 32, 128, 5)).astype(np.float32)
    slow = np.zeros((2, 32, 12, 5))
    for pitch in range(128):
        slow[:, :, pitch % 12] += segments[:, :, pitch]
    np.testing.assert_array_equal(ops.convert_to_numpy(chroma(segments)), slow)


@pytest.mark.parametrize("size", [(32, 128), (8, 24), (4, 4), (12, 20)])
def test_generators_and_critic_fit_segments_of_any_size(size: tuple[int, int]):
    previous = np.zeros((2, *size, 5), np.float32)
    generator = BandGenerator(*size, width=1, shared_noise=2, chord_noise=1, track_noise=1, instruments=5)
    critic = BandCritic(1)
    generator.build(previous.shape)
    critic.build(previous.shape)
    logits = generator(previous, np.zeros((2, 19), np.float32))
    assert logits.shape == previous.shape
    for length in (1, 2, 5):
        assert critic(np.stack([previous] * length + [ops.convert_to_numpy(logits)], axis=1)).shape == (2,)


def test_the_critic_hears_the_whole_row_and_not_each_segment_alone():
    keras.utils.set_random_seed(1)
    critic = BandCritic(2)
    critic.build((None, 8, 24, 5))
    rows = (np.random.default_rng(1).random((1, 5, 8, 24, 5)) < 0.05).astype(np.float32)

    def worth_of_the_last(first: np.ndarray) -> float:
        row = np.concatenate([first, rows[:, 1:]], axis=1)
        silent = np.concatenate([row[:, :4], 0 * row[:, 4:]], axis=1)
        return float(ops.convert_to_numpy(critic(row) - critic(silent))[0])

    assert worth_of_the_last(rows[:, :1]) != pytest.approx(worth_of_the_last(rows[:, 2:3]), rel=1e-3)
