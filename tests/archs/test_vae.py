"""vae: the losses of its two stages, what noise, style and the prior do, and that latents lead back to music."""

from __future__ import annotations

from itertools import islice

import keras
import numpy as np
import pytest
from keras import ops

from musictool.archs._segments import SamplingContext
from musictool.archs.vae import Vae
from musictool.backend import backend
from musictool.dataset.windows import Batch
from musictool.encoding import Spec
from musictool.music.instruments import BASS, DRUMS, INSTRUMENTS, PIANO
from musictool.sampling.guidance import FREE, Guidance
from musictool.sampling.sampler import Sampler
from tests.test_laws_archs import corpus_of

pytestmark = pytest.mark.usefixtures("eagerly")

SHAPE = (8, 24, 5)
SPEC = Spec("segments", SHAPE, 8 * 24 * 5)
HALF = Sampler(threshold="0.011", noise_sd=0)  # about the probability of a cell before training
SILENCE = np.zeros(SHAPE, np.uint8)


def arch(*settings: str, spec: Spec = SPEC) -> Vae:
    keras.utils.set_random_seed(1)
    made = Vae.sized(spec, "small", ("latent=4", "width=16", "hidden=8", *settings))
    assert isinstance(made, Vae)
    made.build()
    return made


def segments(*shape: int, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).random((*shape, *SHAPE)) < 0.05).astype(np.uint8)


def of(x: np.ndarray, y: np.ndarray) -> Batch:
    return Batch(x, y, np.ones(x.shape[:2], np.float32), np.zeros((*x.shape[:2], 0), np.float32))


def measured(made: Vae, stage: int, x: np.ndarray, y: np.ndarray, training: bool = False) -> np.ndarray:
    """float64 (metrics,): of one window of one segment."""
    metrics = made.stages[stage].loss_and_metrics(of(x[None, None], y[None, None]), training)
    return np.array([float(np.asarray(ops.convert_to_numpy(metric))[0, 0]) for metric in metrics])


def cross_entropy(logits: np.ndarray, segment: np.ndarray) -> float:
    probability = 1 / (1 + np.exp(-logits.astype(np.float64)))
    return float(-np.where(segment, np.log(probability), np.log1p(-probability)).sum())


def test_the_loss_of_the_autoencoders_is_the_evidence_bound():
    made, x, y = arch("beta=1"), segments(), segments(seed=1)
    loss, reconstruction, kl = measured(made, 0, x[()], y[()])
    nats, divergence = 0.0, 0.0
    for i, network in enumerate(made.vae.instruments):
        mean, std = (ops.convert_to_numpy(a)[0] for a in network.posterior(y[None, ..., i].astype(np.float32)))
        latent = mean + std * made.vae.fixed_noise[i]
        nats += cross_entropy(ops.convert_to_numpy(network(latent[None]))[0], y[..., i])
        divergence += float((0.5 * (mean**2 + std**2 - 1) - np.log(std)).sum())
    np.testing.assert_allclose((loss, reconstruction, kl), (nats + divergence, nats, divergence), rtol=1e-4)
    np.testing.assert_allclose(measured(made, 0, segments(seed=5)[()], y[()])[0], loss)  # what came before is no matter


def test_the_kl_term_counts_little_at_first_and_outside_training_always_fully():
    made, x = arch("beta=2", "kl_warmup=4", "free_nats=0"), segments()[()]
    loss, reconstruction, kl = measured(made, 0, x, x)
    np.testing.assert_allclose(loss, reconstruction + 2 * kl, rtol=1e-6)
    weights = []
    for _ in range(5):
        loss, reconstruction, kl = measured(made, 0, x, x, training=True)
        weights.append((loss - reconstruction) / kl)
    np.testing.assert_allclose(weights, (0.5, 1, 1.5, 2, 2), rtol=1e-2)


def test_a_little_kl_of_each_number_of_a_latent_is_free():
    x = segments()[()]
    loss, reconstruction, kl = measured(arch("beta=1", "kl_warmup=0", "free_nats=100"), 0, x, x, training=True)
    assert kl < 100
    np.testing.assert_allclose(loss - reconstruction, 100 * 4 * len(INSTRUMENTS), rtol=1e-4)


