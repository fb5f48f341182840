"""What somebody else has written down about files: artist, title, genre, year, ...

    CSV or TSV with a header   one row a file; MAESTRO's table is one
    JSON                       {"path or id": {"genre": ...}, ...} or a list of objects
    .cls                       tagtraum's genre annotations of the Million Song Dataset, as they are published: lines of
                               an MSD id and one or two genres, "#" before comments

A row is about the files whose path, name, or name without suffix it gives, or whose path holds the MSD id that it gives
(TRAAAGR128F425B14B), as in the folders of the Lakh collections. Columns keep their names in lower case, but for the
names in SAME_AS; what is not said is empty.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
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
FIRST_COLUMNS = ("artist", "title", "genre", "year")  # before all others in files.csv
LABEL = "label"

Row = dict[str, str]


class Metadata:
    """Tables about files.

    Args:
        paths: of the tables; of two that say different things the later one counts.

    Attributes:
        columns: their names, FIRST_COLUMNS first.

    Raises:
        BadFile: for one that cannot be read, with its path.
    """

    def __init__(self, paths: Sequence[Path] = ()):
        self._rows: dict[str, Row] = {}
        for path in paths:
            for key, row in _read(Path(path)):
                self._rows.setdefault(key, {}).update(row)
        names = {name for row in self._rows.values() for name in row}
        self.columns = [name for name in FIRST_COLUMNS if name in names] + sorted(names - {*FIRST_COLUMNS})

    def about(self, path: str) -> Row:
        """What is known about a file, by its path below the source; `label` is the first folder of that path."""
        folder, slash, _ = path.partition("/")
        found: Row = {LABEL: folder if slash else ""}
        if not self._rows:
            return found
        pure = PurePosixPath(path)
        for key in (*MSD_ID.findall(path), pure.stem, pure.name, str(pure.with_suffix("")), path):
            found |= self._rows.get(key, {})
        return found


def _read(path: Path) -> Iterator[tuple[str, Row]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadFile("metadata", f"{path} cannot be opened: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadFile("metadata", f"{path} is not text in UTF-8") from None
    suffix = path.suffix.lower()
    return _cls(text) if suffix == ".cls" else _json(path, text) if suffix == ".json" else _csv(path, text)


def _cls(text: str) -> Iterator[tuple[str, Row]]:
    for line in text.splitlines():
        words = line.split("\t")
        if len(words) >= 2 and not line.startswith("#"):
            yield words[0].strip(), {"genre": words[1].strip()}


def _json(path: Path, text: str) -> Iterator[tuple[str, Row]]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise BadFile("metadata", f"{path} is not JSON ({error})") from None
    if isinstance(values, dict):
        values = [{"path": key, **row} for key, row in values.items() if isinstance(row, dict)]
    if not isinstance(values, list) or not values or not all(isinstance(row, dict) for row in values):
        raise BadFile("metadata", f'{path} should be {{"path or id": {{"genre": ...}}, ...}} or a list of objects')
    yield from _keyed(path, list(values[0]), values)


def _csv(path: Path, text: str) -> Iterator[tuple[str, Row]]:
    header = text.partition("\n")[0]
    rows = list(csv.DictReader(text.splitlines(), delimiter=max("\t;,", key=header.count), restkey="", restval=""))
    if not rows or len(rows[0]) < 2:
        raise BadFile("metadata", f"{path} is no table: a header and rows of at least two columns are wanted")
    yield from _keyed(path, list(rows[0]), rows)


def _keyed(path: Path, columns: list[str], rows: Iterable[dict[str, Any]]) -> Iterator[tuple[str, Row]]:
    """Rows by the column that says which file they are about: one of KEY_COLUMNS, else the first."""
    key_column = next((name for wanted in KEY_COLUMNS for name in columns if _name(name) == wanted), columns[0])
    for row in rows:
        about = {
            SAME_AS.get(_name(name), _name(name)): _text(value)
            for name, value in row.items()
            if name and name != key_column and not isinstance(value, dict)
        }
        yield _text(row.get(key_column, "")).replace("\\", "/").removeprefix("./"), about


def _name(column: str) -> str:
    return re.sub(r"\W+", "_", column.strip().lower()).strip("_")


def _text(value: Any) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value).strip()
