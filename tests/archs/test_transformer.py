"""What holds for the Transformers beyond the laws of all archs."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from musictool.arch import Arch
from musictool.backend import backend
from musictool.backend.precision import precision_within
from musictool.dataset.windows import Batch
from musictool.encoding import FIRST_TOKEN, Spec
from musictool.errors import BadOption
from musictool.registry import ARCHS
from musictool.sampling.sampler import Sampler
from tests.test_laws_archs import saved_and_loaded_in_numpy

SPEC = Spec("tokens", (), 20)
TINY = ("embedding=12", "width=8", "layers=2", "heads=2")
POSITIONS = ["rotary", "relative", "learned"]
CONTEXTS = [("transformer", (f"positions={positions}", "context=7")) for positions in POSITIONS] + [
    ("transformer-xl", ("segment=5", "memory=8")),
    ("transformer-xl", ("segment=9", "memory=4")),
    ("transformer-xl", ("segment=6", "memory=0")),
]


def tiny(name: str, *settings: str) -> Arch:
    keras.utils.set_random_seed(1)
    arch = ARCHS.get(name).sized(SPEC, "small", (*TINY, *settings))
    rng = np.random.default_rng(1)
    for weight in arch.stages[0].network.trainable_variables:  # so large that what is far away matters
        weight.assign(weight + rng.normal(0, 0.3, weight.shape))
    return arch


def random_tokens(length: int, batch: int = 1) -> np.ndarray:
    return np.random.default_rng(length).integers(FIRST_TOKEN, SPEC.size, (batch, length)).astype(np.int32)


def logits(arch: Arch, tokens: np.ndarray) -> np.ndarray:
    return ops.convert_to_numpy(arch.stages[0].network(tokens))


def expected(arch: Arch, piece: np.ndarray) -> np.ndarray:
    """float (T,): nats of each token of a piece in one window."""
    tokens = np.concatenate([arch.spec.start[None], piece])[None]
    mask, none = np.ones((1, len(piece)), np.float32), np.zeros((1, len(piece), 0), np.float32)
    (nats, *_) = arch.stages[0].loss_and_metrics(Batch(tokens[:, :-1], tokens[:, 1:], mask, none), False)
    return np.asarray(ops.convert_to_numpy(nats)[0])


@pytest.mark.parametrize("name, settings", CONTEXTS)
def test_far_beyond_its_context_it_scores_as_a_whole_window_does(name: str, settings: tuple[str, ...], tmp_path: Path):
    """By numpy, which compiles nothing; that Keras scores the same is a law of archs."""
    arch = tiny(name, *settings)
    (piece,) = random_tokens(150)
    surprisal = saved_and_loaded_in_numpy(arch, tmp_path).surprisal(piece)
    np.testing.assert_allclose(surprisal, expected(arch, piece), atol=1e-4)


@pytest.mark.parametrize("positions", POSITIONS)
def test_it_depends_on_what_its_layers_attend_to_and_on_nothing_further_back(positions: str):
    arch = tiny("transformer", f"positions={positions}", "context=4")
    tokens, other = random_tokens(30), random_tokens(30)
    other[:, 0] = FIRST_TOKEN + (other[:, 0] - FIRST_TOKEN + 1) % 10
    change = np.abs(logits(arch, tokens) - logits(arch, other))[0].max(axis=-1)
    assert (change[: 2 * 3 + 1] > 1e-6).all()
    assert (change[2 * 3 + 1 :] == 0).all()


@pytest.mark.parametrize("segment", [5, 6])
def test_the_memory_of_an_xl_goes_across_segments(segment: int):
    arch = tiny("transformer-xl", f"segment={segment}", f"memory={segment}")
    tokens, other = random_tokens(5 * segment), random_tokens(5 * segment)
    other[:, 0] = FIRST_TOKEN + (other[:, 0] - FIRST_TOKEN + 1) % 10
    change = np.abs(logits(arch, tokens) - logits(arch, other))[0].max(axis=-1)
    assert (change[: 3 * segment] > 1e-7).all()  # each of the two layers attends one segment further back
    assert (change[3 * segment :] == 0).all()


def test_no_gradient_goes_through_the_memory_of_an_xl():
    import tensorflow as tf

    body = tiny("transformer-xl", "segment=5", "memory=5").stages[0].network.body
    x = tf.constant(np.random.default_rng(0).normal(size=(2, 15, 12)).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(x)
        second = tf.reduce_sum(tf.square(body(x)[:, 5:10] - 1))
    gradient = np.abs(tape.gradient(second, x)).max(axis=(0, 2))
    assert (gradient[:5] == 0).all()
    assert (gradient[5:10] > 0).all()


@pytest.mark.parametrize(
    "name, settings, policy",
    [(*case, ("mixed_float16", "mixed_bfloat16")[i % 2]) for i, case in enumerate(CONTEXTS[:4])],
)
def test_in_mixed_precision_it_predicts_nearly_the_same_and_writes(name: str, settings: tuple[str, ...], policy: str):
    (piece,) = random_tokens(40)
    keras.utils.set_random_seed(1)
    exact = ARCHS.get(name).sized(SPEC, "small", (*TINY, *settings))
    whole = expected(exact, piece)
    with precision_within(policy):
        mixed = ARCHS.get(name).sized(SPEC, "small", (*TINY, *settings))
        (stage,) = mixed.stages
        stage.network.set_weights(exact.stages[0].network.get_weights())
        np.testing.assert_allclose(expected(mixed, piece), whole, atol=0.1)
        np.testing.assert_allclose(mixed.surprisal(piece), whole, atol=0.1)
        written = next(mixed.continuation(piece[None], Sampler(), 0))
    assert written.min() >= FIRST_TOKEN


def test_no_two_blocks_begin_with_the_same_weights():
    keras.utils.set_random_seed(1)
    body = ARCHS.get("transformer").sized(SPEC, "small", (*TINY, "positions=relative")).stages[0].network.body
    blocks = [
        (*attention.weights, up.kernel, down.kernel)
        for attention, up, down in zip(body.attentions, body.up, body.down, strict=True)
    ]
    for one, other in zip(*blocks, strict=True):
        assert not np.array_equal(ops.convert_to_numpy(one), ops.convert_to_numpy(other)), one.path


def test_options_that_do_not_fit_together_are_named():
    with pytest.raises(BadOption, match="option width: 10 is not a multiple of heads, 4"):
        ARCHS.get("transformer").sized(SPEC, "small", ("width=10",))
    with pytest.raises(BadOption, match="width: 12 over 4 heads is odd; positions=rotary"):
        ARCHS.get("transformer").sized(SPEC, "small", ("width=12",))
    ARCHS.get("transformer").sized(SPEC, "small", ("width=12", "positions=relative"))


PERIOD, WINDOW = 9, 36


def refrains(pieces: int, length: int, seed: int) -> np.ndarray:
    """Pieces (pieces, length) in which each token is that of PERIOD before, but for one in twenty."""
    rng = np.random.default_rng(seed)
    music = rng.integers(FIRST_TOKEN, SPEC.size, (pieces, length)).astype(np.int32)
    for row in range(PERIOD, length):
        kept = rng.random(pieces) < 0.95
        music[kept, row] = music[kept, row - PERIOD]
    return music


def bigram_music(corpus: np.ndarray, pieces: int, length: int) -> np.ndarray:
    """Drawn from how often each token followed each other."""
    counts = np.full((SPEC.size, SPEC.size), 1e-9)
    np.add.at(counts, (corpus[:, :-1], corpus[:, 1:]), 1)
    rng = np.random.default_rng(0)
    music = corpus[:pieces, :1]
    for _ in range(length - 1):
        rows = counts[music[:, -1]]
        drawn = [rng.choice(SPEC.size, p=row / row.sum()) for row in rows]
        music = np.concatenate([music, np.array(drawn, np.int32)[:, None]], axis=1)
    return music


def nats_of(music: np.ndarray, others: np.ndarray) -> float:
    """Nats per token under a model counted on other pieces: what stood PERIOD after each token."""
    counts = np.full((SPEC.size, SPEC.size), 0.1)
    np.add.at(counts, (others[:, :-PERIOD], others[:, PERIOD:]), 1)
    probabilities = counts / counts.sum(axis=1, keepdims=True)
    return float(-np.log(probabilities[music[:, :-PERIOD], music[:, PERIOD:]]).mean())


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, settings",
    [("transformer", (f"positions={positions}", "context=12")) for positions in POSITIONS]
    + [("transformer-xl", ("segment=12", "memory=12"))],
)
def test_what_it_writes_is_more_probable_than_what_a_bigram_writes(name: str, settings: tuple[str, ...]):
    """Were the context lost in writing, what is written would be no better than a bigram's."""
    keras.utils.set_random_seed(1)
    sizes = ("embedding=32", "width=32", "heads=2", "layers=2", "dropout=0")
    arch = ARCHS.get(name).sized(SPEC, "small", (*sizes, *settings))
    (stage,) = arch.stages
    step = backend.one_device().training_step(stage, backend.one_device().optimizers_for(stage, 3e-3))
    mask, none = np.ones((32, WINDOW), np.float32), np.zeros((32, WINDOW, 0), np.float32)
    for seed in range(300):
        window = refrains(32, WINDOW + 1, seed)
        step(Batch(window[:, :-1], window[:, 1:], mask, none))
    corpus, others = refrains(64, 100, 1000), refrains(200, 100, 1001)
    primer = corpus[:16, : 2 * PERIOD]
    written = np.concatenate(list(islice(arch.continuation(primer, Sampler(top_p=1.0), 0), 5)), axis=1)
    late = written[:, 4 * WINDOW :]  # far beyond the window of training
    real, bigram = (nats_of(music, others) for music in (corpus, bigram_music(corpus, 16, 200)))
    assert nats_of(late, others) < real + 0.5 * (bigram - real)
