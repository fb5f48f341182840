"""What every arch keeps to, held against each file of musictool/archs: a new one is tested without being named here.

That numpy writes and scores what Keras does is one of the laws, so those of writing are held against numpy alone, which
has nothing to compile. That a network can be trained, continue and score compiled are two more; the others do not
compile it, which takes longer than all that they compute.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args, get_type_hints

import keras
import numpy as np
import pytest
from keras import ops

from musictool import arch as archs
from musictool.arch import Arch, CountingStage, Stage
from musictool.backend import backend
from musictool.backend.precision import PRECISIONS, precision_within
from musictool.dataset.dataset import Encoded
from musictool.dataset.windows import Batch
from musictool.encoding import FIRST_TOKEN, Spec
from musictool.engine.current import within
from musictool.errors import BadOption, KindMismatch, UnknownName
from musictool.models.weights import load_weights
from musictool.music.bar_positions import BarPositions
from musictool.options import describe
from musictool.registry import ARCHS
from musictool.sampling.guidance import Guidance
from musictool.sampling.sampler import Sampler

SPECS = {
    "tokens": Spec("tokens", (), 20),
    "frames": Spec("frames", (12,), 12),
    "segments": Spec("segments", (8, 24, 2), 8 * 24 * 2),
}
FULL_SEGMENTS = Spec("segments", (32, 128, 5), 32 * 128 * 5)  # as the encoding writes them
FEATURES = np.random.default_rng(0).integers(0, 2, (20, 7)).astype(np.uint8)
RANDOM = Sampler(threshold="bernoulli")  # whatever a network without training says
TINY = {"hidden": 4, "embedding": 8, "width": 8, "layers": 2, "latent": 4, "critic_steps": 1, "track_noise": 2}
TINY |= {"gibbs_steps": 3, "divergence_steps": 2, "ais_steps": 3, "ais_chains": 2, "states": 16, "rounds": 30}

CHUNKS = ("_autoregressive", "_frames", "_tokens", "_counted", "coconet")  # of musictool.archs, each with a CHUNK

# Trained compiled in `make test`, too; to compile another takes a second or more.
COMPILED = ("cnn", "lstm", "roll-lstm", "transformer")

each_arch = pytest.mark.parametrize("name", ARCHS.names())
each_foreteller = pytest.mark.parametrize("name", [name for name in ARCHS.names() if ARCHS.get(name).has_likelihood])
each_token_arch = pytest.mark.parametrize("name", [name for name in ARCHS.names() if ARCHS.get(name).kind == "tokens"])
each_segment_arch = pytest.mark.parametrize("name", archs.archs_for("segments"))


def tiny(
    name: str, seed: int = 1, spec: Spec | None = None, conditions: int = 0, settings: tuple[str, ...] = (), **more: int
) -> Arch:
    cls = ARCHS.get(name)
    keras.utils.set_random_seed(seed)
    known = {setting.partition("=")[0] for setting, _, _ in describe(cls.Options)}
    settings = (*(f"{key}={value}" for key, value in (TINY | more).items() if key in known), *settings)
    shape = getattr(cls, "ROW_SHAPE", None)
    spec = spec or (SPECS[cls.kind] if shape is None else Spec(cls.kind, shape, int(np.prod(shape))))
    arch = cls.sized(spec, "small", settings, conditions)
    for stage in arch.stages:
        if isinstance(stage, CountingStage):
            stage.fit_counts(corpus_of(rows(arch, batch=40, length=20, seed=seed), arch.spec), always)
    return arch


@cache
def known(name: str) -> Arch:
    """`tiny(name)`, made once for all laws that change nothing of it."""
    return tiny(name)


@cache
def known_in_numpy(name: str) -> Arch:
    """The same computed by numpy."""
    with TemporaryDirectory() as folder:
        return saved_and_loaded_in_numpy(known(name), Path(folder))


@pytest.fixture(autouse=True, scope="module")
def known_archs_are_dropped() -> Iterator[None]:
    yield
    known.cache_clear()
    known_in_numpy.cache_clear()


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """4 rows are written at once, and 6 are scored."""
    for module in CHUNKS:
        monkeypatch.setattr(f"musictool.archs.{module}.CHUNK", 4)
    monkeypatch.setattr("musictool.archs._autoregressive.SCORED", 6)


def always(rounds: int, loss: float) -> bool:
    """A stage that counts is to go on."""
    return True


class Unmoved:
    """In the place of an encoding: transposes nothing."""

    def __init__(self, spec: Spec):
        self.spec = spec

    def transpose(self, rows: np.ndarray, semitones: int) -> np.ndarray:
        return rows


def corpus_of(pieces: np.ndarray, spec: Spec) -> Encoded:
    """Pieces to learn from, (B, T, *shape), for a stage that counts."""
    offsets = np.arange(len(pieces) + 1) * pieces.shape[1]
    nothing = np.zeros(len(pieces), bool)
    return Encoded(Unmoved(spec), spec.store(np.concatenate(pieces)), offsets, nothing, (0,), {}, Path())


def weights(stage: Stage) -> list[np.ndarray]:
    """What its network has, of the kind that it has."""
    if isinstance(stage, CountingStage):
        tables: dict[str, np.ndarray] = {}
        stage.network.save_own_variables(tables)
        return list(tables.values())
    return [ops.convert_to_numpy(weight) for weight in stage.network.variables]


def batch_of(x: np.ndarray, mask: np.ndarray | None = None, conditions: np.ndarray | None = None) -> Batch:
    """All but the last row, and all but the first; beside frames, behind the conditions, their positions in 4/4."""
    shape = (x.shape[0], x.shape[1] - 1)
    mask = np.ones(shape, np.float32) if mask is None else mask
    beside = np.zeros((*shape, 0), np.float32) if conditions is None else conditions
    if x.ndim == 3:
        positions = BarPositions().of_rows(0, shape[1])[None, :, 0]
        beside = np.concatenate([beside, np.repeat(positions, len(x), axis=0)], axis=-1)
    return Batch(x[:, :-1], x[:, 1:], mask, beside)


def assert_two_steps_move_every_weight(stage: Stage, batch: Batch) -> None:
    step = backend.one_device().training_step(stage, backend.one_device().optimizers_for(stage, 1e-2))
    before = [ops.convert_to_numpy(weight) for weight in stage.network.trainable_variables]
    for _ in range(2):
        step(batch)
    for old, weight in zip(before, stage.network.trainable_variables, strict=True):
        assert np.abs(old - ops.convert_to_numpy(weight)).max() > 0, weight.path


def losses(stage: Stage, batch: Batch) -> np.ndarray:
    """float (B, L): nats of each target."""
    return ops.convert_to_numpy(stage.loss_and_metrics(batch, False)[0])


def rows(arch: Arch, batch: int = 3, length: int = 12, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if arch.kind == "tokens":
        return rng.integers(FIRST_TOKEN, arch.spec.size, (batch, length)).astype(np.int32)
    return (rng.random((batch, length, *arch.spec.shape)) < 0.1).astype(np.uint8)


@each_arch
def test_it_refuses_another_kind_and_says_which_it_learns(name: str):
    cls = ARCHS.get(name)
    for kind, spec in SPECS.items():
        if kind != cls.kind:
            with pytest.raises(KindMismatch, match=f"{name} learns {cls.kind}.*{kind}"):
                cls(spec)


@each_arch
def test_it_has_the_three_sizes_and_refuses_another(name: str):
    cls = ARCHS.get(name)
    assert set(cls.SIZES) == {"small", "medium", "large"}
    with pytest.raises(UnknownName, match="Did you mean 'small'"):
        cls.sized(SPECS[cls.kind], "smal")


@each_foreteller
def test_what_is_predicted_before_a_row_does_not_depend_on_it(name: str):
    arch = known(name)
    (*_, stage) = arch.stages
    batch = batch_of(rows(arch, length=13))
    changed = np.tile(batch.x, (4, *[1] * (batch.x.ndim - 1)))  # as it is, and changed in one of three rows
    for i, t in enumerate((1, 5, 11), 1):
        changed[3 * i : 3 * i + 3, t] = rows(arch, seed=9)[:, t]
    fourfold = (np.concatenate([array] * 4) for array in batch)
    before, *afters = np.split(losses(stage, Batch(*fourfold)._replace(x=changed)), 4)
    for t, after in zip((1, 5, 11), afters, strict=True):
        np.testing.assert_allclose(before[:, :t], after[:, :t], atol=1e-5)
        assert np.abs(before[:, t:] - after[:, t:]).max() > 1e-6


@each_foreteller
def test_a_target_counts_where_it_stands_and_nowhere_else(name: str):
    arch = known(name)
    (*_, stage) = arch.stages
    batch = batch_of(rows(arch, length=13))
    y = batch.y.copy()
    y[:, 5] = rows(arch, seed=9)[:, 5]
    changed = np.abs(losses(stage, batch) - losses(stage, batch._replace(y=y))).max(axis=0) > 1e-5
    assert changed.tolist() == [t == 5 for t in range(12)]


@each_foreteller
@pytest.mark.usefixtures("eagerly", "few_at_once")
def test_written_row_by_row_it_expects_what_it_expects_of_the_whole(name: str):
    arch = known(name)
    (*_, stage) = arch.stages
    (piece,) = rows(arch, batch=1, length=9)
    whole = losses(stage, batch_of(np.concatenate([arch.spec.start[None], piece])[None]))
    np.testing.assert_allclose(arch.surprisal(piece), whole[0], rtol=1e-6, atol=1e-4)


@each_arch
def test_two_steps_change_every_trainable_weight(name: str, request: pytest.FixtureRequest):
    """Compiled, as all are in `make test-all`; here only those that layers of every kind are in."""
    if name not in COMPILED:
        request.getfixturevalue("eagerly")
    arch = tiny(name)
    for stage in arch.stages:
        if isinstance(stage, CountingStage):
            pytest.skip("it counts, and takes no steps")
        # so many tokens that every symbol is among them, and segments that what is far back counts
        pieces, length = {"tokens": (24, 6), "frames": (8, 6), "segments": (8, 24)}[arch.kind]
        assert_two_steps_move_every_weight(stage, batch_of(rows(arch, batch=pieces, length=length)))


@pytest.mark.slow
@each_segment_arch
def test_at_full_size_two_steps_change_every_trainable_weight_and_it_continues_a_piece(name: str):
    arch = tiny(name, spec=FULL_SEGMENTS)
    for stage in arch.stages:
        assert_two_steps_move_every_weight(stage, batch_of(rows(arch, batch=8, length=6)))
    written = next(arch.continuation(rows(arch, batch=2), RANDOM, 3))
    assert written.shape[2:] == FULL_SEGMENTS.shape
    assert set(np.unique(written)) == {0, 1}


@each_foreteller
@pytest.mark.usefixtures("eagerly")
def test_padding_counts_neither_in_loss_nor_in_hits(name: str):
    arch = known(name)
    (*_, stage) = arch.stages
    loss_and_metrics = backend.one_device().validation_step(stage)
    x, mask = rows(arch, length=13), np.ones((3, 12), np.float32)
    mask[:, 8:] = 0
    other = x.copy()
    other[:, 9:] = rows(arch, length=13, seed=5)[:, 9:]
    first = np.asarray(loss_and_metrics(batch_of(x, mask)))
    second = np.asarray(loss_and_metrics(batch_of(other, mask)))
    np.testing.assert_allclose(first, second, rtol=1e-5)
    assert first[-1] == 3 * 8


@each_arch
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(name: str):
    archs = (known(name), tiny(name, seed=1), tiny(name, seed=2))
    first, again, other = ([array for stage in arch.stages for array in weights(stage)] for arch in archs)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@each_arch
@pytest.mark.usefixtures("eagerly", "few_at_once")
def test_saved_and_loaded_it_predicts_the_same_by_keras_and_by_numpy(name: str, tmp_path: Path):
    arch = known(name)
    in_numpy = saved_and_loaded_in_numpy(arch, tmp_path)
    loaded = archs.from_json(arch.to_json(), arch.spec)
    for stage, fresh in zip(arch.stages, loaded.stages, strict=True):
        fresh.network.load_weights(tmp_path / f"{stage.name}.weights.h5")
        for saved, read in zip(stage.network.weights, fresh.network.weights, strict=True):
            np.testing.assert_array_equal(ops.convert_to_numpy(saved), ops.convert_to_numpy(read))
        np.testing.assert_array_equal(losses(stage, batch_of(rows(arch))), losses(fresh, batch_of(rows(arch))))
    written, by_numpy = (next(each.continuation(rows(arch, length=4), RANDOM, 1)) for each in (loaded, in_numpy))
    np.testing.assert_array_equal(written, by_numpy)
    if arch.has_likelihood:
        (piece,) = rows(arch, batch=1, length=40)
        whole = losses(stage, batch_of(np.concatenate([arch.spec.start[None], piece])[None]))
        np.testing.assert_allclose(in_numpy.surprisal(piece), whole[0], rtol=1e-6, atol=1e-4)


def saved_and_loaded_in_numpy(arch: Arch, folder: Path) -> Arch:
    """The same arch, computed by numpy, with the same weights, by way of files in a folder."""
    for stage in arch.stages:
        stage.network.save_weights(folder / f"{stage.name}.weights.h5")
    with within("numpy"):
        loaded = archs.from_json(arch.to_json(), arch.spec)
        loaded.build()
    for stage in loaded.stages:
        load_weights(stage.network, folder / f"{stage.name}.weights.h5")
    return loaded


@each_arch
@pytest.mark.usefixtures("few_at_once")
def test_it_continues_each_piece_of_a_batch_with_allowed_rows(name: str):
    arch = known_in_numpy(name)
    start = np.broadcast_to(arch.spec.start, (4, 1, *arch.spec.shape))
    written = np.concatenate(list(islice(arch.continuation(start, Sampler(), 3), 3)), axis=1)
    assert written.shape[0] == 4
    assert written.dtype == arch.spec.dtype
    if arch.kind == "tokens":
        assert written.min() >= FIRST_TOKEN
        assert written.max() < arch.spec.size
    else:
        assert set(np.unique(written)) <= {0, 1}


@each_arch
@pytest.mark.usefixtures("few_at_once")
def test_the_same_seed_writes_the_same_and_another_seed_something_else(name: str):
    arch = known_in_numpy(name)
    primer = rows(arch, batch=2)
    first, again, other = (next(arch.continuation(primer, RANDOM, seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def heads_of(name: str) -> list[tuple[str, ...]]:
    """The settings that choose each head of an arch; one empty setting for an arch without a choice of heads."""
    heads = get_args(get_type_hints(ARCHS.get(name).Options).get("head"))
    return [(f"head={head}",) for head in heads] or [()]


each_precision = pytest.mark.parametrize(
    "precision",
    [
        # All other laws compute in float32; float16, which GPUs choose, mixes types as bfloat16 does.
        pytest.param(name, marks=[pytest.mark.slow] if name != "mixed_bfloat16" else [])
        for name in PRECISIONS
        if name != "auto"
    ],
)


@each_precision
@pytest.mark.parametrize(
    "name, settings",
    [pytest.param(name, head, id="-".join((name, *head))) for name in ARCHS.names() for head in heads_of(name)],
)
def test_in_every_precision_it_continues_a_piece_and_scores_one(name: str, settings: tuple[str, ...], precision: str):
    """As it must while it is trained: a run writes a sample after each epoch, in the precision that it trains in."""
    with precision_within(precision):
        arch = tiny(name, settings=settings, layers=1)  # the other laws have two
        written = next(arch.continuation(rows(arch, batch=1, length=5), Sampler(), 1))  # as many rows as are scored
        assert written.dtype == arch.spec.dtype
        if arch.has_likelihood:
            nats = arch.surprisal(rows(arch, batch=1, length=4)[0])
            assert nats.shape == (4,)
            assert np.isfinite(nats).all()


@each_token_arch
@pytest.mark.parametrize("features", [None, FEATURES])
@pytest.mark.usefixtures("few_at_once")
def test_writing_step_by_step_predicts_what_the_whole_window_predicts(
    name: str, features: np.ndarray | None, tmp_path: Path
):
    """Drawn with top_k=1, each symbol must be the likeliest after all that stands before it, read in one go."""
    arch = tiny(name, spec=Spec("tokens", (), 20, features))
    primer = rows(arch, batch=2, length=5)
    written = next(saved_and_loaded_in_numpy(arch, tmp_path).continuation(primer, Sampler(top_k=1), 0))
    whole = np.concatenate([primer, written], axis=1)
    logits = np.copy(arch.stages[0].network(whole))
    logits[:, :, :FIRST_TOKEN] = -np.inf
    likeliest = np.asarray(ops.argmax(logits, axis=-1))[:, primer.shape[1] - 1 : -1]
    np.testing.assert_array_equal(written, likeliest)


@each_arch
@pytest.mark.usefixtures("eagerly")
def test_what_is_asked_for_changes_what_is_expected_from_there_on_and_nothing_before(name: str):
    if not ARCHS.get(name).supports_conditions:
        with pytest.raises(BadOption, match=f"{name} .*--controls"):
            tiny(name, conditions=3)
        return
    arch = tiny(name, conditions=3)
    (*_, stage) = arch.stages
    conditions = np.zeros((3, 12, 3), np.float32)
    batch = batch_of(rows(arch, length=13), conditions=conditions)
    before = losses(stage, batch)
    asked = batch.side_inputs.copy()
    asked[:, 6:, 1] = 1
    after = losses(stage, batch._replace(side_inputs=asked))
    np.testing.assert_allclose(before[:, :6], after[:, :6], atol=1e-5)
    assert np.abs(before[:, 6] - after[:, 6]).max() > 1e-6
    (piece,) = rows(arch, batch=1, length=4)
    free, bound = (arch.surprisal(piece, Guidance(conditions=np.array(c, np.float32))) for c in ([0, 0, 0], [1, 0, 0]))
    assert np.abs(free - bound).max() > 1e-6


@each_token_arch
def test_what_is_banned_is_never_written(name: str):
    arch = known_in_numpy(name)
    banned = np.arange(20) % 3 > 0
    written = next(arch.continuation(rows(arch), Sampler(), 1, Guidance(banned=banned)))
    assert set(np.unique(written) % 3) == {0}


@pytest.mark.slow
@each_arch
def test_it_learns_one_loop_by_heart_and_plays_it_back(name: str):
    arch = tiny(name)
    if arch.kind != "tokens":
        pytest.skip("loops of frames and segments have laws of their own")
    loop = np.array([3, 7, 5, 11, 4, 13, 9, 6], np.int32)
    x = np.tile(loop, (4, 5))
    (stage,) = arch.stages
    if isinstance(stage, CountingStage):
        stage.fit_counts(corpus_of(x, arch.spec), always)
    else:
        step = backend.one_device().training_step(stage, backend.one_device().optimizers_for(stage, 2e-2))
        for _ in range(300):
            step(batch_of(x))
    written = next(arch.continuation(x[:1], Sampler(top_k=1), 0))
    assert written[0, :32].tolist() == np.tile(loop, 4).tolist()
