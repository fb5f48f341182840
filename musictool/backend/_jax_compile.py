"""Functions compiled by JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import keras


def jitted(function: Callable[..., Any]) -> Callable[..., Any]:
    """By JAX, with the variables that it reads as inputs: otherwise their values of today would be constants of the
    program."""
    variables: list[Any] = []

    @jax.jit
    def run(values: list[Any], args: Any) -> Any:
        with keras.StatelessScope([*zip(variables, values, strict=True)]):
            return function(*args)

    def call(*args: Any) -> Any:
        if not variables:
            with _Reads() as reads:
                jax.eval_shape(function, *args)
            variables.extend(reads.variables.values())
        return run([variable.value for variable in variables], args)

    return call


class _Reads(keras.StatelessScope):
    """Notes which variables are read."""

    def __init__(self) -> None:
        super().__init__()
        self.variables: dict[int, Any] = {}

    def get_current_value(self, variable: Any) -> Any:
        self.variables.setdefault(id(variable), variable)
        return super().get_current_value(variable)
