"""A prepared corpus: every piece of one source, read once, split once, and open to every encoding.

    corpora/NAME/
      notes.h5      all pieces (musictool/corpus/store.py), what became of each file, and the split
      files.csv     the same about the files, for people: one row per file
      corpus.json   where it came from, its licence, its counts; written last

`prepare` writes it (musictool/preparation/). A piece's id is the path of its file below the source, with "#12" behind
it for the 12th tune of a collection. Whether a piece is kept for validation depends on its id alone, so that adding a
file moves no other.
"""

from __future__ import annotations

import contextlib
import hashlib
import shlex
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np

from musictool import home
from musictool.corpus import selection
from musictool.corpus.packed import Packed, concatenate
from musictool.corpus.store import Store, block_bounds
from musictool.errors import BadCorpus
from musictool.music.score import Score
from musictool.strict import json as strict_json

FORMAT = 2
NOTES_FILE = "notes.h5"
FILES_TABLE = "files.csv"
SCHEMA = {
    "fingerprint": str,
    "notes": int,
    "source": {"name?": str, str: object},
    "files": {str: object},
    "pieces": {"all": int, str: object},
    "licence?": (str, None),
}
FILE_SCHEMA = {"path": str, "pieces": int, "about": {str: object}}
SMALL_PIECES, SMALL_NOTES = 128, 1 << 16  # for one process to work on

Split = Literal["train", "validation"]


