"""What can be prepared: a folder, a file, or a built-in collection.

music21 carries several thousand pieces, so that a fresh machine has real music without a download. They are found on
disk without importing music21. The licence notes repeat what that package's own corpus/license.txt and the files
themselves state; where they state nothing, so does the note. One collection, `minimalist`, is written by rule instead
(musictool/music/minimalism.py), into downloads/, when it is first prepared.
"""

from __future__ import annotations

import fnmatch
import importlib.util
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from musictool import home
from musictool.errors import BadCorpus, UnknownName
from musictool.fetching.fetch import info_of
from musictool.fetching.public import COLLECTIONS
from musictool.music.minimalism import pieces

DEFAULT = "bach"
IGNORED_FOLDERS = {"__MACOSX"}


@dataclass(frozen=True)
class BuiltIn:
    """A collection inside the music21 package, or one that is written by rule.

    Attributes:
        description: one line.
        licence: what its distributors say about its use.
        patterns: paths below music21/corpus; "*" also crosses folders. None for what is written by rule.
        without: patterns of files that are left out, such as a second encoding of the same piece.
    """

    description: str
    licence: str
    patterns: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """Something to prepare.

    Attributes:
        name: what its corpus is called unless the user says otherwise.
        kind: "built-in", "folder" or "file".
        root: what the paths of `files` are below.
        files: paths with a known suffix, "/" between folders, sorted.
        others: how many files were passed over, by suffix.
        description, licence: empty for the user's own files.
        by_rule: whether the files are still to be written (musictool/preparation/by_rule.py) before they are read.
    """

    name: str
    kind: str
    root: Path
    files: list[str]
    others: dict[str, int] = field(default_factory=dict)
    description: str = ""
    licence: str = ""
    by_rule: bool = False


_CLEARED = (
    "music out of copyright; encoding distributed with music21 by permission of its encoders, "
    "no further notice in the files; see corpus/license.txt of music21"
)
_TUNES = "traditional tunes; transcriptions by many volunteers (named in each tune's Z: field), no licence stated"

# A prelude for the keyboard; chorales that the folder also has in four parts (with their orchestra) or once more note
# for note: one of the two could fall into training and the other into validation.
_NOT_BACH_CHORALES = tuple(
    f"bach/bwv{number}.mxl"
    for number in ("846", "112.5-sc", "190.7-inst", "248.23-2", "248.35-3c", "248.42-4", "248.64-6", "248.9-1")
    + ("18.5-lz", "197.7-a", "20.11", "227.11", "244.17")
)

BUILT_IN: dict[str, BuiltIn] = {
    "bach": BuiltIn(
        "four-part chorales by Johann Sebastian Bach",
        _CLEARED,
        ("bach/bwv*.mxl", "bach/bwv*.xml"),
        _NOT_BACH_CHORALES,
    ),
    "palestrina": BuiltIn(
        "masses and motets by Giovanni Pierluigi da Palestrina, movement by movement",
        "copyright 2000 John Miller, rights to all derivative electronic formats reserved; "
        "the licensing agreement that the files refer to must accompany them",
        ("palestrina/*.krn",),
    ),
    "monteverdi": BuiltIn(
        "madrigals by Claudio Monteverdi, books 3 to 5",
        _CLEARED + "; two files bear the mark of Ut Orpheus Edizioni 2003",
        ("monteverdi/*.mxl",),
        ("monteverdi/*_old.mxl",),
    ),
    "trecento": BuiltIn(
        "songs of the Italian 14th century",
        _CLEARED + "; ten files bear an empty copyright mark",
        ("trecento/*.xml", "trecento/*.mxl"),
    ),
    "quartets": BuiltIn(
        "movements of string quartets by Haydn, Mozart and Beethoven",
        _CLEARED,
        ("haydn/*.mxl", "mozart/k155/*.mxl", "mozart/k156/*.mxl", "mozart/k458/*.mxl", "mozart/k80/*.mxl")
        + ("beethoven/*.mxl",),
    ),
    "essen": BuiltIn(
        "folk songs, most of them German, of the Essen collection",
        "legal status unclear, as many people entered the data; non-commercial use and distribution permitted by "
        "Ewa Dahlig-Turek, distribution of the ABC files by Seymour Shlien",
        ("essenFolksong/*.abc",),
        ("essenFolksong/test*.abc",),
    ),
    "airds": BuiltIn(
        "James Aird's Airs, six books for fife, violin or flute, 1778 to 1801",
        "traditional tunes; transcribed by Jack Campin, no licence stated",
        ("airdsAirs/*.abc",),
    ),
    "oneills": BuiltIn(
        "O'Neill's Music of Ireland, 1850 melodies",
        _TUNES,
        ("oneills1850/*.abc",),
        # other transcriptions of tunes that stand in the files beside them
        ("*/0626-0635.abc", "*/0732-0758_mh.abc", "*/1116-1135_ml.abc", "*/1556-1576.abc", "*/1577-1624.abc")
        + ("*/1710-1750.abc",),
    ),
    "ryans-mammoth": BuiltIn(
        "Ryan's Mammoth Collection of fiddle tunes, 1883",
        _TUNES,
        ("ryansMammoth/*.abc",),
    ),
    "folk": BuiltIn(
        "the tunes of essen, airds, oneills and ryans-mammoth together",
        "as of its four parts; the Essen collection for non-commercial use only",
        ("essenFolksong/*.abc", "airdsAirs/*.abc", "oneills1850/*.abc", "ryansMammoth/*.abc"),
        ("essenFolksong/test*.abc", "*/0626-0635.abc", "*/0732-0758_mh.abc", "*/1116-1135_ml.abc")
        + ("*/1556-1576.abc", "*/1577-1624.abc", "*/1710-1750.abc"),
    ),
    "minimalist": BuiltIn(
        "363 pieces of minimal music, written by rule and by no composer: phasing, additive, canons, drones, ...",
        "CC0 1.0, musictool's own",
    ),
}


