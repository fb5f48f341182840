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
    layer.build((None, 32, 128, 5), (None, 6))
    rng = np.random.default_rng(1)
    previous = np.zeros((2, 32, 128, 5), np.float32)
    previous[:, :, 24:84] = rng.random((2, 32, 60, 5)) < 0.05
    noise = rng.standard_normal((2, 6)).astype(np.float32)
    logits = ops.convert_to_numpy(layer(previous, noise))
    third_higher = ops.convert_to_numpy(layer(np.roll(previous, 4, axis=2), noise))
    np.testing.assert_array_equal(logits[:, :, 12:100], third_higher[:, :, 16:104])
    np.testing.assert_array_equal(logits[:, :, 12:24], logits[:, :, 24:36])  # every octave alike
    np.testing.assert_array_equal(logits[:, ::4], logits[:, 3::4])  # and every step of a beat
    assert not logits[..., DRUMS].any()
    assert logits[..., :DRUMS].std(axis=(1, 2)).all()
    other = ops.convert_to_numpy(layer(previous, -noise))
    assert (other != logits)[..., :DRUMS].any(axis=(1, 2)).all()


def test_chroma_counts_the_keys_of_each_pitch_class():
    segments = np.random.default_rng(0).integers(0, 2, (2, 32, 128, 5)).astype(np.float32)
    slow = np.zeros((2, 32, 12, 5))
    for pitch in range(128):
        slow[:, :, pitch % 12] += segments[:, :, pitch]
    np.testing.assert_array_equal(ops.convert_to_numpy(chroma(segments)), slow)


@pytest.mark.parametrize("size", [(32, 128), (8, 24), (4, 4), (12, 20)])
def test_generators_and_critic_fit_segments_of_any_size(size: tuple[int, int]):
    previous = np.zeros((2, *size, 5), np.float32)
    generator, critic = BandGenerator(*size, width=1, shared_noise=2, track_noise=1, instruments=5), BandCritic(1)
    generator.build(previous.shape)
    critic.build(previous.shape)
    logits = generator(previous, np.zeros((2, 7), np.float32))
    assert logits.shape == previous.shape
    assert critic(previous, logits).shape == (2,)
