"""What somebody else knows about files: artist, title, genre, year, ...

    CSV or TSV with a header   one row per file; MAESTRO's table is one
    JSON                       {"path or id": {"genre": ...}, ...} or a list of objects
    .cls                       tagtraum's genre annotations of the Million Song Dataset, as they are published: lines of
                               an MSD id and one or two genres, "#" before comments

A row is about the files whose path it gives, from any folder below the source on and with or without suffix, or whose
path holds the MSD id that it gives (TRAAAGR128F425B14B), as in the folders of the Lakh collections. Columns keep their
names in lower case, but for the names in SAME_AS; one that files.csv has already, such as `split`, becomes
`given_split`. Empty cells change nothing.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from musictool.errors import BadFile

MSD_ID = re.compile(r"TR[A-Z]{5}[0-9A-F]{11}")
KEY_COLUMNS = ("path", "file", "filename", "file_name", "midi_filename", "msd_id", "track_id", "id", "md5")
SAME_AS = {
    "canonical_composer": "artist",
    "composer": "artist",
    "artist_name": "artist",
    "canonical_title": "title",
    "track_title": "title",
    "song": "title",
    "style": "genre",
    "majority_genre": "genre",
}
FIRST_COLUMNS = ("artist", "title", "genre", "year")  # before all others in files.csv, behind its own:
OWN_COLUMNS = (
    "path",
    "status",
    "reason",
    "pieces",
    "notes",
    "bars",
    "seconds",
    "instruments",
    "key",
    "split",
    "sha256",
)
LABEL = "label"
LIST = "; "  # between the values of one cell

Row = dict[str, str]


class Metadata:
    """Tables about files.

    Args:
        paths: of the tables; of two with different values the later one counts.

    Attributes:
        columns: their names, FIRST_COLUMNS first; LABEL is not among them.

    Raises:
        BadFile: for one that cannot be read, with its path.
    """

    def __init__(self, paths: Sequence[Path] = ()):
        self._rows: dict[str, Row] = {}
        for path in paths:
            for key, row in _read(Path(path)):
                self._rows.setdefault(key, {}).update(row)
        names = {name for row in self._rows.values() for name in row} - {LABEL}
        self.columns = [name for name in FIRST_COLUMNS if name in names] + sorted(names - {*FIRST_COLUMNS})

    def about(self, path: str) -> Row:
        """What is known about a file, by its path below the source; `label` is the first folder of that path."""
        folder, slash, _ = path.partition("/")
        known: Row = {LABEL: folder if slash else ""}
        for key in self._keys(path):
            known |= self._rows[key]
        return known

    def sentence(self, paths: Sequence[str]) -> str:
        """How many of these files have a row; empty where there are no tables."""
        if not self._rows:
            return ""
        known = sum(1 for path in paths if self._keys(path))
        if known:
            return f"metadata for {known:,} of {len(paths):,} files: {', '.join(self.columns) or LABEL}"
        return (
            f"no row of the metadata is about a file of this source: the first row is about "
            f"'{next(iter(self._rows))}', the first file is '{paths[0]}'"
        )

    def _keys(self, path: str) -> list[str]:
        """The names under which rows are about a file; the most specific one comes last."""
        if not self._rows:
            return []
        path = unicodedata.normalize("NFC", path)
        names, stem = path.split("/"), str(PurePosixPath(path).with_suffix("")).split("/")
        tails = ("/".join(parts[-n:]) for n in range(1, len(names) + 1) for parts in (stem, names))
        return [key for key in (*MSD_ID.findall(path), *tails) if key in self._rows]


def _read(path: Path) -> Iterator[tuple[str, Row]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BadFile("metadata", f"{path} cannot be opened: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadFile("metadata", f"{path} is not text in UTF-8; save it as such") from None
    suffix = path.suffix.lower()
    return _cls(text) if suffix == ".cls" else _json(path, text) if suffix == ".json" else _csv(path, text)


def _cls(text: str) -> Iterator[tuple[str, Row]]:
    for line in text.splitlines():
        key, *genres = (word.strip() for word in line.split("\t"))
        if genres and not key.startswith("#"):
            columns = zip(("genre", "minority_genre"), genres, strict=False)
            yield key, {column: genre for column, genre in columns if genre}


def _json(path: Path, text: str) -> Iterator[tuple[str, Row]]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadFile("metadata", f"{path} is not JSON ({error})") from None
    if isinstance(values, dict):
        values = _by_row(values) if _is_by_column(values) else _by_path(values)
    if not isinstance(values, list) or not values or not all(isinstance(row, dict) for row in values):
        raise BadFile("metadata", f'{path} should be {{"path or id": {{"genre": ...}}, ...}} or a list of objects')
    yield from _keyed(path, list(values[0]), values)


def _by_path(values: dict[str, Any]) -> list[dict[str, Any]]:
    rows = ((key, row) for key, row in values.items() if isinstance(row, dict))
    return [{"path": key, **{name: value for name, value in row.items() if name != "path"}} for key, row in rows]


def _is_by_column(values: dict[str, Any]) -> bool:
    """Whether this is {"midi_filename": {"0": ...}, "year": {"0": ...}}, as MAESTRO's JSON is."""
    keys = [cells for name, cells in values.items() if _name(name) in KEY_COLUMNS]
    return any(isinstance(cells, dict) and bool(cells) and all(map(str.isdigit, cells)) for cells in keys)


def _by_row(columns: dict[str, Any]) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for column, cells in columns.items():
        for number, value in cells.items() if isinstance(cells, dict) else ():
            rows.setdefault(number, {})[column] = value
    return list(rows.values())


def _csv(path: Path, text: str) -> Iterator[tuple[str, Row]]:
    text = text.lstrip("\r\n")
    header = text.partition("\n")[0]
    table = csv.DictReader(
        io.StringIO(text, newline=""), delimiter=max("\t;,", key=header.count), restkey="", restval=""
    )
    try:
        rows = list(table)
    except csv.Error as error:
        raise BadFile("metadata", f"{path} is no table: line {table.line_num}: {error}") from None
    if not rows or len(table.fieldnames or ()) < 2:
        raise BadFile("metadata", f"{path} is no table: a header and rows of at least two columns are needed")
    yield from _keyed(path, list(table.fieldnames or ()), rows)


def _keyed(path: Path, columns: list[str], rows: Iterable[dict[str, Any]]) -> Iterator[tuple[str, Row]]:
    """Rows by the column that says which file they are about: one of KEY_COLUMNS, else the first."""
    key_column = next((name for known in KEY_COLUMNS for name in columns if _name(name) == known), columns[0])
    for row in rows:
        about: Row = {}
        for name, value in row.items():
            column = _column(name)
            cell = "" if name == key_column or isinstance(value, dict) else _text(value)
            if column and cell and (column not in about or _name(name) == column):  # `artist` outweighs `composer`
                about[column] = cell
        yield _text(row.get(key_column, "")).replace("\\", "/").removeprefix("./"), about


@lru_cache
def _name(column: str) -> str:
    return re.sub(r"\W+", "_", column.strip().lower()).strip("_")


@lru_cache
def _column(name: str) -> str:
    """What a column of a table is called in files.csv."""
    column = SAME_AS.get(_name(name), _name(name))
    return f"given_{column}" if column in OWN_COLUMNS else column


def _text(value: Any) -> str:
    """A value as one line, so that files.csv has a line for a file."""
    if isinstance(value, list):
        return LIST.join(filter(None, map(_text, value)))
    return "" if value is None else " ".join(unicodedata.normalize("NFC", str(value)).split())
