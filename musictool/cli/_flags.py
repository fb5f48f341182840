"""From the fields of an options dataclass (musictool/options.py) to the options of a click command.

    @click.command()
    @flags(TrainOptions)
    def command(**given: Any) -> None:
        options = options.build(TrainOptions, options.pop_given(TrainOptions, given))

The command line hands over text; what it means is decided where the field is declared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import click

from musictool import options

Command = TypeVar("Command", bound=Callable[..., Any])

force_flag = click.option(
    "--force", is_flag=True, help="Write over files that musictool did not write, or that changed since."
)
_METAVARS = {int: "INTEGER", float: "FLOAT", str: "TEXT", Path: "PATH"}


def flags(cls: type, *names: str) -> Callable[[Command], Command]:
    """A decorator that gives a click command every flag of an options dataclass and of its groups, in declared order.

    An option that the user leaves out is None, so that a command knows what was said.

    Args:
        names: fields, if only some of them are meant.
    """

    def decorate(command: Command) -> Command:
        for declaration in reversed([*_declarations(cls, names)]):
            command = declaration(command)
        return command

    return decorate


def _declarations(cls: type, names: Sequence[str]) -> Iterator[Callable[[Command], Command]]:
    kinds = _kinds(cls)
    for field in options.flag_fields(cls):
        if not names or field.name in names:
            yield _declaration(field, kinds[field.name])


def _kinds(cls: type) -> Mapping[str, Any]:
    """The type of each flag, None left out."""
    kinds = dict(get_type_hints(cls))
    for field in dataclasses.fields(cls):
        if "group" in field.metadata:
            kinds |= _kinds(field.metadata["group"])
    return kinds


def _declaration(field: dataclasses.Field[Any], kind: Any) -> Callable[[Command], Command]:
    facts, name = field.metadata, options.option_name(field)
    kind = options.without_none(kind)[0]
    text = f"{facts['help']}{_default(field)}"
    if kind is bool:
        names = f"{name}/--no-{name[2:]}" if facts["negatable"] else name
        return click.option(names, field.name, is_flag=True, default=None, help=text)
    element = get_args(kind)[0] if get_origin(kind) is tuple else kind
    metavar = facts["metavar"] or _METAVARS.get(element, "TEXT") + (" RANGE" if options.range_text(field) else "")
    return click.option(name, field.name, multiple=facts["repeated"], metavar=metavar, default=None, help=text)


def _default(field: dataclasses.Field[Any]) -> str:
    """What stands in brackets behind an option's help: its default and its range."""
    text = field.metadata["default_text"]
    if not text and isinstance(field.default, bool) and field.metadata["negatable"]:
        text = "yes" if field.default else "no"
    elif not text and not isinstance(field.default, bool) and field.default not in (None, "", ()):
        text = str(field.default)
    parts = [*([f"default: {text}"] if text else []), *filter(None, [options.range_text(field)])]
    return f"  [{'; '.join(parts)}]" if parts else ""
