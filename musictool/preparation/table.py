"""What became of the files of a corpus, and what the corpus holds: files.csv, corpus.json and the words about them."""

from __future__ import annotations

import csv
import hashlib
import importlib.metadata
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import musictool
from musictool import home
from musictool.atomic import replacing, write_json
from musictool.corpus.corpus import FILES_TABLE, FORMAT, Corpus, piece_ids, split
from musictool.errors import BadCorpus
from musictool.music.gm import program_name
from musictool.music.key import KEY_NAMES, NO_KEY
from musictool.preparation.cache import ReadCache
from musictool.preparation.metadata import LABEL, OWN_COLUMNS, Metadata
from musictool.preparation.new_files import HashedFile
from musictool.preparation.reading import DRUMS, FileRecord
from musictool.preparation.sources import Source

READERS = 3  # rises when a reader gives other notes: what was read before is read again
PARSING_PACKAGES = ("symusic", "music21", "pretty_midi")
MANY_KEYS = 4  # the key column of a collection names so many
MANY_VALUES = 12  # of a column of the metadata that corpus.json names


def reading_identity(read: str, key: bool) -> dict[str, Any]:
    """Whatever changes the pieces that a file gives: versions of what reads it, and whether keys are wanted."""
    versions = {package: _version(package) for package in PARSING_PACKAGES}
    return {"musictool": musictool.__version__, "readers": READERS, "read": read, "key": key, **versions}


def file_records(files: Sequence[HashedFile], cache: ReadCache, metadata: Metadata) -> list[FileRecord]:
    """What became of each file and what is known about it, in order."""
    records: dict[str, FileRecord] = {}
    for file in files:
        original = records.get(file.duplicate_of)
        if file.error:
            record = FileRecord("skipped", "cannot be opened", f"cannot be opened: {file.error}")
        elif original is None or original.status == "skipped":  # a copy of a bad file is bad for the same reason
            record = cache.record(file.content)
        else:
            record = FileRecord("duplicate", "duplicate", f"duplicate of {original.path}")
        about = metadata.about(file.path)
        records[file.path] = replace(record, path=file.path, content=file.content, about=about)
    return list(records.values())


def failures(records: Iterable[FileRecord]) -> str:
    """Why nothing could be read: "12 files (10 .mid, 2 .xml): 8 truncated, 4 not MIDI"."""
    records = list(records)
    kinds = Counter(Path(record.path).suffix.lower() for record in records)
    reasons = Counter(record.reason for record in records)
    tried = "1 file" if len(records) == 1 else f"{len(records)} files"
    example = f"; the first: {records[0].path}: {records[0].detail}"
    return f"tried {tried} ({_counted(kinds)}): {_counted(reasons)}{example}"


def sentence(info: dict[str, Any]) -> str:
    """The files of a corpus in a line, from its corpus.json."""
    files = info["files"]
    words = [f"read {files['read']:,}" + (f" ({files['salvaged']:,} salvaged)" if files["salvaged"] else "")]
    if files["skipped"]:
        words.append(f"skipped {files['skipped']:,}: {_counted(info['skipped'])}")
    if files["duplicate"]:
        words.append(f"{files['duplicate']:,} " + ("duplicate" if files["duplicate"] == 1 else "duplicates"))
    return ", ".join(words[:2]) + "".join(f"; {word}" for word in words[2:])


def dropped_columns(folder: Path, metadata: Metadata) -> str:
    """Which columns stand in files.csv and will not any more, as this run has another --metadata."""
    if not (folder / home.CORPUS_MARKER).is_file():
        return ""
    try:
        before = Corpus(folder).info.get("known", {})
    except BadCorpus:
        return ""
    dropped = [name for name in before if name not in (LABEL, *metadata.columns)]
    return f"no longer known: {', '.join(dropped)} (--metadata, given again, brings them back)" if dropped else ""


