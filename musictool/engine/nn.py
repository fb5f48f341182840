"""What networks are made of: `nn.Layer` and `nn.Model` to derive from, and `nn.Dense` and others to put in.

    class Scale(nn.Layer):
        def build(self, shape): self.scale = self.add_weight((shape[-1],), "ones", name="scale")
        def call(self, x): return x * self.scale

`Scale()` is a keras.layers.Layer where Keras computes, and of numpy_layers.py where numpy does. Other names are looked
up in `keras.layers`, or in numpy_layers.py, when they are used: in a function and never while a module is imported.
"""

from __future__ import annotations

from functools import cache
from types import new_class
from typing import TYPE_CHECKING, Any, ClassVar

from musictool.engine.current import Engine, current

if TYPE_CHECKING:
    from typing import Any as _Base
else:
    _Base = object


class Layer(_Base):
    """A layer of whichever engine computes when it is made; see keras.layers.Layer."""

    _BASE: ClassVar[str] = "Layer"  # what it is of the engine's library
    _is_of_engine: ClassVar[bool] = False

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        kind: Any = cls if cls._is_of_engine else _of_engine(cls, current())  # type: ignore[arg-type]  # classes are hashable
        new = super(Layer, kind).__new__
        return new(kind) if new is object.__new__ else new(kind, *args, **kwargs)


class Model(Layer):
    """A network that is saved and loaded as a whole; see keras.Model."""

    _BASE = "Model"


class SeedGenerator(Layer):
    """See keras.random.SeedGenerator; numpy only writes pieces, and has its random numbers from outside."""

    _BASE = "SeedGenerator"


@cache
def _of_engine(cls: Any, engine: Engine) -> Any:
    """`cls` with the base class of the engine behind it, under the same name: weight files go by it."""
    base = getattr(_library(engine), cls._BASE)
    attributes = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "_is_of_engine": True}
    return new_class(cls.__name__, (cls, base), exec_body=lambda body: body.update(attributes))


def _library(engine: Engine) -> Any:
    if engine == "numpy":
        from musictool.engine import numpy_layers

        return numpy_layers
    from musictool.engine import _keras_layers

    return _keras_layers


def __getattr__(name: str) -> Any:
    return getattr(_library(current()), name)
