"""A batch that is taken in parts must give the gradient and the sums of the whole batch."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from musictool.dataset.windows import Batch
from musictool.errors import BadOption
from musictool.training.options import RunSettings


@pytest.fixture
def batch() -> Batch:
    """Seven windows of four rows, which no two or three parts share evenly; some rows do not count."""
    rng = np.random.default_rng(1)
    x = rng.integers(0, 6, (7, 4)).astype(np.int32)
    mask = (rng.random((7, 4)) < 0.8).astype(np.float32)
    return Batch(x, np.roll(x, 1, axis=1), mask, np.zeros((7, 4, 0), np.float32))


@pytest.mark.parametrize("parts", [2, 3, 7])
def test_the_gradient_of_the_parts_is_that_of_the_batch(batch, parts):
    import keras
    import tensorflow as tf

    from musictool.arch import ParameterGroup
    from musictool.backend._tf_parts import gradient_in_parts, sums_in_parts

    values = np.random.default_rng(2).normal(size=(6, 6))
    embedding, unused = (keras.Variable(array, dtype="float32") for array in (values, np.zeros(3)))

    def loss_and_metrics(batch: Batch, training: bool) -> tuple:
        logits = keras.ops.tanh(keras.ops.take(embedding, batch.x, axis=0))
        return keras.ops.sum(logits * keras.ops.one_hot(batch.y, 6), axis=-1) ** 2, keras.ops.ones_like(batch.mask)

    group = ParameterGroup([embedding, unused], loss_and_metrics)
    rows = float(batch.mask.sum())
    results = []
    for number in (1, parts):
        run = tf.function(lambda b, n=number: gradient_in_parts(group, b, lambda s: s / rows, n), autograph=False)
        (gradient, none), sums = run(Batch(*map(tf.constant, batch)))
        assert none is None
        np.testing.assert_allclose(sums_in_parts(loss_and_metrics, batch, number), sums, rtol=1e-6)
        results.append((np.array(tf.convert_to_tensor(gradient)), np.array(sums)))
    assert np.abs(results[0][0]).max() > 0.01
    np.testing.assert_allclose(results[0][0], results[1][0], atol=1e-6)
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-6)


def test_more_parts_than_windows_are_refused():
    arch = SimpleNamespace(LEARNING_RATE=1e-3, WARMUP=0, DECAY="none", CLIP_NORM=1.0, WINDOW=16)
    settings = RunSettings(batch_size=4, accumulate=4).resolved(arch, "float32")  # type: ignore[arg-type]
    assert settings.accumulate == 4
    with pytest.raises(BadOption, match="--accumulate 5 is more than the 4 windows of a batch"):
        RunSettings(batch_size=4, accumulate=5).resolved(arch, "float32")  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_run_that_takes_its_batches_in_parts_learns_the_same(tunes: Path, at_new_home: Path):
    import musictool
    from musictool.models.info import read_info

    musictool.prepare(str(tunes), name="tunes", workers=1)
    small = ("width=16", "embedding=16", "layers=1", "dropout=0")
    losses = [
        read_info(
            musictool.train(
                "tunes",
                name=f"in-{parts}",
                settings=small,
                window=16,
                batch_size=5,
                epochs=2,
                seed=1,
                precision="float32",
                accumulate=parts,
            ).model.folder
        )["metrics"]["val_loss"]
        for parts in (1, 3)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
