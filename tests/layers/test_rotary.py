"""Places told by turning."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from musictool.layers.rotary import DIGIT, Rotary, turned


@pytest.mark.parametrize("place", [0, 1, DIGIT - 1, DIGIT, 1_000_003, 999_999_999])
def test_a_place_reached_is_turned_as_exactly_as_one_known_before(place: int):
    rotary = Rotary(16)
    exact = place * 10000.0 ** (-np.arange(0, 16, 2) / 16)
    expected = np.stack([np.cos(exact), np.sin(exact)])
    np.testing.assert_allclose(rotary.turns(np.array(place)), expected, atol=1e-6)
    np.testing.assert_allclose(rotary.turns_at(ops.convert_to_tensor(place, "int32")), expected, atol=2e-6)


@pytest.mark.parametrize("place", [7, 1_000_003])
def test_products_depend_on_distances_only(place: int):
    rotary = Rotary(8)
    query, key = np.random.default_rng(0).normal(size=(2, 8)).astype(np.float32)

    def product(first: int, second: int) -> float:
        return float(np.sum(turned(query, rotary.turns(np.array(first))) * turned(key, rotary.turns(np.array(second)))))

    assert product(place, place - 5) == pytest.approx(product(5, 0), abs=1e-5)
    assert abs(product(place, place - 5) - product(place, place - 4)) > 1e-3
