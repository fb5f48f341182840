"""Typed options: text on the command line <-> a frozen dataclass <-> JSON.

Whatever can be set is declared once, as a field of a frozen dataclass: its type, default, help and range. An arch or an
encoding declares its own with `option`, and `--set width=512` sets them; a command declares its own with `flag`, and
musictool/cli/_flags.py makes `--epochs 20` of each:

    @dataclass(frozen=True)
    class Options:
        width: int = option(256, "hidden units per layer", least=1)
        rests: Literal["keep", "cap", "drop"] = option("cap", "how long rests are written")

    @dataclass(frozen=True)
    class TrainOptions:
        epochs: int = flag(50, "Passes over the corpus, at most.", least=1)
        window: int | None = flag(None, "Tokens per window.", least=2, default_text="the arch's")

        def __post_init__(self) -> None:
            options.check(self)

Parsing, range checks, messages, help pages and the JSON of saved models all come from these declarations. A field's
type is int, float, bool, str, Path, a Literal of strings, a tuple of one of these (`tuple[str, ...]`), or one of these
or None; any other type takes its own `parse`, and is written as `str` of it. A field declared with `group` holds
another such dataclass, whose flags stand among the command's own.
"""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from musictool.errors import BadOption, UnknownName

T = TypeVar("T")
Choices = Sequence[str] | Callable[[], Sequence[str]]

LAST_SEED = 2**32 - 1  # the largest that numpy and scikit-learn take
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_WORDS = {int: "a whole number", float: "a number", str: "text", Path: "a path"}


def option(
    default: Any,
    help: str,
    *,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: Choices | None = None,
    parse: Callable[[Any], Any] | None = None,
    **facts: Any,
) -> Any:
    """A dataclass field that can be set.

    Args:
        default: its value where nothing else is given.
        help: what it is, in one line.
        least, most: its range, both ends included; of each element of a tuple.
        above, below: the same with the ends left out.
        choices: the names that a str may be, or a function that says them when they are needed.
        parse: text, or what else may stand for it in Python -> value, for a type that is not listed above, or for a str
            that not every text is; raises ValueError or TypeError.
        allowed: with `parse`, what it allows, in words.
        facts: anything else that whoever reads the dataclass wants to know, kept in the field's metadata.
    """
    bounds = {"least": least, "most": most, "above": above, "below": below}
    metadata = {"help": help, **bounds, "choices": choices, "parse": parse, **facts}
    return dataclasses.field(default=default, metadata=metadata)


def flag(
    default: Any,
    help: str,
    *,
    name: str = "",
    metavar: str = "",
    default_text: str = "",
    repeated: bool = False,
    negatable: bool = True,
    **more: Any,
) -> Any:
    """A dataclass field that is an option of a command (see `option` for the rest).

    Args:
        name: on the command line, without the hyphens; otherwise the field's name with hyphens.
        metavar: what stands for the value on the help page.
        default_text: the default in words, such as "the arch's".
        repeated: a tuple's elements are given by repeating the flag; otherwise in one text with commas between.
        negatable: a bool has `--no-NAME` as well.
    """
    facts: dict[str, Any] = {
        "metavar": metavar,
        "default_text": default_text,
        "repeated": repeated,
        "negatable": negatable,
    }
    return option(default, help, flag=name or True, **facts, **more)


def group(cls: type) -> Any:
    """A dataclass field that holds the options of another dataclass."""
    return dataclasses.field(default_factory=cls, metadata={"group": cls})


# --------------------------------------------------------------------------------------------- text and JSON -> options


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
    """Options from a mapping; text is converted to the type of its field.

    Raises:
        UnknownName, BadOption: as from_settings.
    """
    return cls(**converted(cls, values))


def converted(cls: type, values: Mapping[str, Any], what: str = "option") -> dict[str, Any]:
    """The same values, each converted to the type of its field, or of a group's field, and checked.

    Args:
        what: the word for a key in the message for one that `cls` does not have.
    """
    fields, kinds = _fields(cls)
    result = {}
    for key, value in values.items():
        if key not in fields:
            raise UnknownName.of(what, key, fields)
        result[key] = _checked(fields[key], kinds[key], value)
    return result


