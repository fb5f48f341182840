"""Restricted Boltzmann machines that are small enough to be summed up, in numpy."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from musictool.engine.current import within
from musictool.layers import rbm
from musictool.layers.rbm_head import RbmHead
from musictool.sampling.guidance import MASKED_LOGIT

D, H, W = 6, 4, 3
ALL = np.array(list(product((0, 1), repeat=D)), np.float32)  # every frame that there is
HIDDEN = np.array(list(product((0, 1), repeat=H)), np.float32)


@pytest.fixture(autouse=True)
def in_numpy():
    with within("numpy"):
        yield


def machine(seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """b, c and W of the order of 1."""
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(0, 1, shape).astype(np.float32) for shape in (D, H, (D, H)))


def probabilities(b: np.ndarray, c: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """(2^D,) of ALL, summed over all there is."""
    joint = np.exp(ALL @ b + (HIDDEN @ c)[:, None] + HIDDEN @ kernel.T @ ALL.T)  # (2^H, 2^D)
    return joint.sum(axis=0) / joint.sum()


def shares(drawn: np.ndarray) -> np.ndarray:
    """How often each of ALL was drawn."""
    return np.bincount((drawn @ 2 ** np.arange(D)[::-1]).astype(int), minlength=len(ALL)) / len(drawn)


def test_the_free_energy_leaves_the_hidden_units_out():
    b, c, kernel = machine()
    weights = np.exp(-rbm.free_energy(ALL, b, c, kernel))
    np.testing.assert_allclose(weights / weights.sum(), probabilities(b, c, kernel), rtol=1e-4)


def test_frames_are_drawn_as_often_as_they_are_likely_whatever_they_begin_with():
    b, c, kernel = machine()
    uniform = np.random.default_rng(0).random((30, 20_000, H + D), dtype=np.float32)
    drawn = rbm.gibbs(np.ones((20_000, D), np.float32), b, c, kernel, uniform)
    np.testing.assert_allclose(shares(drawn), probabilities(b, c, kernel), atol=0.012)


def test_at_a_temperature_all_energies_are_divided_by_it_and_a_banned_key_is_silent():
    b, c, kernel = machine()
    uniform = np.random.default_rng(0).random((30, 20_000, H + D), dtype=np.float32)
    silence = np.zeros((20_000, D), np.float32)
    drawn = rbm.gibbs(silence, b, c, kernel, uniform, temperature=2.0)
    np.testing.assert_allclose(shares(drawn), probabilities(b / 2, c / 2, kernel / 2), atol=0.012)
    logit_bias = np.where(np.arange(D) == 2, MASKED_LOGIT, 0).astype(np.float32)
    drawn = rbm.gibbs(silence, b, c, kernel, uniform, logit_bias=logit_bias)
    assert drawn.any(axis=0).tolist() == [key != 2 for key in range(D)]


def test_the_estimate_comes_near_to_what_is_summed_up_and_nearer_with_more_steps():
    machines = [machine(seed) for seed in range(8)]
    kernel = machines[0][2] * 2
    b, c = (np.stack([each[i] for each in machines]) for i in (0, 1))
    exact = np.array([np.log(np.exp(-rbm.free_energy(ALL, *each, kernel)).sum()) for each in zip(b, c, strict=True)])
    errors = []
    for steps in (2, 200):
        uniform = np.random.default_rng(1).random((steps + 1, 100, H + D), dtype=np.float32)
        log_z, chance = rbm.annealed(b, c, kernel, uniform)
        errors.append(np.abs(log_z - exact).max())
    assert errors[1] < 0.05 < errors[0]
    keys = [probabilities(*each, kernel) @ ALL for each in zip(b, c, strict=True)]
    np.testing.assert_allclose(chance, keys, atol=0.1)


def test_walked_backwards_the_estimate_errs_on_the_other_side():
    b, c, kernel = machine(5)
    exact = np.log(np.exp(-rbm.free_energy(ALL, b, c, kernel * 2)).sum())
    likely, gaps = probabilities(b, c, kernel * 2), []
    for steps, draws in ((3, 60), (100, 5)):
        errors = []
        for seed in range(draws):
            uniform = np.random.default_rng(seed).random((steps + 1, 2, H + D), dtype=np.float32)
            back = likely @ rbm.annealed_back(ALL, b, c, kernel * 2, uniform)  # mean over what the machine draws
            errors.append([rbm.annealed(b, c, kernel * 2, uniform)[0] - exact, back - exact])
        gaps.append(np.mean(errors, axis=0))
    assert gaps[0][0] < -0.1 < 0.1 < gaps[0][1]
    assert np.abs(gaps[1]).max() < 0.1


def test_without_weights_the_estimate_is_exact():
    b, c, kernel = machine()
    uniform = np.random.default_rng(1).random((3, 2, H + D), dtype=np.float32)
    log_z, _ = rbm.annealed(b, c * 0, kernel * 0, uniform)
    assert log_z == pytest.approx(np.log1p(np.exp(b)).sum() + H * np.log(2), rel=1e-5)


def made() -> RbmHead:
    """A head with weights of the order of 1."""
    head = RbmHead(D, H, gibbs_steps=30, ais_steps=200, ais_chains=50)
    head.build((None, W))
    rng = np.random.default_rng(4)
    for weight in head.own_weights:
        weight[...] = rng.normal(0, 0.7, weight.shape)
    return head


def test_a_head_expects_and_draws_by_the_biases_of_its_features():
    head, draws = made(), 10_000
    features, previous = np.array([[0.3, -1.2, 0.7]], np.float32), ALL[[21]]
    b = head.bias + features[0] @ head.kernel + previous[0] * head.hold_kernel
    exact = probabilities(b, head.hidden_bias + features[0] @ head.feature_kernel, head.note_kernel)
    many = [np.repeat(array, len(ALL), axis=0) for array in (features, previous)]
    nats, _ = head.loss_and_metrics(head.logits(*many, ALL), ALL)
    np.testing.assert_allclose(nats, -np.log(exact), atol=0.05)
    np.testing.assert_allclose(head.most_nats(head.logits(*many, ALL), ALL), -np.log(exact), atol=0.1)
    many = [np.repeat(array, draws, axis=0) for array in (features, previous)]
    uniform = np.random.default_rng(1).random((draws, head.draws), dtype=np.float32)
    drawn = head.draw(*many, uniform, 1.0, np.zeros(D, np.float32))
    np.testing.assert_allclose(shares(drawn), exact, atol=0.015)