def test_cells_that_sound_can_weigh_more_in_training_and_never_in_validation():
    x = segments()[()]
    light, heavy = (
        measured(arch("kl_warmup=1000000", f"positive_weight={w}"), 0, x, x, training=True)[0] for w in (1, 3)
    )
    assert heavy > 2 * light
    light, heavy = (measured(arch(f"positive_weight={w}"), 0, x, x)[0] for w in (1, 3))
    assert heavy == light


def test_the_loss_of_the_predictors_is_that_of_the_next_segment_as_decoded():
    made, x, y = arch("memory=3"), segments(), segments(seed=1)
    loss, distance = measured(made, 1, x[()], y[()])
    last, target = made.latents(x[None]), made.latents(y[None])[0]
    history = np.pad(last[None], ((0, 0), (2, 0), (0, 0), (0, 0)))  # nothing is known of what stood before the last
    plan, nats, squares = made.network.plan(history), 0.0, 0.0
    for i, decoder in enumerate(made.vae.instruments):
        latent, _ = made.network.next(i, history, plan, [target[None, j] for j in range(i)])
        latent = ops.convert_to_numpy(latent)
        nats += cross_entropy(ops.convert_to_numpy(decoder(latent))[0], y[..., i])
        squares += float(((latent[0] - target[i]) ** 2).sum())
    np.testing.assert_allclose((loss, distance), (nats, squares), rtol=1e-4)


def test_the_distance_of_latents_joins_the_loss_in_training_only():
    x, y = segments()[()], segments(seed=1)[()]
    plain, joined = (
        measured(arch(f"latent_mse_weight={weight}", "dropout=0"), 1, x, y, training=True) for weight in (0, 10)
    )
    np.testing.assert_allclose(joined[0] - plain[0], 10 * plain[1], rtol=1e-3)
    light, heavy = (measured(arch(f"latent_mse_weight={weight}"), 1, x, y)[0] for weight in (0, 10))
    assert light == heavy


def test_the_autoencoders_are_frozen_while_the_predictors_learn():
    made = arch()
    _, stage = made.stages
    x = segments(4, 5)
    before = [ops.convert_to_numpy(variable) for variable in made.vae.variables]
    backend.one_device().training_step(stage, backend.one_device().optimizers_for(stage, 1e-2))(of(x[:, :-1], x[:, 1:]))
    for old, variable in zip(before, made.vae.variables, strict=True):
        np.testing.assert_array_equal(old, ops.convert_to_numpy(variable))


def test_latents_come_one_for_each_instrument_and_are_the_same_in_any_batch():
    made, rows = arch(), segments(70)
    latents = made.latents(rows)
    assert latents.dtype == np.float32
    assert latents.shape == (70, 5, 4)
    np.testing.assert_allclose(made.latents(rows[33:34])[0], latents[33], rtol=1e-4, atol=1e-5)
    assert made.latents(rows[:0]).shape == (0, 5, 4)
    changed = rows.copy()
    changed[..., BASS] = segments(70, seed=1)[..., BASS]
    differs = (made.latents(changed) != latents).any(axis=(0, 2))
    assert differs.tolist() == [i == BASS for i in range(5)]


def test_no_noise_writes_one_piece_and_noise_many():
    made = arch()
    made.vae.latent_std.assign(np.full((5, 4), 3))
    primer = np.repeat(segments(1, 1), 3, axis=0)
    for noise_sd, pieces in ((0, 1), (1, 3)):
        written = next(made.continuation(primer, Sampler(threshold="0.011", noise_sd=noise_sd), 1))
        assert len(np.unique(written.reshape(3, -1), axis=0)) == pieces


def test_noise_is_in_the_deviations_that_are_predicted():
    made = arch()
    made.vae.latent_std.assign(np.full((5, 4), 100))  # so that nothing is clipped
    noise, *_ = inputs = made.latent_inputs(
        20_000, SamplingContext(Sampler(noise_sd=0.5), FREE, np.random.default_rng(1))
    )
    np.testing.assert_allclose(noise.std(axis=0), 0.5, rtol=0.03)
    history, seen = np.ones((1, 4, 5, 4), np.float32), []
    made.vae.instruments[PIANO].decoder.call = lambda latents, training=False: seen.append(latents)
    plan = made.network.plan(history)
    made._instrument_logits(PIANO, history, plan, [], inputs)
    mean, std = map(ops.convert_to_numpy, made.network.next(PIANO, history, plan, []))
    np.testing.assert_allclose(seen[0], mean + std * noise[:, PIANO], rtol=1e-4, atol=1e-5)