class Corpus:
    """A corpus, open for reading.

    Args:
        folder: where its corpus.json lies.

    Attributes:
        folder: absolute.
        info: what corpus.json says.
        where: which pieces were selected; empty for all of them.

    Raises:
        BadCorpus: missing, damaged, or of another version.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder).absolute()
        self.info: dict[str, Any] = _info(self.folder)
        self.where: tuple[str, ...] = ()
        self._chosen: np.ndarray | None = None
        self._store: Store | None = None

    @classmethod
    def open(cls, name: str | Path | None = None) -> Corpus:
        """The corpus called `name` (or at that path); without a name the one prepared last.

        Raises:
            UnknownName: there is none of that name.
            BadCorpus: there is none at all, or this one is damaged or of another version.
        """
        if name is not None:
            return cls(home.find_corpus(name))
        folder = home.latest(home.corpora_folder(), home.CORPUS_MARKER)
        if folder is None:
            raise BadCorpus(f"no corpus in {home.corpora_folder()} yet; make one with: musictool prepare")
        return cls(folder)

    def __repr__(self) -> str:
        return f"Corpus({str(self.folder)!r})"

    def __len__(self) -> int:
        return len(self.is_validation)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_store": None}

    def select(self, where: Sequence[str]) -> Corpus:
        """The pieces of the files of which all of `where` is so, as a corpus.

        Args:
            where: "genre=Jazz", "artist=*Bach*", ... of what files.csv knows about each file; case does not matter. Of
                two that name the same column one is enough.

        Raises:
            BadOption: no such column, or no such piece; the message says which there are.
        """
        if not where:
            return self
        about = [file["about"] for file in self.files for _ in range(file["pieces"])]
        view = Corpus(self.folder)
        view.where = tuple(sorted(where))
        view._chosen = np.flatnonzero(selection.matches(about, view.where))
        return view

    def selected(self, values: Any) -> Any:
        """Of an array or a list with one entry per piece: those of the selected pieces."""
        if self._chosen is None:
            return values
        return values[self._chosen] if isinstance(values, np.ndarray) else [values[i] for i in self._chosen.tolist()]

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits that change with any piece, its id, the split, the way of reading, or the selection."""
        if self._chosen is None:
            return str(self.info["fingerprint"])
        return hashlib.sha256(self.info["fingerprint"].encode() + self._chosen.tobytes()).hexdigest()

    @cached_property
    def files(self) -> list[dict[str, Any]]:
        """What became of each file, in order: path, status, reason, detail, pieces, notes, bars, seconds, ..."""
        with _damage_as_bad_corpus(self.folder):
            meta = self._notes.meta
            strict_json.check(meta, {"files": [FILE_SCHEMA]})
        files: list[dict[str, Any]] = meta["files"]
        return files

    @cached_property
    def ids(self) -> list[str]:
        """The id of each piece, in order."""
        ids: list[str] = self.selected(piece_ids([(file["path"], file["pieces"]) for file in self.files]))
        return ids

    @cached_property
    def is_validation(self) -> np.ndarray:
        """bool (pieces,): kept for validation, not for training."""
        return np.asarray(self.selected(self._notes.flags("is_validation").astype(bool)))

    @property
    def keys(self) -> np.ndarray:
        """int8 (pieces,): the estimated key of each piece, an index into musictool.music.key.KEY_NAMES, or NO_KEY."""
        return np.asarray(self.selected(self._notes.pieces["key"]))

    @property
    def note_counts(self) -> np.ndarray:
        """int32 (pieces,): the number of notes of each piece."""
        return np.asarray(self.selected(self._notes.pieces["notes"]))

    def metres(self) -> list[np.ndarray]:
        """METRE of each piece."""
        tables: list[np.ndarray] = []
        for start, stop in block_bounds(self.note_counts):
            block = self.packed(start, stop)
            tables += [block.columns["metres"][a:b].copy() for a, b in pairwise(block.starts["metres"].tolist())]
        return tables

    def score(self, index: int) -> Score:
        """One piece."""
        if not 0 <= index < len(self):
            raise IndexError(f"piece {index} of {len(self)}")
        return self.packed(index, index + 1).score(0)

    def scores(self, split: Split | None = None) -> Iterator[Score]:
        """The pieces in order, of one side of the split or of both, read block by block in constant memory."""
        is_chosen = np.ones(len(self), bool) if split is None else self.is_validation == (split == "validation")
        for start, stop in block_bounds(self.note_counts):
            if is_chosen[start:stop].any():
                block = self.packed(start, stop)
                yield from (block.score(index) for index in np.flatnonzero(is_chosen[start:stop]).tolist())

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Half-open ranges of pieces, each for one process to work on; they depend on the pieces alone."""
        return block_bounds(self.note_counts, SMALL_PIECES, SMALL_NOTES)

    def packed(self, start: int, stop: int) -> Packed:
        """The pieces start..stop - 1."""
        with _damage_as_bad_corpus(self.folder):
            if self._chosen is None:
                return self._notes.slice(start, stop)
            chosen = self._chosen[start:stop]
            runs = np.split(chosen, np.flatnonzero(np.diff(chosen) != 1) + 1)
            return concatenate(self._notes.slice(int(run[0]), int(run[-1]) + 1) for run in runs)

    @property
    def _notes(self) -> Store:
        if self._store is None:
            self._store = _opened(self.folder, self.info["fingerprint"])
        return self._store


def piece_ids(files: Sequence[tuple[str, int]]) -> list[str]:
    """The id of each piece of files, each with its path and its number of pieces."""
    ids = []
    for path, pieces in files:
        ids += [path] if pieces == 1 else [f"{path}#{number}" for number in range(1, pieces + 1)]
    return ids


def split(ids: Sequence[str], val_split: float, by_folder: bool = False) -> np.ndarray:
    """bool (pieces,): which pieces are kept for validation.

    Each id is hashed to a fraction; a piece is kept if its fraction is below `val_split`. Where that leaves one side of
    two or more pieces empty, the piece nearest to it moves there; one piece alone is there to learn from.

    Args:
        by_folder: the folder of a piece is hashed in place of its id, so that what lies in one stays together.
    """
    names = [piece.rpartition("/")[0] or piece for piece in ids] if by_folder else ids
    fractions = np.array([_fraction(name) for name in names])
    is_validation = fractions < val_split
    if len({*names}) >= 2 and not is_validation.any():
        is_validation[fractions == fractions.min()] = True
    if is_validation.all() and len(ids):
        is_validation[fractions == fractions.max()] = False
    return is_validation


def _fraction(piece: str) -> float:
    digest = hashlib.sha256(piece.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _info(folder: Path) -> dict[str, Any]:
    path = folder / home.CORPUS_MARKER
    try:
        info = strict_json.read(path, {"format": int})
        version = info["format"]
        if version == FORMAT:
            strict_json.check(info, SCHEMA)
    except (FileNotFoundError, NotADirectoryError):
        raise BadCorpus(
            f"{folder} holds no corpus; make one with: musictool prepare SOURCE --name {folder.name}"
        ) from None
    except (OSError, ValueError) as error:
        raise BadCorpus(f"{path} is damaged ({error}); make it again with: {again(folder.name)}") from None
    if version != FORMAT:
        raise BadCorpus(
            f"{folder} was written in format {version}, this is musictool for format {FORMAT}; "
            f"make it again with: {again(folder.name, info)}"
        )
    return dict(info)


def _opened(folder: Path, fingerprint: str) -> Store:
    path, command = folder / NOTES_FILE, again(folder.name, _info(folder))
    try:
        store = Store(path)
        written = store.flags("fingerprint").tobytes().decode()
    except FileNotFoundError:
        raise BadCorpus(f"{path} is missing; make it again with: {command}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadCorpus(f"{path} is damaged ({error}); make it again with: {command} --fresh") from None
    if written != fingerprint:
        raise BadCorpus(f"{path} does not belong to its corpus.json; prepare was interrupted. Finish with: {command}")
    return store


@contextlib.contextmanager
def _damage_as_bad_corpus(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        command = again(folder.name, _info(folder))
        message = f"{folder / NOTES_FILE} is damaged ({error}); make it again with: {command} --fresh"
        raise BadCorpus(message) from None


def again(name: str, info: dict[str, Any] | None = None) -> str:
    """The command that prepares a corpus once more."""
    source = str((info or {}).get("source", {}).get("name", "SOURCE"))
    return f"musictool prepare {shlex.quote(source)}" + ("" if source == name else f" --name {shlex.quote(name)}")
