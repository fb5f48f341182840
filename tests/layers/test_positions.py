"""Rotation by position, learned vectors of positions and distances, and the shift from distances to keys."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from musictool.layers.positions import (
    DIGIT,
    PositionEmbedding,
    RelativePositionEmbedding,
    RelativeSinusoidalEmbedding,
    RotaryEmbedding,
    apply_rotary,
    relative_shift,
)

ZEROS = np.zeros((3, 20, 4), np.float32)


@pytest.mark.parametrize("position", [0, 1, DIGIT - 1, DIGIT, 1_000_003, 999_999_999])
def test_a_position_reached_is_rotated_as_exactly_as_one_known_before(position: int):
    rotary = RotaryEmbedding(16)
    exact = position * 10000.0 ** (-np.arange(0, 16, 2) / 16)
    expected = np.stack([np.cos(exact), np.sin(exact)])
    np.testing.assert_allclose(rotary.angles(np.array(position)), expected, atol=1e-6)
    np.testing.assert_allclose(rotary.angles_at(ops.convert_to_tensor(position, "int32")), expected, atol=2e-6)


@pytest.mark.parametrize("position", [7, 1_000_003])
def test_products_depend_on_distances_only(position: int):
    rotary = RotaryEmbedding(8)
    query, key = np.random.default_rng(0).normal(size=(2, 8)).astype(np.float32)

    def product(first: int, second: int) -> float:
        rotated_query = apply_rotary(query, rotary.angles(np.array(first)))
        rotated_key = apply_rotary(key, rotary.angles(np.array(second)))
        return float(np.sum(rotated_query * rotated_key))

    assert product(position, position - 5) == pytest.approx(product(5, 0), abs=1e-5)
    assert abs(product(position, position - 5) - product(position, position - 4)) > 1e-3


@pytest.mark.parametrize("queries, keys", [(1, 1), (4, 4), (3, 8), (1, 5)])
def test_shifted_each_score_stands_at_the_key_of_its_distance(queries: int, keys: int):
    by_distance = np.random.default_rng(0).normal(size=(2, queries, keys)).astype(np.float32)
    by_key = np.asarray(relative_shift(by_distance))
    for query in range(queries):
        for key in range(keys - queries + query + 1):
            distance = query + keys - queries - key
            assert (by_key[:, query, key] == by_distance[:, query, keys - 1 - distance]).all()


def test_beyond_the_last_learned_distance_there_are_zeros():
    layer = RelativePositionEmbedding(heads=2, head_size=4, count=3)
    layer.build()
    keys = np.asarray(layer.keys(5))
    assert keys.shape == (2, 5, 4)
    np.testing.assert_array_equal(keys[:, :3], np.asarray(layer.table))
    assert (keys[:, 3:] == 0).all()


@pytest.mark.parametrize("heads, head_size", [(2, 4), (1, 3)])
def test_a_distance_has_the_same_key_however_many_are_needed(heads: int, head_size: int):
    layer = RelativeSinusoidalEmbedding(heads, head_size)
    layer.build()
    few, many = np.asarray(layer.keys(3)), np.asarray(layer.keys(9))
    assert many.shape == (heads, 9, head_size)
    np.testing.assert_allclose(few, many[:, :3], atol=1e-6)


def position_embedding() -> PositionEmbedding:
    layer = PositionEmbedding(6)
    layer.build((None, None, 4))
    layer.table.assign(np.repeat(np.arange(6.0)[:, None], 4, axis=1))
    return layer


def test_the_vectors_repeat_and_a_row_at_a_time_has_the_same():
    layer = position_embedding()
    y = np.asarray(layer(ZEROS))[:, :, 0]
    assert y.tolist() == [(np.arange(20) % 6).tolist()] * 3
    for row in (0, 5, 6, 17):
        assert (np.asarray(layer.step(ZEROS[:, row], ops.convert_to_tensor(row, "int32"))) == row % 6).all()


def test_in_training_each_window_begins_anywhere_and_goes_on_in_order():
    layer = position_embedding()
    begins = set()
    for _ in range(30):
        y = np.asarray(layer(ZEROS, training=True))[:, :, 0]
        assert (np.diff(y) % 6 == 1).all()
        begins |= set(y[:, 0].tolist())
    assert begins == set(range(6))
