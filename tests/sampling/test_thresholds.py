"""From the probability of a cell to a 0 or a 1."""

from __future__ import annotations

import numpy as np
import pytest

from musictool.errors import BadOption
from musictool.sampling.sampler import Sampler
from musictool.sampling.thresholds import DensityCalibration, cell_thresholds

SHAPE = (2, 32, 128, 5)


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_density_takes_the_threshold_of_each_instrument():
    thresholds = cell_thresholds("density", np.array([0.1, 0.2, 0.3, 0.4, 0.5]), SHAPE, rng())
    assert thresholds.shape == SHAPE
    np.testing.assert_allclose(thresholds[1, 31, 127], [0.1, 0.2, 0.3, 0.4, 0.5])


def test_a_number_is_the_threshold_of_all():
    assert np.unique(cell_thresholds("0.25", np.zeros(5), SHAPE, rng())).tolist() == [0.25]


def test_bernoulli_is_uniform_everywhere_and_drawn_anew_each_time():
    source = rng()
    first, second = (cell_thresholds("bernoulli", np.zeros(5), SHAPE, source) for _ in range(2))
    assert abs(first.mean() - 0.5) < 0.01
    assert 0 <= first.min() < first.max() < 1
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("rule", ["dense", "0", "1", "-0.5", "nan", ""])
def test_another_rule_is_refused(rule: str):
    with pytest.raises(BadOption, match=f"--threshold: '{rule}' is not density, bernoulli or a number between 0 and 1"):
        Sampler(threshold=rule)


@pytest.mark.parametrize("noise_sd", [-1.0, float("nan"), 11.0])
def test_noise_out_of_range_is_refused(noise_sd: float):
    with pytest.raises(BadOption, match="--noise-sd"):
        Sampler(noise_sd=noise_sd)


def test_above_the_threshold_lie_as_many_cells_as_sounded():
    source = rng()
    probabilities = source.beta(0.3, 3, (40, 8, 16, 2)).astype(np.float32)
    segments = (source.random(probabilities.shape) < [0.02, 0.2]).astype(np.uint8)
    calibration = DensityCalibration(2)
    for part in range(0, 40, 10):
        calibration.add(probabilities[part : part + 10], segments[part : part + 10])
    for instrument, threshold in enumerate(calibration.thresholds()):
        above, sounding = (probabilities[..., instrument] > threshold).sum(), segments[..., instrument].sum()
        assert abs(above - sounding) < 0.02 * sounding


def test_an_instrument_that_never_sounds_keeps_a_half():
    calibration = DensityCalibration(1)
    calibration.add(np.full((1, 2, 3, 1), 0.1), np.zeros((1, 2, 3, 1), np.uint8))
    assert calibration.thresholds().tolist() == [0.5]
