"""Where things lie: `corpora/`, `saved_models/` and `downloads/`, under $MUSICTOOL_HOME or else the working directory.

A corpus is a folder that holds corpus.json, a model one that holds model.json: its *marker*, written last, so that a
folder with its marker is complete. Marker times say which was made last, and that one is the default everywhere.

Some models ship with musictool, each with its model card, card.json. They lie in the package, in a checkout in its
`saved_models/`, and are read and never written to. A user's own model of the same name goes before one that ships.
"""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

from musictool.errors import BadOption, UnknownName

HOME_VARIABLE = "MUSICTOOL_HOME"
CORPUS_MARKER = "corpus.json"
MODEL_MARKER = "model.json"
MODEL_CARD = "card.json"

log = logging.getLogger(__name__)


def home() -> Path:
    """$MUSICTOOL_HOME, or the working directory where it is unset or empty."""
    return Path(os.environ.get(HOME_VARIABLE) or ".").expanduser()


def corpora_folder() -> Path:
    """Where `prepare` writes; it may not exist yet."""
    return home() / "corpora"


def models_folder() -> Path:
    """Where `train` writes; it may not exist yet."""
    return home() / "saved_models"


def shipped_folder() -> Path:
    """Where the models lie that ship with musictool: in the installed package, or in the checkout around it."""
    package = Path(__file__).resolve().parent
    installed = package / "shipped"
    return installed if installed.is_dir() else package.parent / "saved_models"


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


def latest(folder: Path, marker: str, accepts: Callable[[Path], bool] = lambda entry: True) -> Path | None:
    """The entry of `folder` whose marker was written last, of those accepted; None where there is none."""
    newest_first = sorted(
        _markers(folder, marker), key=lambda path: (path.stat().st_mtime_ns, path.parent.name), reverse=True
    )
    return next((path.parent for path in newest_first if accepts(path.parent)), None)


def shipped_models() -> dict[str, Path]:
    """Name -> folder of each model that ships with musictool, sorted."""
    folder = shipped_folder()
    return {name: folder / name for name in names(folder, MODEL_MARKER) if (folder / name / MODEL_CARD).is_file()}


def user_models() -> dict[str, Path]:
    """Name -> folder of each model of this home, sorted, without those that ship."""
    folder = models_folder()
    return {name: folder / name for name in names(folder, MODEL_MARKER) if not is_shipped(folder / name)}


def models() -> dict[str, Path]:
    """Name -> folder of each model that can be named: those of this home, then those that ship."""
    users = user_models()
    return users | {name: folder for name, folder in shipped_models().items() if name not in users}


def is_shipped(folder: Path) -> bool:
    """Whether a model folder is one that ships with musictool, and so is never written to."""
    return (folder / MODEL_CARD).is_file() and folder.resolve().parent == shipped_folder()


def find_corpus(name: str | Path) -> Path:
    """The folder of the corpus called `name`, or at that path (to it or to its marker).

    Raises:
        UnknownName: with what it is instead, or else the nearest name that exists.
    """
    places = (corpora_folder() / name, Path(name).expanduser())
    return _find(places, CORPUS_MARKER, name, "corpus", names(corpora_folder(), CORPUS_MARKER))


def find_model(name: str | Path) -> Path:
    """The folder of the model called `name`: one of this home, at that path, or that ships with musictool.

    Raises:
        UnknownName: with what it is instead, or else the nearest name that exists.
    """
    own, shipped = models_folder() / name, shipped_folder() / name
    folder = _find((own, Path(name).expanduser(), shipped), MODEL_MARKER, name, "model", models())
    if folder == own and is_shipped(shipped) and own.resolve() != shipped:
        _say_hidden(own)
    return folder


@cache
def _say_hidden(own: Path) -> None:
    log.warning("%s is your own model; it goes before the %s that ships with musictool", own, own.name)


def _find(places: Sequence[Path], marker: str, name: str | Path, what: str, known: Iterable[str]) -> Path:
    """The first of the places that is an entry, or the marker of one."""
    for path in places:
        if path.name == marker and path.is_file():
            return path.parent
        if (path / marker).is_file():
            return path
    hint = _something_else(str(name), what)
    if hint:
        raise UnknownName(f"no {what} is called '{name}': {hint}")
    raise UnknownName.of(what, str(name), known)


def _something_else(name: str, what: str) -> str:
    """What it is that is no corpus or no model, and what to do with it; "" if it is nothing."""
    for other, folders, marker, use in (
        ("corpus", [corpora_folder()], CORPUS_MARKER, "train it: musictool train"),
        ("model", [models_folder(), shipped_folder()], MODEL_MARKER, "let it write: musictool sample"),
    ):
        places = [Path(name), *(folder / name for folder in folders)]
        if name and what != other and any((path / marker).is_file() for path in places):
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
    for what, find in (("corpus", find_corpus), ("model", find_model)):
        try:
            return what, find(thing)
        except UnknownName:
            continue
    known = [*names(corpora_folder(), CORPUS_MARKER), *models()]
    raise UnknownName.of("file, corpus or model", str(thing), known)


def _markers(folder: Path, marker: str) -> list[Path]:
    return [path for path in folder.glob(f"*/{marker}") if not path.parent.name.startswith(".")]
