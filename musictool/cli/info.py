"""musictool info: what a thing is."""

from __future__ import annotations

from typing import Any

import click

from musictool.cli import _output


@click.command(epilog="\b\nExample:\n    musictool info bach")
@click.argument("thing")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with everything.")
def command(thing: str, as_json: bool) -> None:
    """Describe a corpus, a model, or a file of music or sound.

    THING is the name or the folder of a corpus or a model, or a file. Of a model that ships with musictool its card is
    printed: what it has learnt, what may be done with it, and how good it is; --json has the rest.
    """
    from musictool.apps.describe import describe

    values = describe(thing)
    if as_json:
        _output.say_json(values)
    elif values.get("card"):
        _print({key: values[key] for key in ("what", "name", "folder")} | values["card"])
        arch, encoding = values["arch"]["name"], values["encoding"]["name"]
        _output.say(f"arch: {arch} on {encoding}\n(--json: all of its options and provenance)")
    else:
        _print(values)


def _print(values: dict[str, Any], indent: str = "") -> None:
    """Nested dicts as indented lines; what is empty is left out."""
    for key, value in values.items():
        if value in (None, "", [], {}):
            continue
        label = f"{indent}{_output.one_line(key).replace('_', ' ')}:"
        if isinstance(value, dict):
            _output.say(label)
            _print(value, indent + "  ")
        elif isinstance(value, list) and isinstance(value[0], dict):
            _output.say(label)
            for number, each in enumerate(value, 1):
                _output.say(f"{indent}  {number}.")
                _print(each, indent + "    ")
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else value
            _output.say(f"{label} {_output.one_line(text)}")
