"""Skewing, and the vectors of distances."""

from __future__ import annotations

import numpy as np
import pytest

from musictool.layers.distances import LearnedDistances, SinusoidDistances, skewed


@pytest.mark.parametrize("queries, keys", [(1, 1), (4, 4), (3, 8), (1, 5)])
def test_skewed_each_score_stands_at_the_key_of_its_distance(queries: int, keys: int):
    by_distance = np.random.default_rng(0).normal(size=(2, queries, keys)).astype(np.float32)
    by_key = np.asarray(skewed(by_distance))
    for query in range(queries):
        for key in range(keys - queries + query + 1):
            distance = query + keys - queries - key
            assert (by_key[:, query, key] == by_distance[:, query, keys - 1 - distance]).all()


def test_beyond_the_last_learned_distance_there_are_zeros():
    layer = LearnedDistances(heads=2, size=4, most=3)
    layer.build()
    vectors = np.asarray(layer.vectors(5))
    assert vectors.shape == (2, 5, 4)
    np.testing.assert_array_equal(vectors[:, :3], np.asarray(layer.table))
    assert (vectors[:, 3:] == 0).all()


@pytest.mark.parametrize("heads, size", [(2, 4), (1, 3)])
def test_a_distance_has_the_same_vector_however_many_are_asked_for(heads: int, size: int):
    layer = SinusoidDistances(heads, size)
    layer.build()
    few, many = np.asarray(layer.vectors(3)), np.asarray(layer.vectors(9))
    assert many.shape == (heads, 9, size)
    np.testing.assert_allclose(few, many[:, :3], atol=1e-6)
