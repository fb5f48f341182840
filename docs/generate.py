"""Write docs/reference.md and a page an encoding from the program itself: help, docstrings and options.

    make docs

tests/test_docs.py holds the pages against the program, so they are never out of date. The pictures on them are made by
docs/figures.py.
"""

from __future__ import annotations

import ast
import os
from pathlib import Path

import click

from musictool.catalogue import Entry, entries
from musictool.cli._main import main
from musictool.registry import ARCHS, COMMANDS, ENCODINGS, Registry

FOLDER = Path(__file__).parent
PICTURED = {  # the piece that the pictures of an encoding show; the others show the chorale
    "multitrack-roll": "band",
    "segments": "band",
    "note-duration": "band",
    "remi": "band",
    "tsd": "band",
    "performance": "piano",
}


def pages() -> dict[Path, str]:
    """Every page."""
    written = {FOLDER / "reference.md": reference()}
    for entry in entries(ENCODINGS):
        written[FOLDER / "encodings" / f"{entry.name}.md"] = encoding_page(entry)
    return written


def reference() -> str:
    """Commands, archs and encodings on one page."""
    parts = ["# Reference", "Made by `make docs` from the program's own words.", "## Commands"]
    parts += [f"### musictool {name}\n\n```\n{help_of(name)}\n```" for name in command_names()]
    parts += ["## Archs", *(section(ARCHS, entry, "--set") for entry in entries(ARCHS))]
    parts += ["## Encodings", "A page each:"]
    parts += ["\n".join(f"- [{e.name}](encodings/{e.name}.md): {e.summary}" for e in entries(ENCODINGS))]
    return "\n\n".join(parts) + "\n"


def command_names() -> list[str]:
    """Every command, and after a group what is in it: "benchmark", "benchmark polyphony"."""
    names = []
    for name in COMMANDS.names():
        command = main.get_command(click.Context(main), name)
        inner = command.list_commands(click.Context(command)) if isinstance(command, click.Group) else []
        names += [name, *(f"{name} {each}" for each in inner)]
    return names


def help_of(name: str) -> str:
    """What `musictool NAME --help` prints, 100 columns wide."""
    command, context = main, click.Context(main, info_name="musictool")
    for word in name.split():
        command = command.get_command(context, word)
        context = click.Context(command, info_name=word, parent=context, max_content_width=100)
    context.terminal_width = 100
    return command.get_help(context)


def section(registry: Registry, entry: Entry, flag: str) -> str:
    """An entry's docstring and its options."""
    words = ast.get_docstring(ast.parse(registry.path(entry.name).read_text(encoding="utf-8"))) or ""
    rows = "\n".join(f"| `{flag} {setting}` | {meaning} |" for setting, meaning in entry.settings)
    table = f"| option, with its default | what it is |\n|---|---|\n{rows}"
    return f"### {entry.name}\n\n```\n{words}\n```\n\n{table}"


def encoding_page(entry: Entry) -> str:
    """What one encoding is, and a real piece before and after."""
    piece = PICTURED.get(entry.name, "chorale")
    return f"""# {entry.name}

    musictool train --encoding {entry.name}

{section(ENCODINGS, entry, "--encoding-set").partition(chr(10))[2].strip()}

## There and back

The first bars of a real piece ([which](README.md#the-pictures)), and what is left of them after `{entry.name}`:

![before](pictures/{piece}.png)
![after](pictures/{entry.name}.png)

[All encodings](README.md)
"""


if __name__ == "__main__":
    os.environ.pop("MUSICTOOL_HOME", None)
    (FOLDER / "encodings").mkdir(exist_ok=True)
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(FOLDER.parent)}")
