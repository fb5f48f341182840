"""The files of a source that no earlier run has read: found by their content, and read in any number of processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain

from musictool.preparation.cache import ReadCache
from musictool.preparation.reading import ReadSettings, hash_safely, read_safely
from musictool.preparation.sources import Source
from musictool.progress import Progress
from musictool.reading import suffixes
from musictool.workers.processes import Workers

BATCH_FILES, BATCH_BYTES = 64, 1 << 20  # MIDI files handed to a child at once; other formats take longer and go singly
HASHED_FILES = 64  # handed to a child at once


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with a line that says what is kept."""


@dataclass(frozen=True)
class HashedFile:
    """A file of a source before it is read.

    Attributes:
        path: below the source.
        content: the reader and the sha256 of the bytes; empty for a file that cannot be opened.
        error: why it cannot be opened.
        duplicate_of: the path of an earlier file with the same content.
        size: in bytes.
    """

    path: str
    content: str
    error: str
    duplicate_of: str
    size: int


class NewFiles:
    """Reading what is not yet known.

    Attributes:
        files: all of the source, in order.
        fresh: how many files were read.
    """

    def __init__(self, source: Source, settings: ReadSettings, cache: ReadCache, workers: Workers, progress: Progress):
        self.files: list[HashedFile] = []
        self.fresh = 0
        self._source, self._settings, self._cache = source, settings, cache
        self._workers, self._progress = workers, progress
        self._paths = [os.path.join(source.root, name) for name in source.files]

    def read(self) -> None:
        """Enter all files, and keep what the new ones give. Raises Interrupted on Ctrl-C."""
        total = len(self._source.files)
        done = 0
        try:
            self._hash()
            new = self._new()
            done = total - len(new)
            order_of = {self._paths[order]: order for order in new}
            read = partial(read_safely, self._settings)
            for paths, result in self._workers.map(read, self._tasks(new)):
                orders = [order_of[path] for path in paths]
                self._cache.add(orders[0], [self.files[order].content for order in orders], result)
                self.fresh += len(paths)
                done += len(paths)
                self._progress(done, total)
        except KeyboardInterrupt:
            how = "the same command without --fresh goes on" if self._cache.fresh else "the same command goes on"
            raise Interrupted(f"stopped; {done} of {total} files are read and kept, {how}") from None
        finally:
            self._cache.close_part()
        self._progress(total, total)

    def _hash(self) -> None:
        """Enter every file in `files`."""
        names, paths = self._source.files, self._paths
        batches = (paths[i : i + HASHED_FILES] for i in range(0, len(paths), HASHED_FILES))
        hashed = chain.from_iterable(answer for _, answer in self._workers.map(hash_safely, batches, ordered=True))
        first_of: dict[str, str] = {}
        for name, (sha256, size, error) in zip(names, hashed, strict=True):
            content = "" if error else f"{self._kind(name)}:{sha256}"
            original = "" if error else first_of.setdefault(content, name)
            duplicate_of = original if original != name else ""
            self.files.append(HashedFile(name, content, error, duplicate_of, size))

    def _new(self) -> list[int]:
        """Which files are to be read."""
        return [
            order
            for order, file in enumerate(self.files)
            if not (file.error or file.duplicate_of or file.content in self._cache)
        ]

    def _tasks(self, new: list[int]) -> Iterator[list[str]]:
        """Batches of files for one child to read."""
        batch: list[str] = []
        batch_bytes = 0
        for order in new:
            batch.append(self._paths[order])
            batch_bytes += self.files[order].size
            quick = self.files[order].content.startswith("midi/symusic:")
            if len(batch) == BATCH_FILES or batch_bytes > BATCH_BYTES or not quick:
                yield batch
                batch, batch_bytes = [], 0
        if batch:
            yield batch

    def _kind(self, name: str) -> str:
        kind = suffixes()[os.path.splitext(name)[1].lower()]
        if kind == "midi" or (kind in ("abc", "humdrum", "musicxml") and self._settings.parser == "music21"):
            return f"{kind}/{self._settings.parser}"
        return kind
