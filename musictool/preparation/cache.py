"""What has been read and need not be read again.

Files are known by their content, not by their names. What an earlier run finished lies in the corpus's notes.h5; what
this run, or one that was interrupted, has read since lies in `.reading/`, a part every few seconds. A part appears
whole or not at all, so a killed run loses the part that it had not closed, and the next run goes on from the others.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from musictool.atomic import DiskFull, replacing
from musictool.corpus.corpus import FORMAT, NOTES_FILE
from musictool.corpus.packed import PIECE, Packed, concatenate
from musictool.corpus.store import BLOCK_NOTES, Store, write
from musictool.preparation.reading import FileRecord, FilesRead

log = logging.getLogger(__name__)

PARTS_FOLDER = ".reading"
PART_SECONDS = 5.0  # how much reading a killed run loses at most
PASSING_REASONS = {"reader crashed", "out of memory"}  # may be the machine's fault: tried again in the next run

NOT_THE_FILES_FAULT = (errno.EMFILE, errno.ENFILE, errno.EACCES, errno.EIO)  # a file that gives these may be sound


class ReadCache:
    """Records and pieces by content, on disk; a context manager. Where the disk is full all parts are removed.

    Args:
        folder: of the corpus.
        reading: JSON-able; whatever changes the pieces that a file gives. What was read otherwise is not used.
        time_limit_seconds: a file that took longer than a smaller limit is tried again.
        fresh: use nothing from earlier runs.
    """

    def __init__(self, folder: Path, reading: dict[str, Any], time_limit_seconds: float, fresh: bool = False):
        self.folder = folder
        self._parts = folder / PARTS_FOLDER
        self.reading = reading
        self.fresh = fresh
        self._limit = time_limit_seconds
        self._stores: list[Store] = []
        self._records: dict[str, tuple[FileRecord, int, int]] = {}  # content -> its record, store, first piece there
        self._open: list[tuple[int, list[FileRecord], Packed]] = []
        self._open_notes = 0
        self._open_since = time.monotonic()
        if fresh:
            shutil.rmtree(self._parts, ignore_errors=True)
        self._parts.mkdir(parents=True, exist_ok=True)
        for leftover in (*folder.glob(".*.partial*"), *self._parts.glob(".*")):  # what killed runs were writing
            leftover.unlink()
        for path in ([] if fresh else [folder / NOTES_FILE]) + sorted(self._parts.glob("*.h5")):
            self._load(path)
        self._next_part = 1 + max((int(path.stem) for path in self._parts.glob("*.h5")), default=-1)

    def __enter__(self) -> ReadCache:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        for store in self._stores:
            store.close()
        if isinstance(error, DiskFull):  # what is read so far would fill the disk for nobody's use
            self.finish()

    def __contains__(self, content: str) -> bool:
        return content in self._records

    def record(self, content: str) -> FileRecord:
        """What became of a file of this content; of known ones only."""
        return self._records[content][0]

    def add(self, order: int, contents: Sequence[str], read: FilesRead) -> None:
        """Keep what some files gave that follow one another; `order` is the place of the first among all files."""
        records = [
            replace(record, content=content, time_limit_seconds=self._limit if record.reason == "timed out" else None)
            for content, record in zip(contents, read.records, strict=True)
        ]
        self._open.append((order, records, read.pieces))
        self._open_notes += len(read.pieces.columns["notes"])
        if self._open_notes > BLOCK_NOTES or time.monotonic() - self._open_since > PART_SECONDS:
            self.close_part()

    def close_part(self) -> None:
        """Put on disk what is still only in memory."""
        if self._open:
            entries = sorted(self._open, key=lambda entry: entry[0])
            pieces = concatenate(entry[2] for entry in entries)
            records = [record for entry in entries for record in entry[1]]
            path = self._parts / f"{self._next_part:06}.h5"
            with replacing(path) as partial:
                write(partial, pieces.pieces, pieces.slice, self._meta(records), compress=False)
            self._next_part += 1
            self._register(Store(path), records)
        self._open, self._open_notes, self._open_since = [], 0, time.monotonic()

    def write_all(
        self, path: Path, contents: Sequence[str], meta: dict[str, Any], flags: dict[str, np.ndarray]
    ) -> None:
        """One store at `path` with the pieces of these contents in this order; the same bytes whatever the parts.

        Args:
            meta: what is new beside the format and the way of reading: "files" and what else.
        """
        meta = {**self._meta([]), **meta}
        if any(store.path == path and store.meta == meta for store in self._stores):
            return  # it stands already
        where = self._where(contents)
        pieces = self._pieces(where)

        def read(start: int, stop: int) -> Packed:
            return concatenate(self._slice(*run) for run in _runs(where[start:stop]))

        with replacing(path) as partial:
            write(partial, pieces, read, meta, flags)

    def pieces(self, contents: Sequence[str]) -> np.ndarray:
        """PIECE (P,): the rows of the pieces of these contents, in this order."""
        return self._pieces(self._where(contents))

    def _slice(self, store: int, first: int, last: int) -> Packed:
        with self._stores[store] as opened:
            return opened.slice(first, last)

    def finish(self) -> None:
        """Forget the parts: notes.h5 has it all."""
        shutil.rmtree(self._parts, ignore_errors=True)

    def _meta(self, records: list[FileRecord]) -> dict[str, Any]:
        return {"format": FORMAT, "reading": self.reading, "files": [record.to_json() for record in records]}

    def _where(self, contents: Sequence[str]) -> np.ndarray:
        """int64 (P, 2): the store and the index there of each piece of these contents."""
        entries = [self._records[content] for content in contents]
        columns = [(store, first, record.pieces) for record, store, first in entries]
        store, first, pieces = np.array(columns, np.int64).reshape(-1, 3).T
        nth = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        return np.stack([np.repeat(store, pieces), np.repeat(first, pieces) + nth], axis=1)

    def _pieces(self, where: np.ndarray) -> np.ndarray:
        pieces = np.zeros(len(where), PIECE)
        for number, store in enumerate(self._stores):
            is_here = where[:, 0] == number
            pieces[is_here] = store.pieces[where[is_here, 1]]
        return pieces

    def _load(self, path: Path) -> None:
        """Use what an earlier run left behind, if it was read as this one reads."""
        try:
            store = Store(path)
            meta = store.meta
            usable = meta["format"] == FORMAT and meta["reading"] == self.reading
            records = [FileRecord.from_json(values) for values in meta["files"]] if usable else []
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError) as error:
            if getattr(error, "errno", None) in NOT_THE_FILES_FAULT:
                raise
            log.warning("%s is damaged (%s); what it held is read again", path, error)
            with contextlib.suppress(OSError):
                path.unlink()
            return
        if not usable:
            store.close()
            if path.parent == self._parts:
                path.unlink()
            return
        self._register(store, records, self._is_final)

    def _register(
        self, store: Store, records: list[FileRecord], is_used: Callable[[FileRecord], bool] = lambda record: True
    ) -> None:
        store.close()  # it opens again when it is read; a long run has more parts than files may be open
        self._stores.append(store)
        first = 0
        for record in records:
            if record.status != "duplicate" and is_used(record):
                self._records.setdefault(record.content, (record, len(self._stores) - 1, first))
            first += record.pieces

    def _is_final(self, record: FileRecord) -> bool:
        if record.time_limit_seconds is not None:
            return record.time_limit_seconds >= self._limit
        return bool(record.content) and record.reason not in PASSING_REASONS


def _runs(where: np.ndarray) -> list[tuple[int, int, int]]:
    """(store, first, last + 1) of each unbroken run of pieces of one store in (P, 2) store and index."""
    breaks = np.flatnonzero((np.diff(where[:, 0]) != 0) | (np.diff(where[:, 1]) != 1)) + 1
    starts, stops = [0, *breaks.tolist()], [*breaks.tolist(), len(where)]
    return [(int(where[a, 0]), int(where[a, 1]), int(where[b - 1, 1]) + 1) for a, b in zip(starts, stops, strict=True)]
