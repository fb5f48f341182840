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
from musictool.layers.pitch_classes import chroma

from musictool.archs._adversaries import salt
from musictool.dataset.encode import encode_corpus
from musictool.errors import BadCorpus, BadOption, Stopped
from musictool.generation.request import Request
from musictool.generation.sample import sample
from musictool.generation.scoring import score_piece
from musictool.models.model import Model
from musictool.music.score import Score, Track
from musictool.preparation.prepare import prepare
from musictool.sampling.sampler import Guidance, Sampler
from musictool.training.reporter import Reporter
from musictool.training.train import train
from musictool.writing import write
from tests.test_laws_archs import SPECS, batch_of, rows, tiny

SPEC = SPECS["segments"]
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
SMALL = {"gan": ("width=2", "latent=4"), "wgan": ("width=2", "latent=4", "private=2", "turns=1")}

PLAIN = Sampler()

each = pytest.mark.parametrize("name", ["gan", "wgan"])


def written(arch: Any, seed: int = 1, sampler: Sampler = PLAIN, primer: int = 0) -> np.ndarray:
    """uint8 (4, 2, S, P, I)."""
    heard = rows(arch, batch=4, length=1, seed=primer)
    return np.concatenate(list(islice(arch.continuation(heard, sampler, seed), 2)), axis=1)


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
    arch = tiny(name)
    with pytest.raises(BadOption, match=f"{name} writes music and cannot say how likely a piece is"):
        arch.surprisal(rows(arch)[0])
    with pytest.raises(BadOption, match=f"{name} writes all instruments at once"):
        arch.accompaniment(np.zeros((1, 32, 128), np.uint8), SPEC.start, Sampler(), 1)


@each
def test_without_noise_it_has_one_answer_and_with_more_it_has_more(name: str):
    arch = tiny(name)
    arch.network.thresholds.assign(np.full(5, 1 / (1 + np.exp(3))))  # what a cell is said before training, near enough
    cold, warm = ([written(arch, seed, Sampler(temperature=heat)) for seed in (1, 2)] for heat in (1e-6, 3.0))
    np.testing.assert_array_equal(*cold)
    assert (warm[0] != warm[1]).any()
    np.testing.assert_array_equal(written(arch, 1, Sampler(noise_sd=1e-6)), cold[0])


@each
def test_what_is_banned_is_never_written_whatever_the_threshold(name: str):
    arch = tiny(name)
    banned = np.zeros((128, 5), bool)
    banned[:100], banned[:, 1] = True, True
    guidance = Guidance(banned=np.broadcast_to(banned, SPEC.shape).reshape(-1))
    for rule in ("bernoulli", "0.01"):
        made = next(arch.continuation(rows(arch), Sampler(threshold=rule), 1, guidance))
        assert made[..., 100:, 0].any()
        assert not made[..., banned].any()


@each
def test_a_step_has_no_more_keys_than_the_instrument_plays_at_once(name: str):
    arch = tiny(name)
    for weight in arch.network.generator.trainable_variables:  # none 0, so that no two keys are equally likely
        weight.assign(np.random.default_rng(1).normal(0, 0.3, weight.shape))
    arch.network.most.assign([1, 2, 3, 4, 5])
    made = written(arch, 1, Sampler(threshold="0.0001"))
    assert made.sum(axis=3).max(axis=(0, 1, 2)).tolist() == [1, 2, 3, 4, 5]


def test_gan_hears_nothing_and_wgan_hears_what_stood_before():
    for name, hears in (("gan", False), ("wgan", True)):
        arch = tiny(name)
        sampler = Sampler(threshold="bernoulli")
        assert (written(arch, 1, sampler, 0) != written(arch, 1, sampler, 7)).any() == hears


def test_an_instruments_own_noise_changes_no_other_and_the_shared_noise_all():
    arch = tiny("wgan")
    before, noise = rows(arch, batch=2, length=1)[:, 0].astype(np.float32), np.zeros((2, 4 + 5 * 32), np.float32)
    quiet = ops.convert_to_numpy(arch.network(before, noise))
    own, shared = noise.copy(), noise.copy()
    own[:, 4 + 32 * 2 : 4 + 32 * 3] = 1
    shared[:, :4] = 1
    for given, changed in ((own, [False, False, True, False, False]), (shared, [True] * 5)):
        now = ops.convert_to_numpy(arch.network(before, given))
        assert [(now[..., i] != quiet[..., i]).any() for i in range(5)] == changed


def test_each_stabiliser_does_one_thing():
    measures = {}
    for said in ("none", "smoothing", "matching"):
        arch = tiny("gan")
        settings = {"smoothing": said == "smoothing", "matching": said == "matching", "ttur": False}
        arch = type(arch)(arch.spec, type(arch.options)(**{**vars(arch.options), **settings}))
        (stage,) = arch.stages
        batch = batch_of(rows(arch, batch=4, length=2))
        measures[said] = [
            float(ops.mean(group.loss_and_metrics(batch, True)[0])) for group in reversed(stage.parameter_groups)
        ]
        assert [group.learning_rate_scale for group in stage.parameter_groups] == [1, 1]
    generator, critic = zip(*measures.values(), strict=True)
    assert critic[1] != pytest.approx(critic[0])
    assert critic[2] == pytest.approx(critic[0])
    assert generator[1] == pytest.approx(generator[0])
    assert generator[2] > generator[0]
    assert [group.learning_rate_scale for group in tiny("gan").stages[0].parameter_groups] == [
        4,
        1,
    ]  # ttur is on unless told otherwise


