"""A source of music -> a corpus: read every file once, in parallel, and keep what it gave.

    list -> hash -> read what is new -> parts in .reading/ -> notes.h5, files.csv, corpus.json -> an encoding that suits

Results are kept in whatever order they come and put into the files' order at the end, so that the bytes depend on the
source and the settings alone: not on the number of workers, nor on runs that were interrupted on the way.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from musictool import home, options
from musictool.atomic import working_alone
from musictool.corpus.corpus import NOTES_FILE, Corpus
from musictool.corpus.suited import Suited, suited
from musictool.errors import BadCorpus
from musictool.preparation import sources
from musictool.preparation import table as files_table
from musictool.preparation.by_rule import write_by_rule
from musictool.preparation.cache import ReadCache
from musictool.preparation.metadata import Metadata
from musictool.preparation.new_files import HashedFile, Interrupted, NewFiles
from musictool.preparation.options import PrepareOptions
from musictool.preparation.reading import READ, ReadSettings
from musictool.preparation.sources import Source
from musictool.progress import Progress
from musictool.reading import suffixes
from musictool.workers.processes import LocalWorkers, Workers, cores

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """What `prepare` did.

    Attributes:
        corpus: open for reading; its `info` has the counts.
        fresh: how many files were read in this run, the others being known from earlier ones.
        suited: which encoding suits the corpus, and why.
        encoded: the summary of that encoding; empty where none was asked for, or none could be made.
        remark: why there is no encoding although one was asked for.
        metadata: for how many files the metadata has a row, and which columns an earlier run had beside; else empty.
    """

    corpus: Corpus
    fresh: int
    suited: Suited
    encoded: dict[str, Any]
    remark: str = ""
    metadata: str = ""

    @property
    def sentence(self) -> str:
        """Such as "read 371, skipped 3: 2 truncated, 1 no notes"."""
        return files_table.sentence(self.corpus.info)


def prepare(
    source: str | Path | Source | None = None,
    *,
    encode: bool = True,
    progress: Progress | None = None,
    read: str = READ,
    **given: Any,
) -> Prepared:
    """Read a source into corpora/NAME; what is there already and has not changed is not read again.

    Args:
        source: a folder (recursive), a file, the name of a built-in corpus, or what sources.find made of one of these;
            None is "bach".
        encode: also make the encoding that suits the corpus.
        progress: called with how many files are settled and how many there are; before that, of a collection that is
            written by rule, with how many are written.
        read: "module:function" that reads a file, with the signature of musictool.reading.read.
        given: fields of PrepareOptions (musictool/preparation/options.py).

    Raises:
        UnknownName, BadOption: a source or a setting that cannot be.
        BadCorpus: nothing readable in the source, or the name belongs to a corpus of another source.
        Interrupted: Ctrl-C.
    """
    chosen = options.build(PrepareOptions, given)
    settings = ReadSettings(chosen.parser, chosen.time_limit_seconds, read, chosen.key)
    source = source if isinstance(source, Source) else sources.find(source)
    metadata = Metadata(chosen.metadata)
    folder = home.corpora_folder() / home.check_name(source.name if chosen.name is None else chosen.name)
    _check_owner(folder, source, chosen.fresh)
    _check_files(source)
    if source.by_rule:
        write_by_rule(source, progress or (lambda done, total: None))
    messages = [metadata.sentence(source.files), files_table.dropped_columns(folder, metadata)]
    folder.mkdir(parents=True, exist_ok=True)
    with _workers(chosen) as workers:
        identity = files_table.reading_identity(read, chosen.key)
        with (
            working_alone(folder, "prepare"),
            ReadCache(folder, identity, chosen.time_limit_seconds, chosen.fresh) as cache,
        ):
            new = NewFiles(source, settings, cache, workers, progress or (lambda done, total: None))
            new.read()
            with _as_interrupted("all files are read and kept, the same command goes on"):
                _write(folder, source, settings, chosen, cache, new.files, metadata)
        corpus = Corpus(folder)
        with _as_interrupted(f"the corpus {corpus.name} is complete but for its encoding, which train will make"):
            suits = suited(corpus)
            summary, remark = _encode(corpus, suits, workers) if encode else ({}, "")
    return Prepared(corpus, new.fresh, suits, summary, remark, "; ".join(filter(None, messages)))


def _workers(chosen: PrepareOptions) -> Workers:
    if chosen.dask is None:
        return LocalWorkers(chosen.workers or cores())
    from musictool.workers.dask import ClusterWorkers

    return ClusterWorkers(chosen.dask)


def _write(
    folder: Path,
    source: Source,
    settings: ReadSettings,
    chosen: PrepareOptions,
    cache: ReadCache,
    files: list[HashedFile],
    metadata: Metadata,
) -> None:
    records = files_table.file_records(files, cache, metadata)
    if not any(record.pieces for record in records):
        _remove_if_new(folder)
        raise BadCorpus(f"nothing readable in {_place(source)}: {files_table.failures(records)}")
    contents = [record.content for record in records if record.pieces]
    pieces = cache.pieces(contents)
    table = files_table.Table(
        records, pieces, chosen.val_split, cache.reading, metadata.columns, split_by=chosen.split_by
    )
    fingerprint = np.frombuffer(table.fingerprint.encode(), np.uint8)
    flags = {"is_validation": table.is_validation, "fingerprint": fingerprint}
    meta = {"fingerprint": table.fingerprint, "files": [record.to_json() for record in records]}
    cache.write_all(folder / NOTES_FILE, contents, meta, flags)
    table.write(folder, source, asdict(settings))
    cache.finish()


def _encode(corpus: Corpus, suits: Suited, workers: Workers) -> tuple[dict[str, Any], str]:
    from musictool.dataset.encode import encode_corpus

    try:
        return encode_corpus(corpus, suits.encoding, suits.settings, workers=workers).summary, ""
    except BadCorpus as error:  # the corpus stands, and other encodings may take it
        return {}, str(error)


@contextlib.contextmanager
def _as_interrupted(what: str) -> Iterator[None]:
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
