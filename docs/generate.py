"""Write docs/reference.md and a page for each encoding and arch out of the program: help, docstrings, options.

    make docs

tests/test_docs.py holds the pages against the program, so they are never out of date. The pictures on them are made by
docs/figures.py.
"""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import Any

import click

from musictool.catalogue import Listing, entries
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
RESULTS = {"wgan": ("gan",), "melody-cnn": ("vae",)}  # pages of measurements under another arch's name


def pages() -> dict[Path, str]:
    """Every page."""
    written = {FOLDER / "reference.md": reference()}
    for entry in entries(ENCODINGS):
        written[FOLDER / "encodings" / f"{entry.name}.md"] = encoding_page(entry)
    for entry in entries(ARCHS):
        written[FOLDER / "archs" / f"{entry.name}.md"] = arch_page(entry)
    return written


def reference() -> str:
    """Commands, archs and encodings on one page."""
    parts = ["# Reference", "Made by `make docs` from the program's own words.", "## Commands"]
    parts += [f"### musictool {name}\n\n```\n{help_of(name)}\n```" for name in command_names()]
    for title, folder, registry in (("Archs", "archs", ARCHS), ("Encodings", "encodings", ENCODINGS)):
        parts += [f"## {title}", "A page each:"]
        parts += ["\n".join(f"- [{e.name}]({folder}/{e.name}.md): {e.summary}" for e in entries(registry))]
    return "\n\n".join(parts) + "\n"


def command_names() -> list[str]:
    """Every command, and after a group what is in it: "benchmark", "benchmark polyphony"."""
    names = []
    for name in COMMANDS.names():
        command = main.get_command(click.Context(main), name)
        inner = command.list_commands(click.Context(command)) if isinstance(command, click.Group) else []
        names += [name, *(f"{name} {subcommand}" for subcommand in inner)]
    return names


def help_of(name: str) -> str:
    """What `musictool NAME --help` prints, 100 columns wide."""
    command, context = main, click.Context(main, info_name="musictool")
    for part in name.split():
        command = command.get_command(context, part)
        context = click.Context(command, info_name=part, parent=context, max_content_width=100)
    context.terminal_width = 100
    return command.get_help(context)


def docstring_and_options(registry: Registry, entry: Listing, flag: str) -> str:
    """An entry's docstring, and its options as a table."""
    docstring = ast.get_docstring(ast.parse(registry.path(entry.name).read_text(encoding="utf-8"))) or ""
    rows = "\n".join(f"| `{flag} {setting}` | {help_text} |" for setting, help_text in entry.settings)
    return f"```\n{docstring}\n```\n\n| option and its default | what it is |\n|---|---|\n{rows}"


def encoding_page(entry: Listing) -> str:
    """What one encoding is, and a real piece before and after."""
    piece = PICTURED.get(entry.name, "chorale")
    return f"""# {entry.name}

    musictool train --encoding {entry.name}

{docstring_and_options(ENCODINGS, entry, "--encoding-set")}

## There and back

The first bars of a real piece ([which](README.md#the-pictures)), and what is left of them after `{entry.name}`:

![before](pictures/{piece}.png)
![after](pictures/{entry.name}.png)

[All encodings](README.md)
"""


def arch_page(entry: Listing) -> str:
    """What one arch is, how to train it and what can be set."""
    arch = ARCHS.get(entry.name)
    encodings = [name for name in ENCODINGS.names() if _learns(arch, ENCODINGS.get(name))]
    others = ", ".join(_link(name) for name in encodings if name != arch.DEFAULT_ENCODING)
    learns = _link(arch.DEFAULT_ENCODING) + (f", or with `--encoding` {others}" if others else "")
    results = [name for name in (entry.name, *RESULTS.get(entry.name, ())) if (FOLDER / f"{name}.md").exists()]
    measured = "".join(f"\nMeasurements: [{name}](../{name}.md).\n" for name in results)
    sizes = "; ".join(
        f"`--size {size}`"
        + (f" is {', '.join(f'`{key}={value}`' for key, value in changes.items())}" if changes else "")
        for size, changes in arch.SIZES.items()
    )
    return f"""# {entry.name}

    musictool train --arch {entry.name}

It learns {arch.kind}: {learns}.

{docstring_and_options(ARCHS, entry, "--set")}

Sizes: {sizes}. By default it trains with `--window {arch.WINDOW}`, `--batch-size {arch.BATCH_SIZE}` and
`--learning-rate {arch.LEARNING_RATE:g}`.
{measured}
[All archs](../reference.md#archs)
"""


def _link(encoding: str) -> str:
    return f"[{encoding}](../encodings/{encoding}.md)"


def _learns(arch: Any, encoding: Any) -> bool:
    """Whether an arch learns an encoding's kind and, if it takes rows of one shape only, its rows."""
    if encoding.kind != arch.kind:
        return False
    return encoding.kind == "tokens" or arch.learns_rows_of(encoding().spec.shape)  # a vocabulary may need a corpus


if __name__ == "__main__":
    os.environ.pop("MUSICTOOL_HOME", None)
    for folder in ("encodings", "archs"):
        (FOLDER / folder).mkdir(exist_ok=True)
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(FOLDER.parent)}")
