"""Tokens in and out by one matrix."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from musictool.layers.tied_embedding import PER_TOKEN, TiedEmbedding

FEATURES = (np.random.default_rng(0).random((7, 3)) < 0.5).astype(np.uint8)


@pytest.mark.parametrize("features", [None, FEATURES])
def test_what_goes_in_and_comes_out_are_rows_of_one_matrix(features: np.ndarray | None):
    layer = TiedEmbedding(7, 4, features)
    layer.build()
    layer.bias.assign(np.arange(7.0))
    expected = ops.convert_to_numpy(layer.table)
    if features is not None:
        table = ops.convert_to_numpy(layer.feature_table)
        expected = expected + [sum((table[f] for f in range(3) if token[f]), np.zeros(4)) for token in features]
    matrix = layer.matrix()
    np.testing.assert_allclose(matrix, expected, rtol=1e-6)
    np.testing.assert_allclose(layer.embed(np.array([[6, 2]]), matrix)[0], 2 * expected[[6, 2]], rtol=1e-6)
    x = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
    np.testing.assert_allclose(layer.logits(x, matrix), x @ expected.T + np.arange(7), rtol=1e-4, atol=1e-5)


def test_the_weights_with_a_row_per_token_are_known_by_their_paths():
    layer = TiedEmbedding(7, 4, FEATURES)
    layer.build()
    assert [weight.path.endswith(PER_TOKEN) for weight in layer.weights] == [
        weight.shape[0] == 7 for weight in layer.weights
    ]
