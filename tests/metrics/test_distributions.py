"""Overlap and divergence against densities that are written out."""

from __future__ import annotations

import numpy as np
import pytest

from musictool.metrics.distributions import agreement, compare_distances, distribution_features
from musictool.music.score import Score


def plain_density(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    width = values.std(ddof=1) * len(values) ** -0.2
    return np.exp(-(((at[:, None] - values) / width) ** 2) / 2).sum(axis=1) / (len(values) * width * np.sqrt(2 * np.pi))


def test_the_binned_densities_are_kernel_estimates_on_one_grid():
    rng = np.random.default_rng(1)
    one, other = rng.normal(0, 1, 300), rng.normal(1, 1.5, 400)
    at, step = np.linspace(-12, 14, 20001, retstep=True)
    p, q = plain_density(one, at), plain_density(other, at)
    similarity = agreement(one, other)
    assert similarity.overlap == pytest.approx(np.minimum(p, q).sum() * step, abs=2e-3)
    assert similarity.divergence == pytest.approx((p * np.log(np.maximum(p, 1e-300) / q)).sum() * step, abs=5e-3)


def test_two_normal_distributions_a_deviation_apart_diverge_by_a_half():
    values = np.random.default_rng(2).normal(0, 1, 40_000)
    similarity = agreement(values, values + 1)
    assert similarity.overlap == pytest.approx(0.617, abs=0.03)  # 2 Phi(-1/2), widened by the kernels
    assert similarity.divergence == pytest.approx(0.5, abs=0.08)


def test_the_same_numbers_agree_wholly_and_far_ones_not_at_all():
    values = np.random.default_rng(3).normal(0, 1, 100)
    assert agreement(values, values).overlap == pytest.approx(1)
    assert agreement(values, values).divergence == pytest.approx(0)
    assert agreement(values, values + 1000).overlap < 1e-6
    assert agreement(np.ones(5), np.ones(7)).overlap == 1


def test_samples_drawn_from_the_corpus_agree_with_it_and_a_collapsed_set_does_not():
    rng = np.random.default_rng(4)
    corpus, alike, collapsed = rng.normal(0, 1, (60, 3)), rng.normal(0, 1, (60, 3)), rng.normal(0, 0.01, (60, 3))
    good, bad = compare_distances(alike, corpus), compare_distances(collapsed, corpus)
    assert good is not None
    assert bad is not None
    assert good.overlap > 0.9
    assert bad.overlap < 0.1
    assert bad.divergence > good.divergence
    assert compare_distances(alike[:1], corpus) is None


def test_the_features_of_a_tune_are_those_one_counts():
    features = distribution_features(Score.from_notes([(60, 0, 1), (64, 1, 0.5), (60, 1.5, 0.5), (72, 2, 2)]))
    assert features["pitch_count"].tolist() == [3]
    assert features["pitch_range"].tolist() == [12]
    assert features["note_count"].tolist() == [4]
    assert features["pitch_interval"].tolist() == [pytest.approx((4 + 4 + 12) / 3)]
    assert features["inter_onset_interval"].tolist() == [pytest.approx(2 / 3)]
    assert features["pitch_class_histogram"][[0, 4]].tolist() == [0.75, 0.25]
    assert (
        features["pitch_class_transitions"].reshape(12, 12)[[0, 4, 0], [4, 0, 0]].tolist() == [pytest.approx(1 / 3)] * 3
    )
    assert features["note_length_histogram"][[1, 2, 3]].tolist() == [0.25, 0.25, 0.5]  # half, quarter, eighth
    assert features["note_length_transitions"].sum() == pytest.approx(1)


def test_silence_has_features_too():
    silent = distribution_features(Score.from_notes([]))
    assert all(np.isfinite(values).all() for values in silent.values())