def find(source: str | Path | None = None) -> Source:
    """What `source` means.

    Args:
        source: a built-in name, the path of a folder or file, or the name of a public collection that was fetched; None
            is the default built-in. A folder that has the name of a built-in is meant only where it is written as a
            path (./bach).

    Raises:
        UnknownName: neither, with a suggestion.
        BadCorpus: music21's collection is not there.
    """
    name = DEFAULT if source is None else str(source)
    if name in BUILT_IN:
        return _built_in(name)
    path = Path(name).expanduser()
    if not path.exists() and name in COLLECTIONS:
        path = home.downloads_folder() / name / "music"
        if not path.is_dir():
            raise BadCorpus(f"{name} is a public collection that is not here yet; get it with: musictool fetch {name}")
    if path.is_dir():
        files, others = _walk(path)
        root = path.resolve()
        fetched = info_of(root.parent) if root.name == "music" else {}
        called = fetched.get("name", root.name) or "corpus"
        return Source(called, "folder", root, files, others, fetched.get("summary", ""), fetched.get("licence", ""))
    if path.is_file():
        known = _is_known(path.name)
        files, others = ([path.name], {}) if known else ([], {path.suffix.lower() or "(none)": 1})
        return Source(path.stem, "file", path.resolve().parent, files, others)
    raise UnknownName.of("folder, file or corpus", name, [*BUILT_IN, *COLLECTIONS])


def _built_in(name: str) -> Source:
    entry = BUILT_IN[name]
    if not entry.patterns:
        written = sorted(f"{process}/{process}-{number:02d}.mid" for process, number in pieces())
        place = (home.downloads_folder() / name / "music").resolve()
        return Source(name, "built-in", place, written, {}, entry.description, entry.licence, by_rule=True)
    package = importlib.util.find_spec("music21")
    root = Path(package.origin).parent / "corpus" if package and package.origin else None
    if root is None or not root.is_dir():
        raise BadCorpus(f"the built-in corpus {name} comes inside music21, which is not here; try: pip install music21")
    files = []
    for folder in sorted({pattern.partition("/")[0] for pattern in entry.patterns}):
        files += [f"{folder}/{path}" for path in _walk(root / folder)[0]]
    selected = [f for f in files if _matches(f, entry.patterns) and not _matches(f, entry.without)]
    return Source(name, "built-in", root, sorted(selected), {}, entry.description, entry.licence)


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def _walk(root: Path) -> tuple[list[str], dict[str, int]]:
    """The files below `root` that a reader knows, sorted, and a count of the others by suffix."""
    files, others = [], Counter[str]()
    for folder, names in _folders(root):
        place = os.path.relpath(folder, root).replace(os.sep, "/")
        place = "" if place == "." else f"{place}/"
        for name in names:
            if name.startswith("."):
                continue
            if _is_known(name):
                files.append(place + name)
            else:
                others[os.path.splitext(name)[1].lower() or "(none)"] += 1
    return sorted(files), dict(others)


def _folders(root: Path) -> Iterator[tuple[str, list[str]]]:
    seen: set[tuple[int, int]] = set()
    for folder, below, names in os.walk(root, followlinks=True):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:  # a link back up, or a second way to the same place
            below.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        below[:] = sorted(name for name in below if not name.startswith(".") and name not in IGNORED_FOLDERS)
        yield folder, names


def _is_known(name: str) -> bool:
    from musictool.reading import suffixes

    return os.path.splitext(name)[1].lower() in suffixes()
