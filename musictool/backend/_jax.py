"""JAX on one device, without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import keras
from keras import ops

from musictool.arch import ParameterGroup, Stage
from musictool.backend.compile import compiled
from musictool.backend.machines import Machines
from musictool.backend.strategy import Optimizers, Step, Strategy, part_of, sums_of, update_groups
from musictool.dataset.windows import Batch, BatchSource
from musictool.errors import BadOption


def prepare_devices() -> bool:
    """Whether there is a GPU; JAX needs no preparation."""
    return jax.default_backend() != "cpu"


def device_name() -> str:
    """What the network runs on, for people."""
    return str(jax.devices()[0].device_kind) if prepare_devices() else "CPU"


def versions() -> dict[str, str]:
    """The library that computes, and which one it is."""
    return {"jax": jax.__version__}


def chosen(name: str, machines: Machines | None) -> Strategy:
    """One device. Raises BadOption for any other strategy."""
    if machines is not None or name not in ("auto", "one"):
        raise BadOption(
            f"--strategy {'multi-worker' if machines else name} needs TensorFlow; with KERAS_BACKEND=jax there is one "
            "device: leave it out, or leave KERAS_BACKEND out"
        )
    return OneDevice()


class OneDevice(Strategy):
    """The first GPU, or the CPU. Batches are gathered while the device computes, since steps do not wait for it."""

    name = "one"

    def stream(self, windows: BatchSource, plan: Any, first_step: int = 0) -> Iterator[Any]:
        return (windows.batch(plan, step) for step in range(first_step, windows.steps(plan)))

    def training_step(self, stage: Stage, optimizers: Optimizers, parts: int = 1) -> Step:
        pairs = zip(stage.parameter_groups, optimizers, strict=True)
        updates = {id(optimizer): _update(stage, group, optimizer, parts) for group, optimizer in pairs}
        return lambda batch: update_groups(stage, optimizers, lambda _, optimizer: updates[id(optimizer)](batch))

    def validation_step(self, stage: Stage, parts: int = 1) -> Step:
        def validate(batch: Batch) -> Any:
            if stage.counting or parts == 1:
                return sums_of(stage.loss_and_metrics, batch, False)
            return jax.lax.map(
                lambda part: sums_of(stage.loss_and_metrics, part_of(batch, part, parts), False),
                jax.numpy.arange(parts),
            ).sum(axis=0)

        return validate if stage.counting else compiled(validate)


def _update(stage: Stage, group: ParameterGroup, optimizer: keras.optimizers.Optimizer, batch_parts: int) -> Step:
    """One update of one group."""
    trained = {id(variable) for variable in group.variables}
    # The states of the random generators in dropout layers are among the rest.
    rest = [variable for variable in stage.network.variables if id(variable) not in trained]
    parts = ([*group.variables], rest, optimizer.variables)
    step = jax.jit(_pure_step(group, optimizer, parts, batch_parts))

    def train(batch: Batch) -> Any:
        sums, after = step(tuple([variable.value for variable in part] for part in parts), batch)
        for part, values in zip(parts, after, strict=True):
            for variable, value in zip(part, values, strict=True):
                variable.assign(value)
        return sums

    return train


def _pure_step(
    group: ParameterGroup, optimizer: keras.optimizers.Optimizer, parts: tuple[list[Any], ...], batch_parts: int
) -> Any:
    """(values of the variables of each part, batch) -> sums, and the values after the step."""
    weights, rest, state = parts

    def loss(now: Any, rest_now: Any, state_now: Any, batch: Batch, rows: Any) -> Any:
        mapping = [*zip(weights, now, strict=True), *zip(rest, rest_now, strict=True)]
        with keras.StatelessScope([*mapping, *zip(state, state_now, strict=True)]) as scope:
            sums = sums_of(group.loss_and_metrics, batch, True)
            mean = optimizer.scale_loss(sums[0] / rows)
        return mean, (sums, [scope.get_current_value(variable) for variable in rest])

    def step(values: Any, batch: Batch) -> Any:
        now, rest_now, state_now = values
        rows = ops.maximum(ops.sum(batch.mask), 1.0)

        def gradient(rest_now: Any, part: Any) -> Any:
            taken = batch if batch_parts == 1 else part_of(batch, part, batch_parts)
            return jax.grad(loss, has_aux=True)(now, rest_now, state_now, taken, rows)

        def add(part: Any, before: Any) -> Any:
            gradients, (sums, rest_now) = before
            more, (more_sums, rest_now) = gradient(rest_now, part)
            return jax.tree.map(ops.add, gradients, more), (sums + more_sums, rest_now)

        first = gradient(rest_now, 0)
        gradients, (sums, rest_now) = first if batch_parts == 1 else jax.lax.fori_loop(1, batch_parts, add, first)
        now, state_now = optimizer.stateless_apply(state_now, gradients, now)
        return sums, (now, rest_now, state_now)

    return step
