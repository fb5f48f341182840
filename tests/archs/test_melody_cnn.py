"""melody-cnn: which inputs each instrument has, what the latent is for, and how cells are made of probabilities."""

from __future__ import annotations

from itertools import islice

import keras
import numpy as np
import pytest
from keras import ops

from musictool.archs import _segments
from musictool.archs._segments import segment_pairs
from musictool.archs.melody_cnn import MelodyCnn
from musictool.backend import backend
from musictool.dataset.dataset import Encoded
from musictool.dataset.windows import Batch
from musictool.encoding import Spec
from musictool.music.instruments import BASS, DRUMS, INSTRUMENTS, PIANO
from musictool.sampling.guidance import Guidance
from musictool.sampling.sampler import Sampler
from tests.test_laws_archs import corpus_of

pytestmark = pytest.mark.usefixtures("eagerly")

SHAPE = (8, 24, 5)
SPEC = Spec("segments", SHAPE, 8 * 24 * 5)
BERNOULLI = Sampler(threshold="bernoulli")


def arch(*settings: str) -> MelodyCnn:
    keras.utils.set_random_seed(1)
    made = MelodyCnn.sized(SPEC, "small", ("width=2", "hidden=8", *settings))
    assert isinstance(made, MelodyCnn)
    return made


def segments(*shape: int, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).random((*shape, *SHAPE)) < 0.05).astype(np.uint8)


def of(x: np.ndarray, y: np.ndarray) -> Batch:
    return Batch(x, y, np.ones(x.shape[:2], np.float32), np.zeros((*x.shape[:2], 0), np.float32))


def undecided(made: MelodyCnn) -> None:
    """Let half of the probabilities of an untrained network be above the thresholds."""
    made.network.thresholds.assign(np.median(made.probabilities(segments(2, 1), segments(2, seed=1)), axis=(0, 1, 2)))