def test_the_deviations_learn_how_far_the_latents_lie_from_what_is_predicted_and_leave_the_means():
    x, y = segments()[()], segments(seed=1)[()]
    made = arch("own_latents=0", "latent_mse_weight=0", "dropout=0")
    last, target = (made.latents(segment[None]) for segment in (x, y))
    mean, std = map(ops.convert_to_numpy, made.network(np.pad(last[None], ((0, 0), (3, 0), (0, 0), (0, 0))), target))
    likelihood = (0.5 * ((target - mean) / std) ** 2 + np.log(std)).sum()
    trained, validated = (measured(made, 1, x, y, training)[0] for training in (True, False))
    np.testing.assert_allclose(trained - validated, likelihood, rtol=1e-3)


def test_what_stood_before_the_last_segment_counts_as_far_as_the_memory_reaches():
    made, rows = arch("memory=3"), segments(6)
    for back in (3, 4):
        other = rows.copy()
        other[5 - back] = segments(seed=9)
        differs = made.surprisal(rows)[5] != made.surprisal(other)[5]
        assert differs == (back <= 3)
        written = [next(made.continuation(piece[None, :5], HALF, 1)) for piece in (rows, other)]
        assert np.array_equal(*written) != (back <= 3)


def test_each_instrument_plays_to_those_before_it():
    made, history = arch(), np.ones((1, 4, 5, 4), np.float32)
    one = np.zeros((1, 5, 4), np.float32)
    usual, _ = made.network(history, one)
    for i in range(5):
        other = one.copy()
        other[:, i] = 1
        changed = (ops.convert_to_numpy(made.network(history, other)[0] - usual) != 0).any(axis=(0, 2))
        assert changed.tolist() == [j > i for j in range(5)]


def test_some_of_the_last_latents_in_training_are_what_it_has_predicted_itself():
    made = arch("own_latents=0.5", "dropout=0")
    last, targets = made.latents(segments(40)).reshape(4, 10, 5, 4), made.latents(segments(40, seed=1))
    mixed = ops.convert_to_numpy(made._with_predicted(last, targets))
    is_real = (mixed == last).all(axis=(2, 3))
    assert is_real[:, 0].all()
    assert 0.2 < is_real[:, 1:].mean() < 0.8
    assert ((mixed == last).any(axis=(2, 3)) == is_real).all()  # the whole band or none of it


def test_nothing_but_style_writes_the_style_and_none_of_it_writes_as_without():
    made, style = arch(), segments(1, seed=7)
    primer = segments(2, 1)
    noisy = Sampler(threshold="0.011", noise_sd=1)
    (styled,) = islice(made.continuation(primer, noisy, 1, Guidance(style=style, alpha=1)), 1)
    np.testing.assert_array_equal(styled[0, 0], made.decode_latents(made.latents(style), noisy, 1)[0])
    np.testing.assert_array_equal(styled[0], styled[1])
    free, nothing = (next(made.continuation(primer, noisy, 1, g)) for g in (FREE, Guidance(style=style, alpha=0)))
    np.testing.assert_array_equal(free, nothing)


def test_a_style_is_a_set_in_which_no_segment_weighs_more_for_coming_back():
    made = arch()
    style = segments(3)[[0, 1, 0, 2, 0, 0]]
    style[..., DRUMS] = style[0, ..., DRUMS]
    guidance = Guidance(style=style, alpha=0.5)
    _, drawn, alpha = made.latent_inputs(3000, made.context(Sampler(), guidance, 1))
    assert (alpha == 0.5).all()
    for instrument, different in ((PIANO, 3), (DRUMS, 1)):
        latents, times = np.unique(drawn[:, instrument], axis=0, return_counts=True)
        assert len(latents) == different
        assert times.min() > 0.8 * 3000 / different