def test_smoothed_labels_cost_what_cross_entropy_with_them_costs():
    """Of one segment that people wrote, with log-odds l and label 1 - u: -(1 - u) ln p - u ln(1 - p)."""
    logit, unsure = 1.5, 0.07
    p = 1 / (1 + np.exp(-logit))
    assert np.log1p(np.exp(-logit)) + unsure * logit == pytest.approx(
        -(1 - unsure) * np.log(p) - unsure * np.log(1 - p)
    )


def test_the_penalty_is_that_of_the_slope_between_people_and_machine():
    arch = tiny("wgan")
    before, segments = (rows(arch, batch=2, length=1, seed=seed)[:, 0].astype(np.float32) for seed in (1, 2))
    loss, apart, penalty = (ops.convert_to_numpy(each) for each in arch.criticise(before, segments, False))
    made = ops.convert_to_numpy(arch.made(before, segments, False))
    np.testing.assert_allclose(loss, penalty - apart, rtol=1e-5)

    def verdict(x: np.ndarray) -> np.ndarray:
        return np.asarray(ops.convert_to_numpy(arch.network.critic(before, x)))

    np.testing.assert_allclose(apart, verdict(segments) - verdict(made), rtol=1e-4, atol=1e-5)
    tf = pytest.importorskip("tensorflow")
    for i in range(2):  # one by one: no segment's slope depends on another's
        x = tf.constant((0.5 * segments + 0.5 * made)[i : i + 1])
        with tf.GradientTape() as tape:
            tape.watch(x)
            said = arch.network.critic(before[i : i + 1], x)
        steepness = np.linalg.norm(tape.gradient(said, x))
        assert penalty[i] == pytest.approx(10 * (steepness - 1) ** 2, rel=1e-3)


@pytest.mark.parametrize("neurons", ["deterministic", "stochastic"])
def test_binary_neurons_show_the_critic_cells_that_sound_or_do_not(neurons: str):
    arch = tiny("wgan")
    arch.options = type(arch.options)(**{**vars(arch.options), "neurons": neurons})
    before = rows(arch, batch=2, length=1)[:, 0].astype(np.float32)
    made = ops.convert_to_numpy(arch.made(before, before, True))
    np.testing.assert_allclose(made, made.round(), atol=1e-6)
    if neurons == "stochastic":
        assert 0.01 < made.mean() < 0.2  # about one cell in twenty, before training


def test_chroma_counts_the_keys_of_each_pitch_class():
    segments = np.random.default_rng(0).integers(0, 2, (2, 32, 128, 5)).astype(np.float32)
    slow = np.zeros((2, 32, 12, 5))
    for pitch in range(128):
        slow[:, :, pitch % 12] += segments[:, :, pitch]
    np.testing.assert_array_equal(ops.convert_to_numpy(chroma(segments)), slow)


def test_two_halves_of_a_batch_do_not_draw_the_same_noise():
    """Devices share the state of the random numbers, and each has a part of the batch."""
    halves = rows(tiny("gan"), batch=2, length=1)
    drawn = []
    for half in halves:
        network = tiny("gan").network
        drawn.append(ops.convert_to_numpy(network.drawn(half.astype(np.float32), True)))
    assert np.abs(drawn[0] - drawn[1]).min() > 0
    assert int(salt(halves[0])) != int(salt(halves[1]))


@pytest.mark.slow
@each
def test_trained_it_is_assessed_sampled_and_the_same_after_a_stop(name: str, corpus: Path):
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

    class Stop(Reporter):
        def run_begins(self, run: Any, info: Any, corpus: Any) -> None:
            self.run = run

        def progress(self, step: int, loss: float, rows_per_second: float) -> None:
            self.run.stop.requested = self.run.state.epoch == 1

    with pytest.raises(Stopped):
        train("songs", arch=name, name="stopped", settings=SMALL[name], listener=Stop(), **RUN)
    keras.utils.set_random_seed(99)
    resumed = train(name="stopped", resume=True).model
    for one, other in zip(whole.model.arch.network.variables, resumed.arch.network.variables, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(one), ops.convert_to_numpy(other))
    sampler = Sampler(threshold="bernoulli")  # of weights that have hardly learnt
    scores = sample(whole.model, Request(bars=4, num=2, seed=3, sampler=sampler, from_scratch=True))
    assert [score.bars for score in scores] == [4, 4]
    with pytest.raises(BadOption, match="cannot say how likely"):
        score_piece(whole.model, scores[0], "song")


def test_a_corpus_that_is_too_small_or_lacks_instruments_is_told_of(
    tmp_path: Path, at_new_home: Path, caplog: pytest.LogCaptureFixture
):
    for name, pieces, tracks in (("few", 2, 5), ("duo", 8, 2)):
        (tmp_path / f"of-{name}").mkdir()
        prepare(str(band(tmp_path / f"of-{name}", pieces, tracks)), name=name, workers=1)
    from musictool.corpus.corpus import Corpus

    arch = tiny("gan")
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