def _fields(cls: type) -> tuple[dict[str, dataclasses.Field[Any]], dict[str, Any]]:
    """The fields by name, with those of groups in their place, and their types."""
    hints = get_type_hints(cls)
    fields: dict[str, dataclasses.Field[Any]] = {}
    kinds: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        more = _fields(field.metadata["group"]) if "group" in field.metadata else ({field.name: field}, hints)
        fields |= more[0]
        kinds |= {name: more[1][name] for name in more[0]}
    return fields, kinds


def build(cls: type[T], values: Mapping[str, Any]) -> T:
    """Options with those of their groups, from one flat mapping of field names to values or text.

    Raises:
        UnknownName: for a key that neither `cls` nor one of its groups has.
        BadOption: as from_settings.
    """
    rest, groups = dict(values), {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        if "group" in field.metadata:
            inner = field.metadata["group"]
            groups[field.name] = build(inner, pop_given(inner, rest))
    return cls(**groups, **converted(cls, rest))


def pop_given(cls: type, values: dict[str, Any]) -> dict[str, Any]:
    """Take what is a flag of `cls` or of its groups out of `values`; of these, the ones that are given: neither None
    nor an empty tuple."""
    taken = {field.name: values.pop(field.name) for field in flag_fields(cls) if field.name in values}
    return {name: value for name, value in taken.items() if value is not None and value != ()}


def values_of(options: Any) -> dict[str, Any]:
    """Every option and its value, those of groups in their place: what `build` makes the same options of."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        values |= values_of(value) if "group" in field.metadata else {field.name: value}
    return values


def to_json(options: Any) -> dict[str, Any]:
    """The same, JSON-able: tuples as lists, paths and what has a `parse` as text."""
    return {name: _jsonable(value) for name, value in values_of(options).items()}


def _jsonable(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_jsonable(each) for each in value]
    if isinstance(value, dict):
        return {key: _jsonable(each) for key, each in value.items()}
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


# --------------------------------------------------------------------------------------------------------------- checks


def check(options: Any) -> None:
    """Convert every field to its type and check it: the first line of a dataclass's __post_init__.

    So `Request(length="5")` in Python is what `--length 5` is on the command line. Those of groups are checked already.

    Raises:
        UnknownName, BadOption: for the first value that its field does not allow.
    """
    given = {field.name: getattr(options, field.name) for field in dataclasses.fields(options)}
    groups = {field.name for field in dataclasses.fields(options) if "group" in field.metadata}
    values = converted(type(options), {name: value for name, value in given.items() if name not in groups})
    for name, value in values.items():
        object.__setattr__(options, name, value)  # it is frozen for everybody else


def option_name(field: dataclasses.Field[Any]) -> str:
    """How messages call an option: "--batch-size" for a flag, else "option width"."""
    name = field.metadata.get("flag")
    if not name:
        return f"option {field.name}"
    return f"--{field.name.replace('_', '-') if name is True else name}"


def _checked(field: dataclasses.Field[Any], kind: Any, value: Any) -> Any:
    kind, may_be_none = without_none(kind)
    if value is None and (may_be_none or field.default is None):
        return None
    try:
        value = _parsed(field, kind, value)
    except (TypeError, ValueError, KeyError, OverflowError):
        raise BadOption(f"{option_name(field)}: '{value}' is not {_allowed(field, kind)}") from None
    for each in value if isinstance(value, tuple) else (value,):
        if not _is_in_range(field, each):
            raise BadOption(f"{option_name(field)}: {each} is not {_allowed(field, kind)}")
        choices = _choices(field)
        if choices is not None and each not in choices:
            raise UnknownName.of(field.metadata.get("what") or field.name.replace("_", " "), each, choices)
    return value


def _parsed(field: dataclasses.Field[Any], kind: Any, value: Any) -> Any:
    parse = field.metadata.get("parse")
    if parse is not None:
        is_parsed = not isinstance(value, str) and (kind is Any or isinstance(value, get_origin(kind) or kind))
        return value if is_parsed else parse(value)
    if get_origin(kind) is tuple:
        element = get_args(kind)[0]
        if isinstance(value, Mapping):
            raise TypeError
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
            if not value:  # such as --workers "$WORKERS" where there is no such variable
                raise ValueError
        return tuple(_convert(element, each) for each in value)
    return _convert(kind, value)


def _convert(kind: Any, value: Any) -> Any:
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise ValueError
        return value
    if kind is bool:
        return value if isinstance(value, bool) else _TRUTH[str(value).lower()]
    if kind in (int, float) and isinstance(value, bool):
        raise ValueError
    if kind is int and isinstance(value, float) and value != int(value):
        raise ValueError
    if kind is Any:
        return value
    return kind(value)


def _is_in_range(field: dataclasses.Field[Any], value: Any) -> bool:
    least, most, above, below = _bounds(field)
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return (
        (least is None or bool(value >= least))
        and (most is None or bool(value <= most))
        and (above is None or bool(value > above))
        and (below is None or bool(value < below))
    )


def _bounds(field: dataclasses.Field[Any]) -> tuple[float | None, float | None, float | None, float | None]:
    bounds = field.metadata
    return bounds.get("least"), bounds.get("most"), bounds.get("above"), bounds.get("below")


def _choices(field: dataclasses.Field[Any]) -> Sequence[str] | None:
    choices = field.metadata.get("choices")
    return choices() if callable(choices) else choices


def without_none(kind: Any) -> tuple[Any, bool]:
    """A type without None, and whether None was part of it: `int | None` -> (int, True)."""
    if get_origin(kind) in (Union, types.UnionType):
        others = [each for each in get_args(kind) if each is not type(None)]
        return (others[0] if len(others) == 1 else Any), len(others) < len(get_args(kind))
    return kind, False


# ------------------------------------------------------------------------------------------------------------- in words


def describe(cls: type) -> list[tuple[str, str, str]]:
    """(name=default, allowed values, help) of each option, for messages."""
    kinds = get_type_hints(cls)
    return [
        (f"{field.name}={_text(field.default)}", _allowed(field, kinds[field.name]), field.metadata["help"])
        for field in dataclasses.fields(cls)
        if "help" in field.metadata
    ]


def flag_fields(cls: type) -> Iterator[dataclasses.Field[Any]]:
    """The fields of a dataclass that are flags, with those of its groups in their place."""
    for field in dataclasses.fields(cls):
        if "group" in field.metadata:
            yield from flag_fields(field.metadata["group"])
        elif field.metadata.get("flag"):
            yield field


def range_text(field: dataclasses.Field[Any]) -> str:
    """The range of a flag as its help page shows it, such as "0<x<=1"; empty where there is none."""
    least, most, above, below = _bounds(field)
    low = f"{least}<=x" if least is not None else f"{above}<x" if above is not None else ""
    high = f"x<={most}" if most is not None else f"x<{below}" if below is not None else ""
    if low and high:
        return low + high[1:]
    if low:
        return f"x>={least}" if least is not None else f"x>{above}"
    return high


def _allowed(field: dataclasses.Field[Any], kind: Any) -> str:
    kind, _ = without_none(kind)
    if "allowed" in field.metadata:
        return str(field.metadata["allowed"])
    if get_origin(kind) is tuple:
        return f"{_allowed_one(field, get_args(kind)[0])}, or several with commas between"
    return _allowed_one(field, kind)


def _allowed_one(field: dataclasses.Field[Any], kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    if kind is bool:
        return "true or false"
    words = _WORDS.get(kind, "such a value")
    least, most, above, below = _bounds(field)
    if least is not None and most is not None:
        return f"{words} from {least} to {most}"
    parts = [
        *([f"of at least {least}"] if least is not None else []),
        *([f"above {above}"] if above is not None else []),
        *([f"of at most {most}"] if most is not None else []),
        *([f"below {below}"] if below is not None else []),
    ]
    return " ".join([words, " and ".join(parts)]).strip()


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _example(cls: type) -> str:
    return describe(cls)[0][0] if dataclasses.fields(cls) else "key=value"
