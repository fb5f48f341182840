"""The contract of what computes a training run: one device, several, or several machines."""

from __future__ import annotations

import io
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from musictool.arch import LossFn, ParameterGroup, Stage
from musictool.dataset.windows import Batch, BatchSource
from musictool.errors import OutOfMemory

log = logging.getLogger(__name__)

Step = Callable[[Batch], Any]
Optimizers = tuple[keras.optimizers.Optimizer, ...]  # one for each group of a stage


class Strategy(ABC):
    """Where numbers are computed. The batch that a run asks for is the global one: replicas share it out.

    Attributes:
        name: as on the command line.
        replicas: devices that compute a step together, on all machines.
        workers: processes that do so. All of them call the same methods in the same order.
        is_chief: whether this process is the one that writes files and speaks.
    """

    name: ClassVar[str]
    replicas: int = 1
    workers: int = 1
    is_chief: bool = True
    adam: ClassVar[type[keras.optimizers.Optimizer]] = keras.optimizers.Adam

    def scope(self) -> AbstractContextManager[Any]:
        """Networks and optimizers are built within it."""
        return nullcontext()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """A run goes on within it.

        Raises:
            OutOfMemory: for what is thrown when memory is at an end.
            LostWorker: for what is thrown when another worker is gone.
        """
        try:
            yield
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            log.info("%s", error)
            raise OutOfMemory(
                "this run needs more memory than there is; begin one of another --name with a smaller --batch-size, "
                "--window or --size"
            ) from None

    def optimizers_for(self, stage: Stage, learning_rate: float, clip_norm: float = 1.0) -> Optimizers:
        """For each group Adam with gradients shortened to `clip_norm` (0: as they are), built for its weights, with
        loss scaling where float16 needs it."""
        with self.scope():
            return tuple(self._optimizer(group, learning_rate, clip_norm) for group in stage.parameter_groups)

    def _optimizer(self, group: ParameterGroup, learning_rate: float, clip_norm: float) -> keras.optimizers.Optimizer:
        optimizer = self.adam(
            learning_rate * group.learning_rate_scale,
            beta_1=group.beta_1,
            weight_decay=group.weight_decay or None,
            global_clipnorm=clip_norm or None,
            name="adam",
        )
        if keras.config.dtype_policy().name == "mixed_float16":
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        optimizer.build(group.variables)
        return optimizer

    @abstractmethod
    def stream(self, windows: BatchSource, plan: Any, first_step: int = 0) -> Iterator[Any]:
        """The batches of a pass, in order, from `first_step` on, as the steps take them."""

    @abstractmethod
    def training_step(self, stage: Stage, optimizers: Optimizers, parts: int = 1) -> Step:
        """A compiled step that updates the weights of each group in turn.

        Args:
            parts: in how many parts a batch is taken, one after another. The gradient is that of the whole batch, but
                where a network looks across its windows (batch normalisation), as dropout is drawn for each part.

        Returns:
            batch -> float32 (metrics + 1,): the sum of each metric over the global batch, in each group's last update,
            and its rows.
        """

    @abstractmethod
    def validation_step(self, stage: Stage, parts: int = 1) -> Step:
        """A compiled step without updates: batch -> float32 (metrics + 1,), as the training step."""

    def any_worker(self, *flags: bool) -> tuple[bool, ...]:
        """For each flag, whether it is True on any worker; the same on all of them."""
        return flags

    def broadcast(self, message: bytes = b"") -> bytes:
        """The chief's message, on all workers."""
        return message

    def broadcast_variables(self, variables: Sequence[Any]) -> None:
        """Give `variables` the values that they have on the chief."""
        if self.workers == 1:
            return
        message = io.BytesIO()
        if self.is_chief:
            np.savez(message, *(ops.convert_to_numpy(variable) for variable in variables))
        with np.load(io.BytesIO(self.broadcast(message.getvalue())), allow_pickle=False) as values:
            for i, variable in enumerate(variables):
                variable.assign(values[f"arr_{i}"])


def is_out_of_memory(error: Exception) -> bool:
    """Whether Python, TensorFlow or JAX says with this that memory is at an end."""
    return isinstance(error, MemoryError) or (
        type(error).__name__ == "ResourceExhaustedError" or str(error).startswith("RESOURCE_EXHAUSTED")
    )


def sums_of(loss_and_metrics: LossFn, batch: Batch, training: bool) -> Any:
    """float32 (metrics + 1,): the sum of each metric over a batch, and its rows."""
    metrics = loss_and_metrics(batch, training)  # (B, L) each
    mask = ops.cast(batch.mask, "float32")  # (B, L)
    return ops.stack([*(ops.sum(ops.cast(metric, "float32") * mask) for metric in metrics), ops.sum(mask)])


def part_of(batch: Batch, part: Any, parts: int) -> Batch:
    """One of equal parts of a batch; where windows are missing, others in their place that do not count."""
    count = ops.shape(batch.mask)[0]
    size = (count + parts - 1) // parts
    index = part * size + ops.arange(size, dtype="int32")
    taken = Batch(*(ops.take(each, ops.minimum(index, count - 1), axis=0) for each in batch))
    return taken._replace(mask=taken.mask * ops.cast(index < count, taken.mask.dtype)[:, None])


def update_groups(stage: Stage, optimizers: Optimizers, step: Callable[[ParameterGroup, Any], Any]) -> Any:
    """One step: every group is updated on the same batch, as often as it says, one after the other.

    Args:
        step: updates one group once; returns its sums.

    Returns:
        float32 (metrics + 1,): the sums of each group's last update, one after the other, and the rows.
    """
    metrics: list[Any] = []
    for group, optimizer in zip(stage.parameter_groups, optimizers, strict=True):
        for _ in range(group.updates_per_step):
            sums = step(group, optimizer)
        metrics.append(sums[:-1])
    return ops.concatenate([*metrics, sums[-1:]])


def counted_sums(stage: Stage, windows: BatchSource, plan: Any) -> Iterator[np.ndarray]:
    """float32 (metrics + 1,) of each batch of a pass, for a counting stage, whose metrics are of arrays."""
    for step in range(windows.steps(plan)):
        yield ops.convert_to_numpy(sums_of(stage.loss_and_metrics, windows.batch(plan, step), False))