def test_the_threshold_moves_with_the_share_of_the_style():
    made = arch()
    made.vae.thresholds.assign([0.8] * 5)
    made.network.thresholds.assign([0.2] * 5)
    for alpha, wanted in ((0, 0.2), (0.5, 0.5), (1, 0.8)):
        np.testing.assert_allclose(
            made.calibrated_thresholds(Guidance(style=segments(1), alpha=alpha)), wanted, rtol=1e-6
        )
    np.testing.assert_allclose(made.calibrated_thresholds(FREE), 0.2, rtol=1e-6)


def test_from_nothing_it_draws_from_the_prior_and_from_silence_within_a_primer_it_does_not():
    made = arch()
    start = np.zeros((2, 1, *SHAPE), np.uint8)
    first, again, other = (next(made.continuation(start, HALF, seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first[0], first[1])
    quiet = np.zeros((2, 2, *SHAPE), np.uint8)
    first, other = (next(made.continuation(quiet, HALF, seed)) for seed in (1, 2))
    np.testing.assert_array_equal(first, other)


def test_a_segment_further_out_than_any_leads_no_further_than_the_furthest():
    """Else a segment that is too full leads to a fuller one for ever."""
    made, chances = arch(), []
    for far in (3, 30, 1):
        for network in made.vae.instruments:
            network.posterior_head.bias.assign([far] * 4 + [0] * 4)
            network.posterior_head.kernel.assign(0 * network.posterior_head.kernel)
        chances.append(made.probabilities(segments(3, 1), segments(3)))
    np.testing.assert_array_equal(chances[0], chances[1])
    assert not np.array_equal(chances[0], chances[2])


def test_an_accompaniment_keeps_the_melody_and_depends_on_it():
    made = arch()
    melody, other = (segments(4, seed=seed)[..., PIANO] for seed in (1, 2))
    first, again, second = (made.accompaniment(each, SILENCE, HALF, 1) for each in (melody, melody, other))
    np.testing.assert_array_equal(first[..., PIANO], melody)
    np.testing.assert_array_equal(first, again)
    for instrument in range(1, len(INSTRUMENTS)):
        assert not np.array_equal(first[..., instrument], second[..., instrument])


def test_calibration_measures_deviations_and_thresholds_of_both_stages():
    pair = Spec("segments", (8, 24, 2), 8 * 24 * 2)  # piano and guitar, so that it is quick
    made, pieces = arch(spec=pair), segments(6, 8)[..., :2]
    encoded = corpus_of(pieces, pair)
    for stage in made.stages:
        step = backend.one_device().training_step(stage, backend.one_device().optimizers_for(stage, 1e-2))
        for _ in range(3):
            step(of(pieces[:, :-1], pieces[:, 1:]))
        assert stage.calibrate is not None
        stage.calibrate(encoded)
    rows = np.concatenate(pieces)
    std = made.latents(rows).std(axis=0)
    np.testing.assert_allclose(ops.convert_to_numpy(made.vae.latent_std), std, rtol=1e-3, atol=1e-5)
    decoded = made.decode_latents(made.latents(rows), Sampler(), 1)
    np.testing.assert_allclose(decoded.sum(axis=(0, 1, 2)), rows.sum(axis=(0, 1, 2)), rtol=0.1)


@pytest.mark.slow
def test_it_learns_segments_by_heart_gives_them_back_and_plays_them_in_turn():
    made = arch("width=64", "hidden=64", "beta=0.05", "kl_warmup=1")
    turn = np.zeros((4, *SHAPE), np.uint8)
    turn[:, :, 4:20] = segments(4)[:, :, 4:20]
    x = np.tile(turn, (2, 1, 1, 1))[None]
    for stage in made.stages:
        step = backend.one_device().training_step(stage, backend.one_device().optimizers_for(stage, 3e-3))
        for _ in range(600):
            step(of(x[:, :-1], x[:, 1:]))
    exact = Sampler(threshold="0.5", noise_sd=0)
    assert (made.decode_latents(made.latents(turn), exact, 1) != turn).mean() < 0.002
    written = np.concatenate(list(islice(made.continuation(x[:, :1], exact, 1), 4)), axis=1)
    assert (written[0] != x[0, 1:5]).mean() < 0.002
