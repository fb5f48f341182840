"""Typed options: "width=512" on the command line <-> a frozen dataclass <-> JSON.

An encoding or an arch declares what can be set about it, once:

    @dataclass(frozen=True)
    class Options:
        width: int = option(256, "units in each layer", least=1)
        rests: Literal["keep", "cap", "drop"] = option("cap", "what becomes of silence")

and gets parsing, range checks, help text and the JSON of the saved model from it.
Supported field types: int, float, bool, str and Literal of strings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from musictool.errors import BadOption, UnknownName

T = TypeVar("T")

_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def option(default: Any, help: str, *, least: float | None = None, most: float | None = None) -> Any:
    """A dataclass field with its help text and its range (both ends included)."""
    return dataclasses.field(default=default, metadata={"help": help, "least": least, "most": most})


def from_settings(cls: type[T], settings: Iterable[str], base: Mapping[str, Any] = {}) -> T:
    """Options from "key=value" strings, over the values in `base`, over the defaults.

    Raises:
        UnknownName: for a key that `cls` does not have, with a suggestion.
        BadOption: for text that is no such value, or a value out of range.
    """
    values = dict(base)
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise BadOption(f"'{setting}' is not key=value; for example: {_example(cls)}")
        values[key.strip().replace("-", "_")] = text.strip()
    return from_json(cls, values)


def from_json(cls: type[T], values: Mapping[str, Any]) -> T:
    """Options from a mapping; text values are converted to the type of their field."""
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    types = get_type_hints(cls)
    checked = {}
    for key, value in values.items():
        if key not in fields:
            raise UnknownName.of("option", key, fields)
        checked[key] = _checked(fields[key], types[key], value)
    return cls(**checked)


def to_json(options: Any) -> dict[str, Any]:
    """Every option and its value, JSON-able, in declared order."""
    return dataclasses.asdict(options)


def describe(cls: type) -> list[tuple[str, str, str]]:
    """(name=default, allowed values, help) of each option, for messages."""
    types = get_type_hints(cls)
    return [
        (f"{field.name}={_text(field.default)}", _allowed(field, types[field.name]), field.metadata["help"])
        for field in dataclasses.fields(cls)
    ]


def _checked(field: dataclasses.Field[Any], kind: Any, value: Any) -> Any:
    try:
        value = _convert(kind, value)
    except (TypeError, ValueError, KeyError, OverflowError):
        raise BadOption(f"option {field.name}: '{value}' is not {_allowed(field, kind)}") from None
    least, most = field.metadata.get("least"), field.metadata.get("most")
    if (least is not None and not value >= least) or (most is not None and not value <= most):
        raise BadOption(f"option {field.name}: {value} is not {_allowed(field, kind)}")
    return value


def _convert(kind: Any, value: Any) -> Any:
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise ValueError
        return value
    if kind is bool:
        return value if isinstance(value, bool) else _TRUTH[str(value).lower()]
    if kind is int and isinstance(value, float) and value != int(value):
        raise ValueError
    return kind(value)


def _allowed(field: dataclasses.Field[Any], kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    if kind is bool:
        return "true or false"
    words = {int: "a whole number", float: "a number", str: "text"}[kind]
    least, most = field.metadata.get("least"), field.metadata.get("most")
    if least is not None and most is not None:
        return f"{words} from {least} to {most}"
    if least is not None:
        return f"{words} of at least {least}"
    return words if most is None else f"{words} of at most {most}"


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _example(cls: type) -> str:
    return describe(cls)[0][0] if dataclasses.fields(cls) else "key=value"
