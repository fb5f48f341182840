"""Which engine computes: Keras, unless numpy is set for a block.

A network belongs to the engine that computed when it was made, and is to be used where the same one does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, wraps
from typing import Any, Literal, TypeVar

Engine = Literal["keras", "numpy"]
ENGINES: tuple[Engine, ...] = ("keras", "numpy")

_engine: ContextVar[Engine] = ContextVar("engine", default="keras")
current = _engine.get

Loads = Callable[[Engine], object]  # called with the engine before it computes, by what may have to load Keras

Function = TypeVar("Function", bound=Callable[..., Any])


@contextmanager
def within(engine: Engine) -> Iterator[None]:
    """In this block `engine` computes; not to be held across a generator's `yield`."""
    token = _engine.set(engine)
    try:
        yield
    finally:
        _engine.reset(token)


def loads_as_needed(engine: Engine) -> None:
    """The Loads that does nothing: Keras is imported where it is first used."""


def in_own_engine(method: Function) -> Function:
    """A method of what has an `engine` (not a generator), with that engine computing while it runs."""

    @wraps(method)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        with within(self.engine):
            return method(self, *args, **kwargs)

    return run  # type: ignore[return-value]  # the same signature


def computed_by_numpy(function: Function) -> Function:
    """A function, with numpy computing while it runs, in one thread: several are no faster for a few pieces, much
    slower beside other work, and add numbers up in another order on another machine."""

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        with within("numpy"), _libraries().limit(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return run  # type: ignore[return-value]


@cache
def _libraries() -> Any:
    """What multiplies matrices for numpy."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
