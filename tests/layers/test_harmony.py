from __future__ import annotations

import keras
import numpy as np
from keras import ops

from musictool.layers.harmony import Harmony
from musictool.music.instruments import DRUMS


def test_the_same_music_in_another_key_gets_the_same_answer_in_that_key_and_drums_get_none():
    keras.utils.set_random_seed(1)
    layer = Harmony(4)
    layer.build((None, 32, 128, 5), (None, 6))
    rng = np.random.default_rng(1)
    before = np.zeros((2, 32, 128, 5), np.float32)
    before[:, :, 24:84] = rng.random((2, 32, 60, 5)) < 0.05
    noise = rng.standard_normal((2, 6)).astype(np.float32)
    said = ops.convert_to_numpy(layer(before, noise))
    third_higher = ops.convert_to_numpy(layer(np.roll(before, 4, axis=2), noise))
    np.testing.assert_array_equal(said[:, :, 12:100], third_higher[:, :, 16:104])
    np.testing.assert_array_equal(said[:, :, 12:24], said[:, :, 24:36])  # every octave alike
    np.testing.assert_array_equal(said[:, ::4], said[:, 3::4])  # and every step of a beat
    assert not said[..., DRUMS].any()
    assert said[..., :DRUMS].std(axis=(1, 2)).all()
    other = ops.convert_to_numpy(layer(before, -noise))
    assert (other != said)[..., :DRUMS].any(axis=(1, 2)).all()
