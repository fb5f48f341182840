"""gan and wgan, beyond the laws that each arch keeps to."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from musictool.archs._adversaries import batch_seed
from musictool.dataset.encode import encode_corpus
from musictool.encoding import Spec
from musictool.errors import BadCorpus, BadOption, Stopped
from musictool.generation.request import Request
from musictool.generation.sample import sample
from musictool.generation.scoring import score_piece
from musictool.models.model import Model
from musictool.music.score import Score, Track
from musictool.preparation.prepare import prepare
from musictool.sampling.guidance import FREE, Guidance
from musictool.sampling.sampler import Sampler
from musictool.training.train import train
from musictool.writing import write
from tests.test_laws_archs import FULL_SEGMENTS, batch_of, rows, tiny
from tests.training.test_training import StopAt

SPEC = Spec("segments", (8, 24, 5), 8 * 24 * 5)
TRACKS = (Track(0), Track(25), Track(33), Track(48), Track(0, is_drum=True))
RUN: dict[str, Any] = {
    "encoding": "segments",
    "epochs": 2,
    "seed": 1,
    "batch_size": 5,
    "patience": 0,
    "transpose": (0, 0),
    "precision": "float32",
}
SMALL = {"gan": ("width=2", "latent=4"), "wgan": ("width=2", "latent=4", "track_noise=2", "critic_steps=1")}

PLAIN = Sampler()

each = pytest.mark.parametrize("name", ["gan", "wgan"])


def small(name: str) -> Any:
    return tiny(name, spec=SPEC)


def written(arch: Any, seed: int = 1, sampler: Sampler = PLAIN, primer: int = 0) -> np.ndarray:
    """uint8 (4, 2, S, P, I)."""
    primers = rows(arch, batch=4, length=1, seed=primer)
    return np.concatenate(list(islice(arch.continuation(primers, sampler, seed), 2)), axis=1)


def band(folder: Path, pieces: int = 8, tracks: int = 5) -> Path:
    """Short pieces for the first of five instruments."""
    for piece in range(pieces):
        notes = [
            (40 + 12 * (track % 4) + piece + beat % 5, beat, 1.0, track)
            for track in range(tracks)
            for beat in range(32)
        ]
        score = Score.from_notes([note[:3] for note in notes], tracks=TRACKS[:tracks])
        score.notes["track"] = [note[3] for note in notes]
        write(score, folder / f"piece-{piece}.mid")
    return folder


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return band(tmp_path_factory.mktemp("songs"))


@pytest.fixture
def corpus(songs: Path, at_new_home: Path) -> Path:
    return prepare(str(songs), name="songs", workers=1).corpus.folder


@each
def test_it_says_plainly_what_it_cannot_do(name: str):
    arch = small(name)
    with pytest.raises(BadOption, match=f"{name} writes music and cannot say how likely a piece is"):
        arch.surprisal(rows(arch)[0])
    with pytest.raises(BadOption, match=f"{name} writes all instruments at once"):
        arch.accompaniment(np.zeros((1, *SPEC.shape[:2]), np.uint8), SPEC.start, Sampler(), 1)


@each
def test_without_noise_it_has_one_answer_and_with_more_it_has_more(name: str):
    arch = small(name)
    arch.network.thresholds.assign(np.full(5, 1 / (1 + np.exp(3))))  # about the probability of a cell before training
    quiet, loud = ([written(arch, seed, Sampler(noise_sd=sd)) for seed in (1, 2)] for sd in (1e-6, 3.0))
    np.testing.assert_array_equal(*quiet)
    assert (loud[0] != loud[1]).any()
    np.testing.assert_array_equal(written(arch, 1, Sampler(noise_sd=0)), quiet[0])
    np.testing.assert_array_equal(written(arch, 1), written(arch, 1, Sampler(noise_sd=1)))  # the default


@each
@pytest.mark.usefixtures("eagerly")
def test_what_is_banned_is_never_written_whatever_the_threshold(name: str):
    arch = small(name)
    banned = np.zeros(SPEC.shape[1:], bool)
    banned[:18], banned[:, 1] = True, True
    guidance = Guidance(banned=np.broadcast_to(banned, SPEC.shape).reshape(-1))
    for rule in ("bernoulli", "0.01"):
        segments = next(arch.continuation(rows(arch), Sampler(threshold=rule), 1, guidance))
        assert segments[..., 18:, 0].any()
        assert not segments[..., banned].any()


@each
@pytest.mark.usefixtures("eagerly")
def test_a_step_has_no_more_keys_than_the_instrument_plays_at_once(name: str):
    arch = small(name)
    for weight in arch.network.generator.trainable_variables:  # none 0, so that no two keys are equally likely
        weight.assign(np.random.default_rng(1).normal(0, 0.3, weight.shape))
    arch.network.max_polyphony.assign([1, 2, 3, 4, 5])
    segments = written(arch, 1, Sampler(threshold="0.0001"))
    assert segments.sum(axis=3).max(axis=(0, 1, 2)).tolist() == [1, 2, 3, 4, 5]


@pytest.mark.usefixtures("eagerly")
def test_gan_is_unconditional_and_wgan_depends_on_what_stood_before():
    for name, depends in (("gan", False), ("wgan", True)):
        arch = small(name)
        sampler = Sampler(threshold="bernoulli")
        assert (written(arch, 1, sampler, 0) != written(arch, 1, sampler, 7)).any() == depends


def test_an_instruments_own_noise_changes_no_other_and_the_shared_noise_all():
    arch = small("wgan")
    size, begin = arch.options.track_noise, 4 + 12 * arch.options.chord_noise
    previous, noise = (
        rows(arch, batch=2, length=1)[:, 0].astype(np.float32),
        np.zeros((2, begin + 5 * size), np.float32),
    )
    quiet = ops.convert_to_numpy(arch.network(previous, noise))
    own, shared, chords = noise.copy(), noise.copy(), noise.copy()
    own[:, begin + size * 2 : begin + size * 3] = 1
    shared[:, :4] = 1
    chords[:, 4:begin] = np.arange(begin - 4)
    pitched = [True] * 4 + [False]
    for given, changed in ((own, [False, False, True, False, False]), (shared, [True] * 5), (chords, pitched)):
        now = ops.convert_to_numpy(arch.network(previous, given))
        assert [(now[..., i] != quiet[..., i]).any() for i in range(5)] == changed


@pytest.mark.usefixtures("eagerly")
def test_each_stabiliser_does_one_thing():
    losses = {}
    for stabiliser in ("none", "smoothing", "matching"):
        arch = small("gan")
        settings = {"smoothing": stabiliser == "smoothing", "matching": stabiliser == "matching", "ttur": False}
        arch = type(arch)(arch.spec, type(arch.options)(**{**vars(arch.options), **settings}))
        (stage,) = arch.stages
        batch = batch_of(rows(arch, batch=4, length=2))
        losses[stabiliser] = [
            float(ops.mean(group.loss_and_metrics(batch, True)[0])) for group in reversed(stage.parameter_groups)
        ]
        assert [group.learning_rate_scale for group in stage.parameter_groups] == [1, 1]
    generator, critic = zip(*losses.values(), strict=True)
    assert critic[1] != pytest.approx(critic[0])
    assert critic[2] == pytest.approx(critic[0])
    assert generator[1] == pytest.approx(generator[0])
    assert generator[2] > generator[0]
    assert [group.learning_rate_scale for group in small("gan").stages[0].parameter_groups] == [
        4,
        1,
    ]  # ttur is on unless told otherwise


def test_smoothed_labels_cost_what_cross_entropy_with_them_costs():
    """Of a real segment, with logit l and label 1 - u: -(1 - u) ln p - u ln(1 - p)."""
    logit, smoothing = 1.5, 0.07
    p = 1 / (1 + np.exp(-logit))
    assert np.log1p(np.exp(-logit)) + smoothing * logit == pytest.approx(
        -(1 - smoothing) * np.log(p) - smoothing * np.log(1 - p)
    )


def test_the_penalty_is_that_of_the_gradient_between_real_and_fake():
    arch = small("wgan")
    real = rows(arch, batch=2, length=4, seed=1).astype(np.float32)
    previous, segments = real[:, 0], real[:, 1:]
    loss, wasserstein, penalty = map(ops.convert_to_numpy, arch.critic_loss(previous, segments, False))
    fake = ops.convert_to_numpy(arch.rows_generated(previous, segments, False))
    np.testing.assert_allclose(loss, penalty - wasserstein, rtol=1e-5)

    def score(x: np.ndarray) -> np.ndarray:
        return np.asarray(ops.convert_to_numpy(arch.network.critic(x)))

    np.testing.assert_allclose(wasserstein, score(real) - score(fake), rtol=1e-4, atol=1e-5)
    tf = pytest.importorskip("tensorflow")
    for i in range(2):  # one by one: no row's gradient depends on another
        x = tf.constant((0.5 * real + 0.5 * fake)[i : i + 1])
        with tf.GradientTape() as tape:
            tape.watch(x)
            scores = arch.network.critic(x)
        norm = np.linalg.norm(tape.gradient(scores, x))
        assert penalty[i] == pytest.approx(10 * (norm - 1) ** 2, rel=1e-3)


@pytest.mark.parametrize("neurons", ["deterministic", "stochastic"])
@pytest.mark.usefixtures("eagerly")
def test_binary_neurons_show_the_critic_cells_that_sound_or_do_not(neurons: str):
    arch = small("wgan")
    arch.options = type(arch.options)(**{**vars(arch.options), "neurons": neurons})
    real = rows(arch, batch=2, length=3).astype(np.float32)
    cells = ops.convert_to_numpy(arch.rows_generated(real[:, 0], real[:, 1:], True))[:, 1:]
    np.testing.assert_allclose(cells, cells.round(), atol=1e-6)
    if neurons == "stochastic":
        assert 0.01 < cells.mean() < 0.2  # about one cell in twenty, before training


@pytest.mark.usefixtures("eagerly")
def test_wgan_learns_from_what_it_writes_several_segments_in_a_row():
    arch = small("wgan")
    real = rows(arch, batch=4, length=4).astype(np.float32)
    written = ops.convert_to_numpy(arch.rows_generated(real[:, 0], real[:, 1:], False))
    np.testing.assert_array_equal(written[:, 0], real[:, 0])
    noise = arch._noise_of_rows(real[:, 1:], False)
    for i in range(3):  # each follows from the one before it
        logits = arch.network(written[:, i], noise[:, i])
        np.testing.assert_allclose(written[:, i + 1], ops.convert_to_numpy(logits) > 0, atol=1e-6)
    tf = pytest.importorskip("tensorflow")
    first = tf.constant(real[:, 0])
    with tf.GradientTape() as tape:  # no gradient goes back into the one before
        tape.watch(first)
        last = ops.sum(arch.rows_generated(first, real[:, 1:], True)[:, 1:])
    assert not np.any(tape.gradient(last, first))


@pytest.mark.usefixtures("eagerly")
def test_a_window_with_padding_is_not_judged():
    arch = small("wgan")
    (stage,) = arch.stages
    mask = np.ones((2, 3), np.float32)
    mask[1, 2] = 0
    (loss, *_) = stage.loss_and_metrics(batch_of(rows(arch, batch=2, length=4), mask), False)
    assert (ops.convert_to_numpy(loss) != 0).tolist() == [[True] * 3, [False] * 3]


def test_a_part_of_the_noise_holds_for_a_piece():
    arch = small("wgan")
    context, other = (arch.context(Sampler(), FREE, seed) for seed in (1, 2))
    silence = np.zeros((3, *SPEC.shape), np.uint8)
    first, second = (arch.noise(silence, context) for _ in range(2))
    held = (first == second).all(axis=0)
    np.testing.assert_array_equal(held, arch._is_held)
    assert held.sum() == round(0.5 * 4) + 5 * round(0.5 * 2)
    assert (first[0] != first[1]).all()
    assert (first != arch.noise(silence, other)).all()
    trained = ops.convert_to_numpy(arch._noise_of_rows(rows(arch, batch=2, length=3).astype(np.float32), True))
    np.testing.assert_array_equal((trained[:, 1:] == trained[:, :-1]).all(axis=(0, 1)), held)


def test_two_halves_of_a_batch_do_not_draw_the_same_noise():
    """Devices share the state of the random numbers, and each has a part of the batch."""
    halves = rows(small("gan"), batch=2, length=1)
    noise = []
    for half in halves:
        network = small("gan").network
        noise.append(ops.convert_to_numpy(network.draw_noise(half.astype(np.float32), True)))
    assert np.abs(noise[0] - noise[1]).min() > 0
    assert int(batch_seed(halves[0])) != int(batch_seed(halves[1]))


@pytest.mark.slow
@each
def test_trained_it_is_evaluated_sampled_and_the_same_after_a_stop(name: str, corpus: Path):
    whole = train("songs", arch=name, name="whole", settings=SMALL[name], **RUN)
    assert whole.loss is None
    assert not whole.baselines
    first, *_ = whole.eval_metrics
    assert first == "distance"
    header, *epochs = (whole.model.folder / "history.csv").read_text().splitlines()
    assert {"val_distance", "val_variety", "val_near_duplicates", "critic_loss", "generator_loss"} <= {
        *header.split(",")
    }
    assert len(epochs) == 2

    with pytest.raises(Stopped):
        train("songs", arch=name, name="stopped", settings=SMALL[name], reporter=StopAt(2, 1), **RUN)
    keras.utils.set_random_seed(99)
    resumed = train(name="stopped", resume=True).model
    for one, other in zip(whole.model.arch.network.variables, resumed.arch.network.variables, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(one), ops.convert_to_numpy(other))
    sampler = Sampler(threshold="bernoulli")  # of weights that have hardly learnt
    scores = sample(whole.model, Request(bars=4, num=2, seed=3, sampler=sampler, from_scratch=True))
    assert [score.bars for score in scores] == [4, 4]
    with pytest.raises(BadOption, match="cannot say how likely"):
        score_piece(whole.model, scores[0], "song")


def test_a_corpus_that_is_too_small_or_lacks_instruments_is_reported(
    tmp_path: Path, at_new_home: Path, caplog: pytest.LogCaptureFixture
):
    for name, pieces, tracks in (("few", 2, 5), ("duo", 8, 2)):
        (tmp_path / f"of-{name}").mkdir()
        prepare(str(band(tmp_path / f"of-{name}", pieces, tracks)), name=name, workers=1)
    from musictool.corpus.corpus import Corpus

    arch = tiny("gan", spec=FULL_SEGMENTS)
    with pytest.raises(BadCorpus, match=r"make \d segments of 32 steps; gan needs 8"):
        arch.check(encode_corpus(Corpus.open("few"), "segments"))
    arch.check(encode_corpus(Corpus.open("duo"), "segments"))
    assert "no training piece has a note for bass, strings, drums" in caplog.text


TWO_CPUS = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import musictool
print(musictool.train("songs", arch={name!r}, name="two", settings={settings}, **{run}).model.info["provenance"])
"""


