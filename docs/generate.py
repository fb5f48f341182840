"""Write docs/reference.md from the program itself: the help of each command, and what each arch and encoding says.

    make docs

tests/test_docs.py holds the page against the program, so it is never out of date.
"""

from __future__ import annotations

import ast
import os
from pathlib import Path

import click

from musictool.catalogue import entries
from musictool.cli._main import main
from musictool.registry import ARCHS, COMMANDS, ENCODINGS, Registry

PAGE = Path(__file__).with_name("reference.md")


def page() -> str:
    """The whole page."""
    parts = ["# Reference", "Made by `make docs` from the program's own words.", "## Commands"]
    parts += [f"### musictool {name}\n\n```\n{help_of(name)}\n```" for name in COMMANDS.names()]
    parts += ["## Archs", *map_entries(ARCHS, "--set"), "## Encodings", *map_entries(ENCODINGS, "--encoding-set")]
    return "\n\n".join(parts) + "\n"


def help_of(name: str) -> str:
    """What `musictool NAME --help` prints, 100 columns wide."""
    command = main.get_command(click.Context(main), name)
    assert command is not None
    context = click.Context(
        command, info_name=name, parent=click.Context(main, info_name="musictool"), max_content_width=100
    )
    context.terminal_width = 100
    return command.get_help(context)


def map_entries(registry: Registry, flag: str) -> list[str]:
    """A section for each entry of a registry: its module's docstring and its options."""
    sections = []
    for entry in entries(registry):
        words = ast.get_docstring(ast.parse(registry.path(entry.name).read_text(encoding="utf-8"))) or ""
        rows = "\n".join(f"| `{flag} {setting}` | {meaning} |" for setting, meaning in entry.settings)
        table = f"| option, with its default | what it is |\n|---|---|\n{rows}"
        sections.append(f"### {entry.name}\n\n```\n{words}\n```\n\n{table}")
    return sections


if __name__ == "__main__":
    os.environ.pop("MUSICTOOL_HOME", None)
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
