"""JSON that is what a schema says, or a ValueError of one line.

A schema is written as the values look:

    int, str, bool      a value of that type; float takes an int as well, and only what is finite
    None                null
    (float, None)       one of several
    [str]               a list of such values
    {str: float}        a table with any keys, and such values
    {"bpm": float, "card?": str}    a table with these keys, "?" those that may be missing; others are not looked at
    object              anything
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from musictool.strict.files import read_bytes

MOST_BYTES = 1 << 26  # of a file
MOST_DEPTH = 32  # of tables and lists within one another

_WORDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false", None: "null"}


def read(path: Path, schema: Any = object, most_bytes: int = MOST_BYTES) -> Any:
    """The contents of a JSON file.

    Raises:
        OSError: if there is none.
        ValueError: for what is no regular file or too large, no JSON, nested too deep, or not what the schema says.
    """
    return parse(read_bytes(path, most_bytes), schema)


def parse(data: bytes | str, schema: Any = object) -> Any:
    """The same for bytes in UTF-8, or text."""
    try:
        values = json.loads(data if isinstance(data, str) else data.decode("utf-8"))
    except RecursionError:
        raise ValueError(_too_deep()) from None
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 ({error.reason} at byte {error.start:,})") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON ({error})") from None
    _check_depth(values)
    check(values, schema)
    return values


def check(values: Any, schema: Any, where: str = "") -> None:
    """Compare values with a schema. Raises ValueError with the place of the first that is something else."""
    if schema is object:
        return
    if isinstance(schema, dict) and isinstance(values, dict):
        for place, value, inner in _inner(values, schema, where):
            check(value, inner, place)
    elif isinstance(schema, list) and isinstance(values, list):
        for number, value in enumerate(values):
            check(value, schema[0], f"{where}[{number}]")
    elif isinstance(schema, tuple):
        fitting = [one for one in schema if _has_type(values, one)]
        if not fitting:
            raise ValueError(_wrong(values, schema, where))
        check(values, fitting[0], where)
    elif not _has_type(values, schema):
        raise ValueError(_wrong(values, schema, where))


def _inner(values: dict[str, Any], schema: dict[Any, Any], where: str) -> Iterator[tuple[str, Any, Any]]:
    """Place, value and schema of each entry of a table that has a schema. Raises ValueError for a missing one."""
    for key, inner in schema.items():
        if key is str:
            yield from ((_place(where, name), value, inner) for name, value in values.items())
            continue
        name = key.removesuffix("?")
        if name in values:
            yield _place(where, name), values[name], inner
        elif name == key:
            raise ValueError(f"{_place(where, name)} is missing")


def _has_type(value: Any, schema: Any) -> bool:
    """Whether a value is of the type of a schema, whatever is within it."""
    if schema is None or isinstance(schema, dict | list):
        return value is None if schema is None else isinstance(value, type(schema))
    if isinstance(value, bool):
        return schema in (bool, object)
    if schema is float:
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, schema)


def _check_depth(values: Any) -> None:
    level = [values]  # all tables and lists that lie so deep
    for _ in range(MOST_DEPTH + 1):
        level = [value for value in level if isinstance(value, dict | list)]
        if not level:
            return
        level = [each for value in level for each in (value.values() if isinstance(value, dict) else value)]
    raise ValueError(_too_deep())


def _too_deep() -> str:
    return f"it is nested deeper than {MOST_DEPTH} levels"


def _place(where: str, name: str) -> str:
    return f"{where}.{name[:40]}" if where else name[:40]


def _wrong(value: Any, schema: Any, where: str) -> str:
    words = " or ".join(_word(one) for one in (schema if isinstance(schema, tuple) else (schema,)))
    text = _word(value) if isinstance(value, dict | list) else json.dumps(value)[:40]
    return f"{where or 'it'} should be {words}, not {text}"


def _word(schema: Any) -> str:
    if isinstance(schema, dict | list):
        return "a table" if isinstance(schema, dict) else "a list"
    return _WORDS[schema]
