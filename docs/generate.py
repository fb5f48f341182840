"""Write docs/reference.md and a page for each encoding and arch from the program itself: help, docstrings, options.

    make docs

tests/test_docs.py holds the pages against the program, so they are never out of date. The pictures on them are made by
docs/figures.py.
"""

from __future__ import annotations

import ast
import os
from functools import partial
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
MEASURED = {"wgan": ("gan",), "melody-cnn": ("vae",)}  # pages under another arch's name


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


def arch_page(entry: Entry) -> str:
    """What one arch is, how to train it and what can be set."""
    arch = ARCHS.get(entry.name)
    able = [name for name in ENCODINGS.names() if ENCODINGS.get(name).kind == arch.kind]
    usual, *others = sorted(filter(partial(_fits, arch), able), key=lambda name: name != arch.DEFAULT_ENCODING)
    others = f", or with `--encoding` {', '.join(map(_link, others))}" if others else ""
    results = [name for name in (entry.name, *MEASURED.get(entry.name, ())) if (FOLDER / f"{name}.md").exists()]
    measured = "".join(f"\nWhat it was measured to do: [{name}](../{name}.md).\n" for name in results)
    sizes = "; ".join(
        f"`--size {size}`"
        + (f" is {', '.join(f'`{key}={value}`' for key, value in changes.items())}" if changes else "")
        for size, changes in arch.SIZES.items()
    )
    return f"""# {entry.name}

    musictool train --arch {entry.name}

It learns {arch.kind}: {_link(usual)}{others}.

{section(ARCHS, entry, "--set").partition(chr(10))[2].strip()}

Sizes: {sizes}. Unless told otherwise it begins with `--window {arch.WINDOW}`, `--batch-size {arch.BATCH_SIZE}` and
`--learning-rate {arch.LEARNING_RATE:g}`.
{measured}
[All archs](../reference.md#archs)
"""


def _link(encoding: str) -> str:
    return f"[{encoding}](../encodings/{encoding}.md)"


def _fits(arch: type, encoding: str) -> bool:
    """Whether an arch that learns rows of one shape only learns those of an encoding of its kind."""
    shape = getattr(arch, "ROW_SHAPE", None)
    return shape is None or ENCODINGS.get(encoding)().spec.shape == shape


if __name__ == "__main__":
    os.environ.pop("MUSICTOOL_HOME", None)
    for folder in ("encodings", "archs"):
        (FOLDER / folder).mkdir(exist_ok=True)
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(FOLDER.parent)}")
