"""A folder as a lookup table: what lies in `musictool/archs/` *is* the list of archs.

    ARCHS = Registry("musictool.archs", "arch")
    ARCHS.names()        -> ("lstm", ...)      reads the folder, imports nothing
    ARCHS.get("lstm")    -> the class Lstm of musictool/archs/lstm.py
    ARCHS.get("lsmt")    -> UnknownName: unknown arch 'lsmt'. Did you mean 'lstm'?

The rule that replaces every list: file `note_chord.py` is named `note-chord` and holds the class `NoteChord`.
A file whose name starts with an underscore is shared ground and no entry.
"""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from musictool.errors import UnknownName


class Registry:
    """The entries of one folder of the package.

    Args:
        package: the dotted name of the folder, such as "musictool.archs".
        what: one entry's word in messages, such as "arch".
    """

    def __init__(self, package: str, what: str):
        self.package = package
        self.what = what

    def names(self) -> tuple[str, ...]:
        """The names of all entries, sorted; reads the folder and imports none of them."""
        return _names(self.package)

    def path(self, name: str) -> Path:
        """The file of `name`, which must be one of names()."""
        return _folder(self.package) / f"{name.replace('-', '_')}.py"

    def module(self, name: str) -> ModuleType:
        """The module behind `name`. Raises UnknownName with a suggestion."""
        if name not in self.names():
            raise UnknownName.of(self.what, name, self.names())
        return importlib.import_module(f"{self.package}.{name.replace('-', '_')}")

    def get(self, name: str) -> Any:
        """The class that the file of `name` holds: `NoteChord` for "note-chord"."""
        return getattr(self.module(name), class_name(name))


def class_name(name: str) -> str:
    """ "note-chord" -> "NoteChord"."""
    return "".join(word.capitalize() for word in name.split("-"))


@cache
def _names(package: str) -> tuple[str, ...]:
    files = (path for path in _folder(package).glob("*.py") if not path.name.startswith("_"))
    return tuple(sorted(path.stem.replace("_", "-") for path in files))


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"{package} is not a package")
    return Path(next(iter(spec.submodule_search_locations)))


ENCODINGS = Registry("musictool.encodings", "encoding")
ARCHS = Registry("musictool.archs", "arch")
READERS = Registry("musictool.readers", "reader")
WRITERS = Registry("musictool.writers", "writer")
PLOTS = Registry("musictool.plots", "plot")
COMMANDS = Registry("musictool.cli", "command")