def measured(made: MelodyCnn, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """float (metrics,), of one segment after another."""
    (stage,) = made.stages
    metrics = stage.loss_and_metrics(of(x[None, None], y[None, None]), False)
    return np.array([np.asarray(metric)[0, 0] for metric in metrics])


def test_the_loss_is_the_sum_of_the_instruments():
    loss, *by_instrument = measured(arch(), segments()[()], segments(seed=1)[()])
    assert len(by_instrument) == len(INSTRUMENTS)
    np.testing.assert_allclose(loss, sum(by_instrument), rtol=1e-6)


def test_each_instrument_depends_on_itself_and_all_but_the_piano_on_the_new_piano():
    made, x, y = arch("latent=0"), segments(), segments(seed=1)
    for changed in range(len(INSTRUMENTS)):
        other_x, other_y = x.copy(), y.copy()
        other_x[..., changed] = segments(seed=2)[..., changed]
        differs = measured(made, other_x, y) != measured(made, x, y)
        assert differs[1:].tolist() == [i == changed for i in range(len(INSTRUMENTS))]
        other_y[..., changed] = segments(seed=2)[..., changed]
        differs = measured(made, x, other_y) != measured(made, x, y)
        assert differs[1:].tolist() == [i == changed or changed == PIANO for i in range(len(INSTRUMENTS))]


def test_without_a_latent_the_nats_are_those_of_the_probabilities():
    made, x, y = arch("latent=0"), segments(3), segments(3, seed=1)
    (stage,) = made.stages
    probability = made.probabilities(x[:, None], y).astype(np.float64)
    wanted = -np.where(y, np.log(probability), np.log1p(-probability)).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(np.asarray(stage.loss_and_metrics(of(x[None], y[None]), False)[0])[0], wanted, rtol=1e-5)


def test_without_a_latent_there_is_one_answer_and_with_one_there_are_many():
    for latent, answers in ((0, 1), (4, 3)):
        made = arch(f"latent={latent}")
        undecided(made)
        primer = np.repeat(segments(1, 1), 3, axis=0)
        written = next(made.continuation(primer, Sampler(noise_sd=30 / 10), 1))
        assert len(np.unique(written.reshape(3, -1), axis=0)) == answers


def test_an_accompaniment_keeps_the_melody_and_depends_on_it():
    made = arch("latent=0")
    undecided(made)
    melody, other = (segments(4, seed=seed)[..., PIANO] for seed in (1, 2))
    silence = np.zeros(SHAPE, np.uint8)
    first, again, second = (made.accompaniment(each, silence, Sampler(), 1) for each in (melody, melody, other))
    np.testing.assert_array_equal(first[..., PIANO], melody)
    np.testing.assert_array_equal(first, again)
    for instrument in range(BASS, len(INSTRUMENTS)):
        assert not np.array_equal(first[..., instrument], second[..., instrument])


def test_what_is_banned_never_sounds():
    made = arch()
    banned = np.zeros(SHAPE, bool)
    banned[:, ::2] = True
    primer = segments(2, 1)
    free, bound = (
        np.concatenate(list(islice(made.continuation(primer, BERNOULLI, 1, guidance), 3)), axis=1)
        for guidance in (Guidance(), Guidance(banned=banned.reshape(-1)))
    )
    assert free[:, :, :, ::2].any()
    assert bound.any()
    assert not bound[:, :, :, ::2].any()


@pytest.fixture(scope="module")
def varied() -> tuple[MelodyCnn, Encoded]:
    """An arch of which the probabilities of the cells are not all the same, and a corpus; to be calibrated."""
    made = arch("latent=0")
    pieces = segments(6, 8)
    pieces[..., DRUMS] &= segments(6, 8, seed=3)[..., DRUMS]  # a twentieth as many
    rng = np.random.default_rng(1)
    for weight in made.network.trainable_variables:
        weight.assign_add(rng.normal(0, 0.3, weight.shape))
    return made, corpus_of(pieces, SPEC)


def test_calibrated_thresholds_give_every_instrument_the_notes_that_it_has(
    varied: tuple[MelodyCnn, Encoded], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(_segments, "CALIBRATION_ROUNDS", 0)
    made, encoded = varied
    made.calibrate(encoded)
    thresholds = ops.convert_to_numpy(made.network.thresholds)
    above, real = np.zeros(5), np.zeros(5)
    for history, after in segment_pairs(encoded, 512):
        above += (made.probabilities(history, after) > thresholds).sum(axis=(0, 1, 2))
        real += after.sum(axis=(0, 1, 2))
    np.testing.assert_allclose(above, real, rtol=0.1)


def test_calibrated_thresholds_hold_where_it_follows_its_own_segments(
    varied: tuple[MelodyCnn, Encoded],
):
    made, encoded = varied
    made.calibrate(encoded)
    real = encoded.rows(slice(None))
    primer = real.reshape(6, 8, *SHAPE)[:, :1]
    written = np.concatenate(list(islice(made.continuation(primer, Sampler(), 1), 3)), axis=1)
    np.testing.assert_allclose(written.sum(axis=(0, 1, 2, 3)) / 18, real.sum(axis=(0, 1, 2)) / 48, rtol=0.5)


def test_no_more_keys_sound_at_once_than_an_instrument_plays_in_the_corpus(
    varied: tuple[MelodyCnn, Encoded],
):
    made, encoded = varied
    made.calibrate(encoded)
    at_once = encoded.rows(slice(None)).sum(axis=2).reshape(-1, 5)
    limits = ops.convert_to_numpy(made.network.max_polyphony)
    for i in range(5):
        sounding = at_once[at_once[:, i] > 0, i]
        assert (sounding <= limits[i]).mean() >= 0.99 > (sounding < limits[i]).mean()
    primer = np.ones((2, 1, *SHAPE), np.uint8)  # far too full
    written = next(made.continuation(primer, Sampler(threshold="0.001"), 1))[:, 0]
    assert (written.sum(axis=2).max(axis=(0, 1)) == limits).all()


def test_pairs_are_neighbours_within_a_piece_and_silence_stands_before_the_first():
    pieces = segments(3, 5)
    for memory in (1, 3):
        parts = zip(*segment_pairs(corpus_of(pieces, SPEC), 512, memory), strict=True)
        history, after = (np.concatenate(part) for part in parts)
        np.testing.assert_array_equal(after, pieces.reshape(after.shape))
        history = history.reshape(3, 5, memory, *SHAPE)
        for back in range(1, memory + 1):  # segments before
            np.testing.assert_array_equal(history[:, back:, -back], pieces[:, :-back])
            assert not history[:, :back, -back].any()


@pytest.mark.slow
def test_it_learns_a_turn_of_segments_by_heart_and_plays_it_back():
    made = arch("latent=0", "width=4", "hidden=64", "input_dropout=0")
    turn = segments(4)[:, :, 4:20]
    turn = np.pad(turn, ((0, 0), (0, 0), (4, 4), (0, 0)))
    x = np.tile(turn, (2, 1, 1, 1))[None]
    (stage,) = made.stages
    step = backend.one_device().training_step(stage, backend.one_device().optimizers_for(stage, 3e-3))
    for _ in range(400):
        step(of(x[:, :-1], x[:, 1:]))
    written = np.concatenate(list(islice(made.continuation(x[:, :1], Sampler(threshold="0.5"), 1), 4)), axis=1)
    assert (written[0] != x[0, 1:5]).mean() < 0.002
