"""TensorFlow on several devices: of this machine (mirrored), or of several (multi-worker).

Every replica has all weights, and its part of each batch. Gradients are summed over the replicas before they are
clipped, and divided by the rows of the global batch; so n replicas take the step that one would take.

Keras' own `fit` does not work here (DESIGN.md, section 9), and its optimizers sum gradients behind the clipping, each
replica's clipped on its own: hence `Summed`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property, partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.distribute.collective_all_reduce_strategy import CollectiveAllReduceExtended

from musictool.arch import ParameterGroup, Stage
from musictool.backend._tf_parts import gradient_in_parts, sums_in_parts
from musictool.backend.machines import Machines
from musictool.backend.signals import ended_by_ctrl_c
from musictool.backend.strategy import Optimizers, Step, Strategy, update_groups
from musictool.backend.tf_data import stream
from musictool.dataset.windows import Batch, BatchSource
from musictool.errors import BadOption, LostWorker, MusictoolError

log = logging.getLogger(__name__)

HEALTH_SECONDS = 5  # between two looks at whether the other workers are alive
MOST_WAIT_SECONDS = 900  # for all workers to come
FLAGS, CHUNK = 8, 1 << 18  # numbers that workers exchange at once: few to agree, many to send a message
_GONE = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
)


# Private members of Keras and TensorFlow that are set or overridden below. Without them, gradients would be wrong or
# workers would wait for ever, and nothing would say so.
PRIVATE_MEMBERS = (
    (keras.optimizers.Adam, "_all_reduce_sum_gradients"),
    (CollectiveAllReduceExtended, "_check_health_interval"),
    (CollectiveAllReduceExtended, "_check_health_initial_timeout"),
)


def check_private_members() -> None:
    """Raises MusictoolError if the installed Keras or TensorFlow lacks one of PRIVATE_MEMBERS."""
    for owner, name in PRIVATE_MEMBERS:
        if not hasattr(owner, name):
            raise MusictoolError(
                f"training on several devices needs {owner.__name__}.{name}, which this version of "
                f"{owner.__module__.partition('.')[0]} lacks; install the versions that setup.py names, or leave "
                "--strategy at one"
            )


class Summed(keras.optimizers.Adam):
    """Adam for gradients that have been summed over the replicas already."""

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> list[Any]:
        return list(grads_and_vars)


class Replicas(Strategy):
    """What mirrored and multi-worker share."""

    adam = Summed
    distribution: Any  # tf.distribute.Strategy

    @property
    def first_replica(self) -> int:
        """The number of this process's first replica among all."""
        return 0

    def scope(self) -> AbstractContextManager[Any]:
        scope: AbstractContextManager[Any] = self.distribution.scope()
        return scope

    def stream(self, windows: BatchSource, plan: Any, first_step: int = 0) -> Iterator[Any]:
        local = range(self.first_replica, self.first_replica + self.replicas // self.workers)
        for parts in zip(*(stream(windows, plan, first_step, each, self.replicas) for each in local), strict=True):
            yield self._per_replica(parts)

    def training_step(self, stage: Stage, optimizers: Optimizers, parts: int = 1) -> Step:
        def update(group: ParameterGroup, optimizer: keras.optimizers.Optimizer, batch: Batch) -> Any:
            weights = group.variables
            size = tf.cast(tf.size(batch.mask), tf.float32)  # near the rows, which are not known before the sum
            local, sums = gradient_in_parts(group, batch, lambda loss: optimizer.scale_loss(loss / size), parts)
            pairs = [pair for pair in zip(local, weights, strict=True) if pair[0] is not None]
            gradients = [tf.convert_to_tensor(gradient) for gradient, _ in pairs]  # some name a few rows of a table
            *gradients, sums = _summed([*gradients, sums])
            scale = size / tf.maximum(sums[-1], 1.0)
            optimizer.apply([gradient * scale for gradient in gradients], [weight for _, weight in pairs])
            return sums

        return self._compiled(lambda batch: update_groups(stage, optimizers, partial(update, batch=batch)))

    def validation_step(self, stage: Stage, parts: int = 1) -> Step:
        return self._compiled(lambda batch: _summed(sums_in_parts(stage.loss_and_metrics, batch, parts)))

    def _compiled(self, step: Step) -> Step:
        """`step` on every replica; what the first returns."""
        run = tf.function(lambda batch: self.distribution.run(step, args=(batch,)), autograph=False)
        return lambda batch: self.distribution.experimental_local_results(run(batch))[0]

    def _per_replica(self, values: Sequence[Any]) -> Any:
        """One value for each replica of this process, as one that `run` takes apart."""
        first = self.first_replica
        return self.distribution.experimental_distribute_values_from_function(
            lambda context: values[context.replica_id_in_sync_group - first]
        )


def _summed(values: Any) -> Any:
    """The same over all replicas."""
    values = tf.nest.map_structure(tf.identity, values)  # on a device, which the inputs of a graph are not
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


class Mirrored(Replicas):
    """All devices of this machine.

    Args:
        devices: tf.config.LogicalDevice of each.
    """

    name = "mirrored"

    def __init__(self, devices: Sequence[Any]):
        check_private_members()
        self.replicas = len(devices)
        self.distribution = tf.distribute.MirroredStrategy([device.name for device in devices])


class MultiWorker(Replicas):
    """All devices of several machines. Made before TensorFlow computes anything in this process, or not at all.

    Raises:
        BadOption: if the others do not come, or the port is taken.
    """

    name = "multi-worker"

    def __init__(self, machines: Machines):
        check_private_members()
        self.machines = machines
        self.workers = len(machines.addresses)
        self.is_chief = machines.index == 0
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec({"worker": [*machines.addresses]}),
            task_type="worker",
            task_id=machines.index,
            rpc_layer="grpc",
        )
        CollectiveAllReduceExtended._check_health_interval = HEALTH_SECONDS  # 30 is too long for "within a minute"
        CollectiveAllReduceExtended._check_health_initial_timeout = MOST_WAIT_SECONDS  # and for ever is longer
        try:
            with ended_by_ctrl_c():
                self.distribution = tf.distribute.MultiWorkerMirroredStrategy(resolver)
        except (RuntimeError, tf.errors.OpError) as error:
            raise BadOption(
                f"worker {machines.index} cannot join {','.join(machines.addresses)}: {str(error).splitlines()[0]}"
            ) from None
        self.replicas = self.distribution.num_replicas_in_sync

    @property
    def first_replica(self) -> int:
        return self.machines.index * (self.replicas // self.workers)

    @contextmanager
    def watched(self) -> Iterator[None]:
        try:
            with super().watched():
                yield
            self.any_worker()  # nobody leaves before all are done
        except _GONE as error:
            log.info("%s", error)
            raise LostWorker(
                f"worker {self.machines.index} stops: another of the {self.workers} has died or cannot be reached "
                f"({type(error).__name__}). Start all again with --resume; the run goes on from what was saved last"
            ) from None

    def any_worker(self, *flags: bool) -> tuple[bool, ...]:
        counts = self._added(np.array(flags, np.int32), FLAGS)
        return tuple(bool(count) for count in counts[: len(flags)])

    def broadcast(self, message: bytes = b"") -> bytes:
        length = int(self._added(np.array([len(message) if self.is_chief else 0], np.int32), FLAGS)[0])
        received = b""
        for begin in range(0, length, 4 * CHUNK):
            part = message[begin : begin + 4 * CHUNK] if self.is_chief else b""
            received += self._added(np.frombuffer(part.ljust(4 * CHUNK, b"\0"), np.int32), CHUNK).tobytes()
        return received[:length]

    def _added(self, numbers: np.ndarray, size: int) -> np.ndarray:
        """int32 (size,): the sum of what each worker gives, filled up with 0 to one of few sizes, each traced once."""
        numbers = np.pad(numbers, (0, size - len(numbers)))
        rest = [np.zeros_like(numbers)] * (self.replicas // self.workers - 1)
        values = self._per_replica([tf.constant(each) for each in (numbers, *rest)])
        added: np.ndarray = self._add(values).numpy()
        return added

    @cached_property
    def _add(self) -> Step:
        return self._compiled(_summed)
