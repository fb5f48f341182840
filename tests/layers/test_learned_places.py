"""Places told by a learned vector each."""

from __future__ import annotations

import numpy as np
from keras import ops

from musictool.layers.learned_places import LearnedPlaces

NOTHING = np.zeros((3, 20, 4), np.float32)


def places() -> LearnedPlaces:
    layer = LearnedPlaces(6)
    layer.build((None, None, 4))
    layer.table.assign(np.repeat(np.arange(6.0)[:, None], 4, axis=1))
    return layer


def test_the_vectors_repeat_and_a_row_at_a_time_has_the_same():
    layer = places()
    told = np.asarray(layer(NOTHING))[:, :, 0]
    assert told.tolist() == [(np.arange(20) % 6).tolist()] * 3
    for row in (0, 5, 6, 17):
        assert (np.asarray(layer.step(NOTHING[:, row], ops.convert_to_tensor(row, "int32"))) == row % 6).all()


def test_in_training_each_window_begins_anywhere_and_goes_on_in_order():
    layer = places()
    begins = set()
    for _ in range(30):
        told = np.asarray(layer(NOTHING, training=True))[:, :, 0]
        assert (np.diff(told) % 6 == 1).all()
        begins |= set(told[:, 0].tolist())
    assert begins == set(range(6))
