from __future__ import annotations

import numpy as np
import pytest

from musictool.sampling.drawing import draw, filtered, penalised
from musictool.sampling.sampler import DRAWS, MASKED_LOGIT, Sampler


@pytest.mark.parametrize(
    "sampler",
    [
        Sampler(),
        Sampler(top_p=1.0),
        Sampler(temperature=0.3, top_k=5),
        Sampler(temperature=4.0, min_p=0.05),
        Sampler(top_p=0.001),
        Sampler(top_k=1),
        Sampler(temperature=0.01, top_k=7, min_p=0.2, top_p=0.5),
    ],
)
def test_it_draws_what_the_compiled_sampler_draws(sampler: Sampler):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (3000, 30)).astype(np.float32)
    logits[:, :4] = MASKED_LOGIT
    uniform = rng.random((3000, DRAWS), dtype=np.float32)
    heat = rng.choice([1, 1.5, 3], 3000).astype(np.float32)
    drawn = draw(sampler, logits, uniform, heat)
    assert drawn.min() >= 4
    assert (drawn == np.asarray(sampler.draw(logits, uniform, heat))).mean() > 0.999  # but for the last digit of a sum


def test_a_nucleus_that_every_draw_misses_is_sorted_out():
    logits = np.zeros((1, 1000), np.float32)
    logits[:, 7] = 0.5
    uniform = np.full((1, DRAWS), 0.9, np.float32)  # far from the only symbol inside
    assert draw(Sampler(top_p=0.001), logits, uniform, np.ones(1, np.float32)).tolist() == [7]


def test_filter_and_penalty_are_those_of_the_sampler():
    rng = np.random.default_rng(1)
    logits, recent = rng.normal(0, 2, (50, 20)).astype(np.float32), rng.random((50, 20)) < 0.3
    heat = np.linspace(1, 3, 50, dtype=np.float32)
    sampler = Sampler(temperature=0.7, top_k=6, min_p=0.1, repetition_penalty=1.7)
    np.testing.assert_allclose(filtered(sampler, logits, heat), sampler.filter(logits, heat), rtol=1e-5)
    np.testing.assert_allclose(penalised(sampler, logits, recent), sampler.penalised(logits, recent), rtol=1e-6)
