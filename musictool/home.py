"""Where things lie: `corpora/`, `saved_models/` and `downloads/`, under $MUSICTOOL_HOME or else the working directory.

A corpus is a folder that holds corpus.json, a model one that holds model.json: its *marker*, written last, so that a
folder with its marker is complete. Marker times say which was made last, and that one is the default everywhere.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path

from musictool.errors import BadOption, UnknownName

HOME_VARIABLE = "MUSICTOOL_HOME"
CORPUS_MARKER = "corpus.json"
MODEL_MARKER = "model.json"


def home() -> Path:
    """$MUSICTOOL_HOME, or the working directory where it is unset or empty."""
    return Path(os.environ.get(HOME_VARIABLE) or ".").expanduser()


def corpora_folder() -> Path:
    """Where `prepare` writes; it may not exist yet."""
    return home() / "corpora"


def models_folder() -> Path:
    """Where `train` writes; it may not exist yet."""
    return home() / "saved_models"


def downloads_folder() -> Path:
    """Where `fetch` writes; it may not exist yet."""
    return home() / "downloads"


def check_name(name: str) -> str:
    """`name`, if a corpus or a model can be called that. Raises BadOption."""
    if name[:1] in ("", ".", "-") or "/" in name or "\\" in name or not name.isprintable():
        raise BadOption(
            f"--name '{name}' cannot be the name of a folder; letters, digits, - and _ can, and "
            f"{HOME_VARIABLE} chooses where folders lie"
        )
    return name


def names(folder: Path, marker: str) -> list[str]:
    """The names of the complete entries of `folder`, sorted; empty where there is no such folder."""
    return sorted(path.parent.name for path in _markers(folder, marker))


def latest(folder: Path, marker: str, wanted: Callable[[Path], bool] = lambda entry: True) -> Path | None:
    """The entry of `folder` whose marker was written last, of those that are wanted; None where there is none."""
    newest_first = sorted(
        _markers(folder, marker), key=lambda path: (path.stat().st_mtime_ns, path.parent.name), reverse=True
    )
    return next((path.parent for path in newest_first if wanted(path.parent)), None)


def find(folder: Path, marker: str, name: str | Path, what: str) -> Path:
    """The entry called `name`: a name in `folder`, or else a path to an entry anywhere.

    Args:
        folder: corpora_folder() or models_folder().
        marker: CORPUS_MARKER or MODEL_MARKER.
        name: a name, or a path to the entry or to its marker.
        what: the word for an entry in the message, "corpus" or "model".

    Raises:
        UnknownName: with what it is instead, or else the nearest name that exists.
    """
    for path in (folder / name, Path(name).expanduser()):
        if path.name == marker and path.is_file():
            return path.parent
        if (path / marker).is_file():
            return path
    hint = _something_else(str(name), what)
    if hint:
        raise UnknownName(f"no {what} is called '{name}': {hint}")
    raise UnknownName.of(what, str(name), names(folder, marker))


def _something_else(name: str, what: str) -> str:
    """What it is that is no corpus or no model, and what to do with it; "" if it is nothing."""
    for other, folder, marker, use in (
        ("corpus", corpora_folder(), CORPUS_MARKER, "train it: musictool train"),
        ("model", models_folder(), MODEL_MARKER, "let it write: musictool sample"),
    ):
        if name and what != other and any((path / marker).is_file() for path in (folder / name, Path(name))):
            return f"it is a {other}; {use} {shlex.quote(name)}"
    return "it is a file" if Path(name).is_file() else ""


def locate(thing: str | Path) -> tuple[str, Path]:
    """What a user means by a name or a path: ("file", its path), or ("corpus" or "model", its folder).

    Raises:
        UnknownName: if it is nothing of the kind, with a suggestion.
    """
    path = Path(thing).expanduser()
    if path.is_file() and path.name not in (CORPUS_MARKER, MODEL_MARKER):
        return "file", path
    known: list[str] = []
    for what, folder, marker in (("corpus", corpora_folder(), CORPUS_MARKER), ("model", models_folder(), MODEL_MARKER)):
        try:
            return what, find(folder, marker, thing, what)
        except UnknownName:
            known += names(folder, marker)
    raise UnknownName.of("file, corpus or model", str(thing), known)


def _markers(folder: Path, marker: str) -> list[Path]:
    return [path for path in folder.glob(f"*/{marker}") if not path.parent.name.startswith(".")]
