"""What all frame archs can: learn a loop of chords by heart and play it back, from wherever a primer stops."""

from __future__ import annotations

import numpy as np
import pytest

from musictool.backend import backend
from musictool.registry import ARCHS
from musictool.sampling.sampler import Sampler
from tests.test_laws_archs import batch_of, tiny

CHORDS = ((3, 7, 10), (5, 8, 12), (0, 3, 8), (2, 5, 7, 11))
HELD = 2  # frames of each chord


def loop(arch, times: int) -> np.ndarray:
    """uint8 (T, D): the chords one after another, in the first instrument, and each one's first key in the last."""
    rows = np.zeros((len(CHORDS) * HELD, arch.spec.size), np.uint8)
    for i, chord in enumerate(CHORDS):
        rows[i * HELD : (i + 1) * HELD, list(chord)] = 1
        rows[i * HELD : (i + 1) * HELD, arch.spec.size - 20 + chord[0]] = 1
    return np.tile(rows, (times, 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name in ARCHS.names() if ARCHS.get(name).kind == "frames" and ARCHS.get(name).has_likelihood]
)
def test_it_learns_a_loop_of_chords_by_heart_and_plays_it_back(name: str):
    arch = tiny(name)
    x = np.tile(loop(arch, 5), (4, 1, 1))
    (stage,) = arch.stages
    step = backend.one_device().training_step(stage, backend.one_device().optimizers_for(stage, 3e-2))
    for _ in range(300):
        step(batch_of(x))
    written = next(arch.continuation(x[:1, :11], Sampler(temperature=0.05), 0))
    np.testing.assert_array_equal(written[0, :32], loop(arch, 6)[11:43])
