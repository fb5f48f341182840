"""A source of music -> a corpus: read every file once, in parallel, and keep what it gave.

    list -> hash -> read what is new, in child processes -> parts in .reading/ -> notes.h5, files.csv, corpus.json

Results are kept in whatever order they come and put into the files' order at the end, so that the bytes depend on the
source and the settings alone: not on the number of workers, nor on runs that were interrupted on the way.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from musictool import home
from musictool.atomic import working_alone
from musictool.corpus import NOTES_FILE, Corpus
from musictool.errors import BadCorpus, BadOption, UnknownName
from musictool.preparation import files_table, sources
from musictool.preparation.kept import Kept
from musictool.preparation.reading import READ, Outcome, ReadSettings
from musictool.preparation.sources import Source
from musictool.preparation.workers import Readers
from musictool.readers._base import MIDI_PARSERS, suffixes

log = logging.getLogger(__name__)

BATCH_FILES, BATCH_BYTES = 16, 1 << 20  # MIDI files handed to a child at once; other formats take longer and go singly
HASH_BYTES = 1 << 18
ENCODING = "note-chord"

Progress = Callable[[int, int], object]


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with a line that says what is kept."""


@dataclass(frozen=True)
class Prepared:
    """What `prepare` did.

    Attributes:
        corpus: open for reading; its `info` has the counts.
        fresh: how many files were read in this run, the others being known from earlier ones.
        encoded: the summary of the note-chord encoding; empty where none was asked for, or none could be made.
        remark: why there is no encoding although one was asked for.
    """

    corpus: Corpus
    fresh: int
    encoded: dict[str, Any]
    remark: str = ""

    @property
    def sentence(self) -> str:
        """Such as "read 371, skipped 3: 2 truncated, 1 no notes"."""
        return files_table.sentence(self.corpus.info)


@dataclass(frozen=True)
class _Settings:
    val_split: float
    workers: int
    read: ReadSettings
    fresh: bool

    def __post_init__(self) -> None:
        if not 0 < self.val_split < 1:
            raise BadOption(
                f"--val-split {self.val_split:g} is not between 0 and 1; for example 0.1: every tenth piece"
            )
        if self.workers < 1:
            raise BadOption(f"--workers {self.workers} is not a number of at least 1")
        if not 0 < self.read.time_limit_seconds <= 86400:
            raise BadOption(f"--time-limit {self.read.time_limit_seconds:g} is not from above 0 to 86400 seconds")
        if self.read.parser not in MIDI_PARSERS:
            raise UnknownName.of("MIDI reader", self.read.parser, MIDI_PARSERS)


