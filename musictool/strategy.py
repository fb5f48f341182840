"""Where and how numbers are computed: devices, precision, compiled functions, the training step.

What is TensorFlow's own stands in this file; archs and layers know only `keras` and `keras.ops`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import keras
import tensorflow as tf

from musictool.stage import Stage
from musictool.wishes import Precision

CLIP_NORM = 1.0  # gradients longer than this are shortened to it; recurrent networks need it


def prepare(precision: Precision, seed: int) -> str:
    """Make ready for a run: devices, names, seed, precision.

    Returns:
        the precision chosen: "auto" is mixed_float16 on a GPU and float32 without one.
    """
    has_gpu = prepare_devices()
    if precision == "auto":
        precision = "mixed_float16" if has_gpu else "float32"
    keras.utils.clear_session()  # names of layers count from the beginning, and so do those in weight files
    keras.config.set_dtype_policy(precision)  # after clear_session, which would forget it
    keras.utils.set_random_seed(seed)
    return precision


def prepare_devices() -> bool:
    """Let GPU memory grow as needed and every computation repeat itself; returns whether there is a GPU."""
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        with suppress(RuntimeError):  # TensorFlow has already begun; then it is as it is
            tf.config.experimental.set_memory_growth(gpu, True)
    tf.config.experimental.enable_op_determinism()
    return bool(gpus)


@contextmanager
def precision_within(precision: str | None = None) -> Iterator[None]:
    """What is built in the block has this precision (None: what it sets itself); afterwards all is as before."""
    before = keras.config.dtype_policy()
    if precision is not None:
        keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def device_name() -> str:
    """What the network runs on, for people."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "CPU"
    return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU"))


def optimizer_for(stage: Stage, learning_rate: float) -> keras.optimizers.Optimizer:
    """Adam with clipped gradients, built for the stage's weights, with loss scaling where float16 needs it."""
    optimizer = keras.optimizers.Adam(learning_rate, global_clipnorm=CLIP_NORM)
    if keras.config.dtype_policy().name == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(stage.network.trainable_variables)
    return optimizer


def training_step(stage: Stage, optimizer: keras.optimizers.Optimizer) -> Callable[..., Any]:
    """Compiled: (x, y, mask) -> float32 (3,): summed nats, hits and rows; takes one step of the optimizer."""
    network = stage.network

    def step(x: Any, y: Any, mask: Any) -> Any:
        with tf.GradientTape() as tape:
            output = network(x, training=True)
            nats = tf.reduce_sum(stage.loss(y, output) * mask)
            rows = tf.reduce_sum(mask)
            loss = optimizer.scale_loss(nats / tf.maximum(rows, 1.0))
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply(gradients, network.trainable_variables)
        return tf.stack([nats, tf.reduce_sum(stage.hits(y, output) * mask), rows])

    return tf.function(step, autograph=False)


def validation_step(stage: Stage) -> Callable[..., Any]:
    """Compiled: (x, y, mask) -> float32 (3,): summed nats, hits and rows of the batch."""

    def step(x: Any, y: Any, mask: Any) -> Any:
        output = stage.network(x, training=False)
        nats, hits = stage.loss(y, output), stage.hits(y, output)
        return tf.stack([tf.reduce_sum(nats * mask), tf.reduce_sum(hits * mask), tf.reduce_sum(mask)])

    return tf.function(step, autograph=False)