def run(program: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, **environment}, timeout=900
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.slow
@each
def test_two_devices_train_it_and_one_samples_from_it(name: str, corpus: Path):
    program = TWO_CPUS.format(name=name, settings=SMALL[name], run={**RUN, "epochs": 1})
    assert "'strategy': 'mirrored', 'replicas': 2" in run(program)
    (score,) = sample(Model.open("two"), Request(bars=2, seed=1, sampler=Sampler(threshold="bernoulli")))
    assert len(score.notes)


ON_JAX = """
import sys
sys.modules["tensorflow"] = None
import musictool
from musictool.generation.request import Request
from musictool.generation.sample import sample
from musictool.sampling.sampler import Sampler
model = musictool.train("songs", arch={name!r}, name="jax", settings={settings}, **{run}).model
(score,) = sample(model, Request(bars=2, seed=1, sampler=Sampler(threshold="bernoulli")))
print(len(score.notes))
"""


@pytest.mark.slow
@each
def test_jax_trains_it(name: str, corpus: Path):
    pytest.importorskip("jax", reason="JAX is not installed: pip install 'musictool[jax]'")
    program = ON_JAX.format(name=name, settings=SMALL[name], run={**RUN, "epochs": 1})
    assert int(run(program, KERAS_BACKEND="jax"))