def prepare(
    source: str | Path | Source | None = None,
    *,
    name: str | None = None,
    parser: str = "symusic",
    val_split: float = 0.1,
    workers: int | None = None,
    time_limit_seconds: float = 60.0,
    fresh: bool = False,
    encode: bool = True,
    progress: Progress | None = None,
    read: str = READ,
) -> Prepared:
    """Read a source into corpora/NAME; what is there already and has not changed is not read again.

    Args:
        source: a folder (recursive), a file, the name of a built-in corpus, or what sources.find made of one of these;
            None is "bach".
        name: what to call the corpus; by default as the source is called.
        parser: which library parses MIDI: symusic, music21 or pretty_midi.
        val_split: which part of the pieces is kept for validation, between 0 and 1, both excluded.
        workers: reading processes; by default one a processor core.
        time_limit_seconds: how long one file may take before it is skipped; larger than 64 kB, in proportion longer.
        fresh: forget what earlier runs have read, and replace a corpus of this name whatever its source.
        encode: also make the note-chord vocabulary and encoding.
        progress: called with how many files are settled and how many there are.
        read: "module:function" that reads a file, with the signature of musictool.readers._base.read.

    Raises:
        UnknownName, BadOption: a source or a setting that cannot be.
        BadCorpus: nothing readable in the source, or the name belongs to a corpus of another source.
        Interrupted: Ctrl-C.
    """
    settings = _Settings(
        val_split, cores() if workers is None else workers, ReadSettings(parser, time_limit_seconds, read), fresh
    )
    found = source if isinstance(source, Source) else sources.find(source)
    folder = home.corpora_folder() / home.check_name(found.name if name is None else name)
    _check_owner(folder, found, fresh)
    _check_files(found)
    folder.mkdir(parents=True, exist_ok=True)
    with working_alone(folder, "prepare"), Kept(folder, files_table.reading(read), time_limit_seconds, fresh) as kept:
        run = _Run(found, settings, kept, progress or (lambda done, total: None))
        run.read_files()
        with _told("all files are read and kept, the same command goes on"):
            _write(folder, found, settings, kept, run.files)
    corpus = Corpus(folder)
    with _told(f"the corpus {corpus.name} is complete but for its encoding, which train will make"):
        encoded, remark = _encoded(corpus) if encode else ({}, "")
    return Prepared(corpus, run.fresh, encoded, remark)


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Run:
    """Reading what is not yet known.

    Attributes:
        files: a dict a file, in order: path, content, and for a copy of an earlier file `duplicate_of`.
        fresh: how many files were read.
    """

    def __init__(self, source: Source, settings: _Settings, kept: Kept, progress: Progress):
        self.files: list[dict[str, Any]] = []
        self.fresh = 0
        self._source, self._settings, self._kept, self._progress = source, settings, kept, progress
        self._given_out: dict[Path, int] = {}
        self._buffer = memoryview(bytearray(HASH_BYTES))

    def read_files(self) -> None:
        total = len(self._source.files)
        try:
            with Readers(self._settings.read, self._settings.workers) as readers:
                for paths, batch in readers.read(self._tasks()):
                    self._keep(paths, batch.outcomes, batch.pieces)
                    self._progress(len(self.files) - len(self._given_out), total)
            self._kept.close_part()
        except KeyboardInterrupt:
            self._kept.close_part()
            done = len(self.files) - len(self._given_out)
            how = "the same command without --fresh goes on" if self._settings.fresh else "the same command goes on"
            raise Interrupted(f"stopped; {done} of {total} files are read and kept, {how}") from None
        self._progress(total, total)

    def _keep(self, paths: list[Path], outcomes: list[Outcome], pieces: Any) -> None:
        first = 0
        for path, outcome in zip(paths, outcomes, strict=True):
            order = self._given_out.pop(path)
            own = pieces.slice(first, first + outcome.pieces)
            first += outcome.pieces
            self._kept.add(order, self.files[order]["content"], outcome, own)
            self.fresh += 1

    def _tasks(self) -> Iterator[list[Path]]:
        """Batches of files with new content; every file is entered in `files` on the way."""
        first_of: dict[str, str] = {}
        batch: list[Path] = []
        batch_bytes = 0
        for order, name in enumerate(self._source.files):
            path = self._source.root / name
            content, size, error = self._content(path)
            file = {"path": name, "content": content, "error": error, "duplicate_of": first_of.get(content, "")}
            self.files.append(file)
            if error or file["duplicate_of"]:
                continue
            first_of[content] = name
            if content in self._kept:
                continue
            self._given_out[path] = order
            batch.append(path)
            batch_bytes += size
            if len(batch) == BATCH_FILES or batch_bytes > BATCH_BYTES or not content.startswith("midi/symusic:"):
                yield batch
                batch, batch_bytes = [], 0
        if batch:
            yield batch

    def _content(self, path: Path) -> tuple[str, int, str]:
        """(what stands for the pieces that the file will give, its size in bytes, why it cannot be opened)."""
        kind = suffixes()[path.suffix.lower()]
        if kind == "midi":
            kind = f"midi/{self._settings.read.parser}"
        digest = hashlib.sha256()
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe or a device would never end
                return "", 0, "not a regular file"
            with open(path, "rb", buffering=0) as file:
                while count := file.readinto(self._buffer):
                    digest.update(self._buffer[:count])
                return f"{kind}:{digest.hexdigest()}", file.tell(), ""
        except OSError as error:
            return "", 0, error.strerror or str(error)


def _write(folder: Path, source: Source, settings: _Settings, kept: Kept, files: list[dict[str, Any]]) -> None:
    records = files_table.records(files, kept)
    if not any(record["pieces"] for record in records):
        _remove_if_new(folder)
        raise BadCorpus(f"nothing readable in {_place(source)}: {files_table.failures(records)}")
    book = files_table.Table(
        records, kept.pieces([r["content"] for r in records if r["pieces"]]), settings.val_split, kept.reading
    )
    contents = [record["content"] for record in records if record["pieces"]]
    meta = {"fingerprint": book.fingerprint, "files": records}
    kept.write_all(folder / NOTES_FILE, contents, meta, {"is_validation": book.is_validation})
    book.write(folder, source, asdict(settings.read))
    kept.finish()


def _encoded(corpus: Corpus) -> tuple[dict[str, Any], str]:
    from musictool.dataset import encode_corpus

    try:
        return encode_corpus(corpus, ENCODING).summary, ""
    except BadCorpus as error:  # drums only, say: the corpus stands, and other encodings may take it
        return {}, str(error)


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Ctrl-C in the block becomes Interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"stopped; {what}") from None


def _check_owner(folder: Path, source: Source, fresh: bool) -> None:
    if fresh or not (folder / home.CORPUS_MARKER).is_file():
        return
    try:
        owner = Corpus(folder).info["source"]
    except BadCorpus:
        return
    same = owner["name"] == source.name if source.kind == "built-in" else owner["path"] == _place(source)
    if owner["kind"] != source.kind or not same:
        raise BadCorpus(
            f"{folder} was prepared from {owner['path']}; give this one another name with --name, "
            "or replace that one with --fresh"
        )


def _check_files(source: Source) -> None:
    if source.files:
        return
    others = ", ".join(f"{count} {suffix}" for suffix, count in Counter(source.others).most_common(8))
    raise BadCorpus(
        f"no music in {_place(source)}: found {others or 'no files'}; readable are {' '.join(sorted(suffixes()))}"
    )


def _remove_if_new(folder: Path) -> None:
    if not (folder / home.CORPUS_MARKER).exists():
        shutil.rmtree(folder, ignore_errors=True)


def _place(source: Source) -> str:
    return str(source.root / source.files[0]) if source.kind == "file" and source.files else str(source.root)
