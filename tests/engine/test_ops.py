"""What the house's `ops` compute, by Keras and by numpy."""

from __future__ import annotations

import numpy as np
import pytest

from musictool.engine import ops
from musictool.engine.current import Engine, within

SHAPES = [
    ((64, 1, 54, 64), (64, 2)),  # the first three: oneDNN reads and writes beyond such arrays of a batch of ones
    ((64, 1, 54, 64), (1, 64, 2)),
    ((64, 1, 9, 24), (1, 1, 24, 5)),
    ((3, 4, 5, 6), (4, 6, 2)),
    ((3, 2, 4, 5, 6), (6, 2)),
    ((2, 5, 6), (6, 3)),
    ((5, 6), (1, 1, 6, 3)),
    ((6, 6), (6, 1)),
]


@pytest.mark.parametrize("engine", ["keras", "numpy"])
@pytest.mark.parametrize("left, right", SHAPES)
def test_products_of_any_ranks_are_those_of_numpy(
    engine: Engine, left: tuple[int, ...], right: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        a, b = (rng.normal(size=shape).astype(np.float32) for shape in (left, right))
        with within(engine):
            product = np.asarray(ops.matmul(a, b))
        np.testing.assert_allclose(product, a @ b, rtol=1e-4, atol=1e-4)
