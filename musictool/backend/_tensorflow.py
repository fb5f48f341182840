"""TensorFlow on one device, and the devices that it finds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from musictool.arch import ParameterGroup, Stage
from musictool.backend._tf_parts import gradient_in_parts, sums_in_parts
from musictool.backend.machines import Machines
from musictool.backend.strategy import Optimizers, Step, Strategy, sums_of, update_groups
from musictool.backend.tf_data import stream
from musictool.dataset.windows import Batch, BatchSource
from musictool.errors import BadOption


def prepare_devices() -> bool:
    """Let GPU memory grow as needed and every computation repeat itself; returns whether there is a GPU."""
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        with suppress(RuntimeError):  # TensorFlow has already begun; then it is as it is
            tf.config.experimental.set_memory_growth(gpu, True)
    tf.config.experimental.enable_op_determinism()
    return bool(gpus)


def device_name() -> str:
    """What the network runs on, for people."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "CPU"
    return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU"))


def versions() -> dict[str, str]:
    """The library that computes, and which one it is."""
    return {"tensorflow": tf.__version__}


def chosen(name: str, machines: Machines | None) -> Strategy:
    """The strategy of this name; of "auto", the one that uses all devices.

    Raises:
        BadOption: for several devices where there is one.
    """
    from musictool.backend import _replicas

    prepare_devices()  # before anything is computed, after which their settings stand
    if machines is not None:
        return _replicas.MultiWorker(machines)
    if name == "one":
        return OneDevice()
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) > 1:
        return _replicas.Mirrored(devices)
    if name == "mirrored":
        raise BadOption("--strategy mirrored shares the work among several GPUs, and TensorFlow sees one device here")
    return OneDevice()


class OneDevice(Strategy):
    """The first GPU, or the CPU."""

    name = "one"

    def stream(self, windows: BatchSource, plan: Any, first_step: int = 0) -> Iterator[Any]:
        return stream(windows, plan, first_step)

    def training_step(self, stage: Stage, optimizers: Optimizers, parts: int = 1) -> Step:
        def update(group: ParameterGroup, optimizer: keras.optimizers.Optimizer, batch: Batch) -> Any:
            rows = tf.maximum(tf.reduce_sum(batch.mask), 1.0)
            gradients, sums = gradient_in_parts(group, batch, lambda loss: optimizer.scale_loss(loss / rows), parts)
            optimizer.apply(gradients, group.variables)
            return sums

        compiled: Step = tf.function(
            lambda batch: update_groups(stage, optimizers, partial(update, batch=batch)), autograph=False
        )
        return compiled

    def validation_step(self, stage: Stage, parts: int = 1) -> Step:
        compiled: Step = tf.function(lambda batch: sums_in_parts(stage.loss_and_metrics, batch, parts), autograph=False)
        if stage.counting:
            return lambda batch: sums_of(stage.loss_and_metrics, batch, False)
        return compiled
