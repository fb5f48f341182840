"""A source of music -> a corpus: read every file once, in parallel, and keep what it gave.

    list -> hash -> read what is new -> parts in .reading/ -> notes.h5, files.csv, corpus.json -> note-chord encoding

Results are kept in whatever order they come and put into the files' order at the end, so that the bytes depend on the
source and the settings alone: not on the number of workers, nor on runs that were interrupted on the way.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from musictool import home
from musictool.atomic import working_alone
from musictool.corpus.corpus import NOTES_FILE, Corpus
from musictool.errors import BadCorpus, BadOption, UnknownName
from musictool.preparation import sources
from musictool.preparation import table as files_table
from musictool.preparation.cache import Kept
from musictool.preparation.metadata import Metadata
from musictool.preparation.new_files import Interrupted, NewFiles
from musictool.preparation.reading import READ, ReadSettings
from musictool.preparation.sources import Source
from musictool.progress import Progress
from musictool.reading import MIDI_PARSERS, suffixes
from musictool.workers.processes import LocalWorkers, Workers, cores

log = logging.getLogger(__name__)

ENCODING = "note-chord"


@dataclass(frozen=True)
class Prepared:
    """What `prepare` did.

    Attributes:
        corpus: open for reading; its `info` has the counts.
        fresh: how many files were read in this run, the others being known from earlier ones.
        encoded: the summary of the note-chord encoding; empty where none was asked for, or none could be made.
        remark: why there is no encoding although one was asked for.
        metadata: for how many files the metadata has a row, and which columns an earlier run had beside; else empty.
    """

    corpus: Corpus
    fresh: int
    encoded: dict[str, Any]
    remark: str = ""
    metadata: str = ""

    @property
    def sentence(self) -> str:
        """Such as "read 371, skipped 3: 2 truncated, 1 no notes"."""
        return files_table.sentence(self.corpus.info)


@dataclass(frozen=True)
class _Settings:
    val_split: float
    workers: int
    read: ReadSettings

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
    key: bool = True,
    dask: str | None = None,
    metadata: Sequence[str | Path] = (),
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
        read: "module:function" that reads a file, with the signature of musictool.reading.read.
        key: estimate the key of each piece.
        dask: the address of a Dask scheduler, whose workers do the work instead of processes here; they must see the
            files under the same paths.
        metadata: tables of what is known about the files (musictool/preparation/metadata.py).

    Raises:
        UnknownName, BadOption: a source or a setting that cannot be.
        BadCorpus: nothing readable in the source, or the name belongs to a corpus of another source.
        Interrupted: Ctrl-C.
    """
    settings = _Settings(
        val_split, cores() if workers is None else workers, ReadSettings(parser, time_limit_seconds, read, key)
    )
    found = source if isinstance(source, Source) else sources.find(source)
    known = Metadata([Path(path) for path in metadata])
    folder = home.corpora_folder() / home.check_name(found.name if name is None else name)
    _check_owner(folder, found, fresh)
    _check_files(found)
    told = [known.sentence(found.files), files_table.lost(folder, known)]
    folder.mkdir(parents=True, exist_ok=True)
    with _workers(settings.workers, dask) as hands:
        with (
            working_alone(folder, "prepare"),
            Kept(folder, files_table.reading(read, key), time_limit_seconds, fresh) as kept,
        ):
            new = NewFiles(found, settings.read, kept, hands, progress or (lambda done, total: None))
            new.read()
            with _told("all files are read and kept, the same command goes on"):
                _write(folder, found, settings, kept, new.files, known)
        corpus = Corpus(folder)
        with _told(f"the corpus {corpus.name} is complete but for its encoding, which train will make"):
            encoded, remark = _encoded(corpus, hands) if encode else ({}, "")
    return Prepared(corpus, new.fresh, encoded, remark, "; ".join(filter(None, told)))


def _workers(count: int, dask: str | None) -> Workers:
    if dask is None:
        return LocalWorkers(count)
    from musictool.workers.dask import ClusterWorkers

    return ClusterWorkers(dask)


def _write(
    folder: Path, source: Source, settings: _Settings, kept: Kept, files: list[dict[str, Any]], metadata: Metadata
) -> None:
    records = files_table.records(files, kept, metadata)
    if not any(record["pieces"] for record in records):
        _remove_if_new(folder)
        raise BadCorpus(f"nothing readable in {_place(source)}: {files_table.failures(records)}")
    contents = [record["content"] for record in records if record["pieces"]]
    book = files_table.Table(records, kept.pieces(contents), settings.val_split, kept.reading, metadata.columns)
    fingerprint = np.frombuffer(book.fingerprint.encode(), np.uint8)
    flags = {"is_validation": book.is_validation, "fingerprint": fingerprint}
    kept.write_all(folder / NOTES_FILE, contents, {"fingerprint": book.fingerprint, "files": records}, flags)
    book.write(folder, source, asdict(settings.read))
    kept.finish()


def _encoded(corpus: Corpus, workers: Workers) -> tuple[dict[str, Any], str]:
    from musictool.dataset.encode import encode_corpus

    try:
        return encode_corpus(corpus, ENCODING, workers=workers).summary, ""
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
