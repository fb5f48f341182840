"""Where and how numbers are computed: devices, precision, compiled functions, the training step.

What is TensorFlow's own stands in this file; archs and layers know only `keras` and `keras.ops`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Literal

import keras
import tensorflow as tf

from musictool.stage import Stage

log = logging.getLogger(__name__)

Precision = Literal["auto", "float32", "mixed_float16", "mixed_bfloat16"]
PRECISIONS: tuple[Precision, ...] = ("auto", "float32", "mixed_float16", "mixed_bfloat16")
CLIP_NORM = 1.0  # gradients longer than this are shortened to it; recurrent networks need it


def prepare(precision: Precision, seed: int) -> str:
    """Make ready for a run: GPU memory grows as needed, results repeat under the seed, numbers have this precision.

    Returns:
        the precision chosen: "auto" is mixed_float16 on a GPU and float32 without one.
    """
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if precision == "auto":
        precision = "mixed_float16" if gpus else "float32"
    keras.config.set_dtype_policy(precision)
    keras.utils.clear_session()  # names of layers count from the beginning, and so do those in weight files
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    return precision


def device_name() -> str:
    """What the network runs on, for people."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "CPU"
    return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU"))


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function as one graph; traced again only for inputs of another rank or type."""
    return tf.function(function, reduce_retracing=True, autograph=False)


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