class Table:
    """The files and pieces of a corpus.

    Args:
        records: of all files, in order.
        pieces: PIECE (P,), of all pieces, in order.
        val_split: which part of them is kept for validation.
        reading: JSON-able; how they were read.
        columns: names of what is known about the files beside that.
        split_by: "piece" or "folder": what stays together.
    """

    def __init__(
        self,
        records: list[FileRecord],
        pieces: np.ndarray,
        val_split: float,
        reading: dict[str, Any],
        columns: Sequence[str] = (),
        split_by: str = "piece",
    ):
        self.records, self.pieces, self.reading = records, pieces, reading
        self.val_split, self.split_by = val_split, split_by
        self.columns = [LABEL, *columns]
        self.ids = piece_ids([(record.path, record.pieces) for record in records])
        self.is_validation = split(self.ids, val_split, by_folder=split_by == "folder")

    @cached_property
    def fingerprint(self) -> str:
        """64 hexadecimal digits; see Corpus.fingerprint."""
        digest = hashlib.sha256(json.dumps([FORMAT, self.reading], sort_keys=True).encode())
        contents = [record.content for record in self.records for _ in range(record.pieces)]
        for piece, content, is_held_out in zip(self.ids, contents, self.is_validation.tolist(), strict=True):
            digest.update(f"{piece}\0{content}\0{is_held_out:d}\n".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def write(self, folder: Path, source: Source, read: dict[str, Any]) -> None:
        """Put files.csv and corpus.json in their places."""
        with replacing(folder / FILES_TABLE) as partial:
            self._write_csv(partial)
        write_json(folder / home.CORPUS_MARKER, self._info(folder, source, read))

    def _write_csv(self, path: Path) -> None:
        keys, is_held_out = self.pieces["key"].tolist(), self.is_validation.tolist()
        with open(path, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow([*OWN_COLUMNS, *self.columns])
            first = 0
            for record in self.records:
                last = first + record.pieces
                about = [(record.about or {}).get(name, "") for name in self.columns]
                table.writerow([*_row(record, keys[first:last], is_held_out[first:last]), *about])
                first = last

    def _info(self, folder: Path, source: Source, read: dict[str, Any]) -> dict[str, Any]:
        status = Counter(record.status for record in self.records)
        skipped = Counter(record.reason for record in self.records if record.status == "skipped")
        validation = int(self.is_validation.sum())
        instruments = Counter(_instrument(p) for record in self.records for p in record.programs)
        keys = Counter(KEY_NAMES[key] for key in self.pieces["key"].tolist() if key != NO_KEY)
        path = source.root / source.files[0] if source.kind == "file" else source.root
        return {
            "format": FORMAT,
            "musictool": musictool.__version__,
            "name": folder.name,
            "description": source.description,
            "source": {
                "kind": source.kind,
                "name": source.name if source.kind == "built-in" else str(path),
                "path": str(path),
            },
            "licence": source.licence or "not known: the user's own files",
            "reading": read,
            "val_split": self.val_split,
            "split_by": self.split_by,
            "fingerprint": self.fingerprint,
            "files": {
                "found": len(self.records),
                "read": status["ok"] + status["salvaged"],
                "salvaged": status["salvaged"],
                "skipped": status["skipped"],
                "duplicate": status["duplicate"],
            },
            "skipped": dict(skipped.most_common()),
            "pieces": {"all": len(self.pieces), "train": len(self.pieces) - validation, "validation": validation},
            "notes": int(self.pieces["notes"].sum(dtype=np.int64)),
            "bars": sum(record.bars for record in self.records),
            "seconds": round(sum(record.seconds for record in self.records), 3),
            "instruments": dict(instruments.most_common()),  # in how many files each sounds
            "keys": dict(keys.most_common()),  # how many pieces stand in each
            "known": {
                name: _value_counts(self.records, name) for name in self.columns
            },  # in how many files each value stands
        }


def _row(record: FileRecord, keys: list[int], is_held_out: list[bool]) -> list[Any]:
    instruments = "; ".join(_instrument(program) for program in record.programs)
    counts = [record.pieces, record.notes, record.bars, f"{record.seconds:.3f}"]
    sha256 = record.content.partition(":")[2]
    return [record.path, record.status, record.detail, *counts, instruments, _keys(keys), _side(is_held_out), sha256]


def _keys(keys: list[int]) -> str:
    names = Counter(KEY_NAMES[key] for key in keys if key != NO_KEY)
    if len(keys) == 1:
        return "".join(names)
    shown = [f"{name} {count}" for name, count in names.most_common(MANY_KEYS)]
    return ", ".join(shown) + (", ..." if len(names) > MANY_KEYS else "")


def _side(is_held_out: list[bool]) -> str:
    if not is_held_out:
        return ""
    if all(is_held_out) or not any(is_held_out):
        return "validation" if is_held_out[0] else "train"
    return f"train {is_held_out.count(False)}, validation {is_held_out.count(True)}"


def _value_counts(records: list[FileRecord], column: str) -> dict[str, int] | str:
    """The values of one column of the metadata, and of how many files each is; a summary if all are different."""
    values = ((record.about or {}).get(column) for record in records)
    counts = Counter(value for value in values if value)
    if len(counts) > MANY_VALUES and len(counts) == counts.total():
        return f"{len(counts):,} different ones"
    named = dict(counts.most_common(MANY_VALUES))
    others = len(counts) - len(named)
    return named | ({f"{others:,} others": counts.total() - sum(named.values())} if others else {})


def _instrument(program: int) -> str:
    return program_name(0, is_drum=True) if program == DRUMS else program_name(program)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in Counter(counts).most_common())


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
