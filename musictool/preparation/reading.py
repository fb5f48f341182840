"""Reading files: what came of each, in a process that may die of it.

`read_files` and `hash_files` run in a child process (musictool/workers/processes.py says why). Before each file the
child arms the kernel's timer, whose signal kills it wherever it hangs, and sets a mark, so that `read_safely`, on the
parent's side, knows which file was the culprit.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import signal
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from musictool.corpus.keys import keys_of
from musictool.corpus.packed import Packed, concatenate, pack
from musictool.errors import BadFile
from musictool.music.score import Score
from musictool.workers.processes import Died, Pool, mark

READ = "musictool.reading:read"
MEMORY_BYTES = 4 << 30  # address space of one process; a file that needs more is skipped
ORDINARY_BYTES = 64 << 10  # a larger file has more time
OUT_OF_MEMORY = 77  # exit status
HASH_BYTES = 1 << 18
DRUMS = -1  # stands for a drum track among programs


@dataclass(frozen=True)
class FileRecord:
    """What became of one file.

    Attributes:
        path: below the source; empty until all files are read, since a file is known by its content.
        content: the reader and the sha256 of the bytes; empty for a file that cannot be opened.
        status: "ok", "salvaged", "skipped" or "duplicate".
        reason: a few words that can be counted, such as "truncated"; empty for a sound file.
        detail: the whole message.
        pieces, notes, bars, seconds: sums over its pieces.
        programs: General MIDI programs that sound, ascending; DRUMS for drums.
        time_limit_seconds: the limit that it exceeded, of a file that timed out.
        about: what the metadata has about it; None until all files are read.
    """

    status: str
    reason: str = ""
    detail: str = ""
    pieces: int = 0
    notes: int = 0
    bars: int = 0
    seconds: float = 0.0
    programs: list[int] = field(default_factory=list)
    time_limit_seconds: float | None = None
    path: str = ""
    content: str = ""
    about: dict[str, str] | None = None

    def to_json(self) -> dict[str, Any]:
        """As notes.h5 and the parts of an unfinished corpus hold it; what is not known yet is left out."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        path, content, about = values.pop("path"), values.pop("content"), values.pop("about")
        if self.time_limit_seconds is None:
            del values["time_limit_seconds"]
        before = {"path": path} if path else {}
        return {**before, "content": content, **values} | ({} if about is None else {"about": about})

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> FileRecord:
        """The inverse of to_json."""
        return cls(**values)


@dataclass(frozen=True)
class FilesRead:
    """What came of some files: a record of each, and the pieces of all of them in order."""

    records: list[FileRecord]
    pieces: Packed


@dataclass(frozen=True)
class ReadSettings:
    """How files are read.

    Attributes:
        parser: which library parses MIDI.
        time_limit_seconds: how long one file of ordinary size may take.
        read: "module:function" with the signature of musictool.reading.read.
        key: whether to estimate the key of each piece.
    """

    parser: str = "symusic"
    time_limit_seconds: float = 60.0
    read: str = READ
    key: bool = True


def read_safely(settings: ReadSettings, pool: Pool, paths: Sequence[str]) -> FilesRead:
    """What came of some files, whatever they do to the child that reads them."""
    return _read_safely(settings, pool, paths, again=False)


def _read_safely(settings: ReadSettings, pool: Pool, paths: Sequence[str], again: bool) -> FilesRead:
    try:
        result: FilesRead = pool.call(f"{__name__}:read_files", paths, settings)
    except Died as died:
        at, death = died.marks - 1, died
    else:
        return result
    if at < 0 and again:
        raise RuntimeError(f"no reading process starts ({death}); see: python -c 'import {__name__}'")
    if at < 0:  # somebody ended it while it had nothing to do
        return _read_safely(settings, pool, paths, again=True)
    culprit = _death_record(death, allowed_seconds(paths[at], settings.time_limit_seconds))
    before, alone, behind = paths[:at], paths[at : at + 1], paths[at + 1 :]
    parts = [_read_safely(settings, pool, before, False)] if before else []
    if culprit.reason == "timed out" or again:
        parts.append(FilesRead([culprit], pack([])))
    else:  # what earlier files left behind may have been at fault
        parts.append(_read_safely(settings, pool, alone, True))
    parts += [_read_safely(settings, pool, behind, False)] if behind else []
    records = [record for part in parts for record in part.records]
    return FilesRead(records, concatenate(part.pieces for part in parts))


def hash_safely(pool: Pool, paths: Sequence[str]) -> list[tuple[str, int, str]]:
    """`hash_files` in a child."""
    answers: list[tuple[str, int, str]] = pool.call(f"{__name__}:hash_files", paths)
    return answers


# ---- in the child ----


def hash_files(paths: Iterable[str]) -> list[tuple[str, int, str]]:
    """(sha256, size in bytes, why it cannot be opened) of each file."""
    buffer = memoryview(bytearray(HASH_BYTES))
    return [_hashed(path, buffer) for path in paths]


def _hashed(path: str, buffer: memoryview) -> tuple[str, int, str]:
    digest = hashlib.sha256()
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe or a device would never end
            return "", 0, "not a regular file"
        with open(path, "rb", buffering=0) as file:
            while count := file.readinto(buffer):
                digest.update(buffer[:count])
            return digest.hexdigest(), file.tell(), ""
    except OSError as error:
        return "", 0, error.strerror or str(error)


def read_files(paths: Iterable[str], settings: ReadSettings) -> FilesRead:
    """Read files one after the other; the process dies of SIGALRM in one that takes longer than its limit."""
    _limit_memory()
    module, _, function = settings.read.partition(":")
    read = getattr(importlib.import_module(module), function)
    records, packed = [], [pack([])]
    for path in paths:
        mark()
        signal.setitimer(signal.ITIMER_REAL, allowed_seconds(path, settings.time_limit_seconds))
        try:
            reading = read(Path(path), settings.parser)
            pieces = pack(reading.scores)
            records.append(_record(reading.scores, reading.remark))
            packed.append(pieces)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        except BadFile as error:
            records.append(FileRecord("skipped", error.reason, str(error)))
        except Exception as error:  # the one place: whatever a reader does, it costs this file only
            records.append(FileRecord("skipped", "unreadable", f"unreadable: {type(error).__name__}: {error}"))
    pieces = concatenate(packed)
    if settings.key:
        pieces.pieces["key"] = keys_of(pieces)
    return FilesRead(records, pieces)


def allowed_seconds(path: str | Path, limit_seconds: float) -> float:
    """The time limit of this file: a collection of a thousand tunes may take longer than a song, up to ten times."""
    try:
        size = os.path.getsize(path)
    except OSError:
        return limit_seconds
    return limit_seconds * min(max(size / ORDINARY_BYTES, 1.0), 10.0)


def _record(scores: list[Score], remark: str) -> FileRecord:
    notes = sum(len(score.notes) for score in scores)
    if not notes:
        raise BadFile("no notes")
    sounding = (score.tracks[track] for score in scores for track in np.unique(score.notes["track"]).tolist())
    return FileRecord(
        status="salvaged" if remark else "ok",
        reason="salvaged" if remark else "",
        detail=remark,
        pieces=len(scores),
        notes=notes,
        bars=sum(score.bars for score in scores),
        seconds=round(sum(score.seconds for score in scores), 3),
        programs=sorted({DRUMS if track.is_drum else track.program for track in sounding}),
    )


def _death_record(died: Died, limit_seconds: float) -> FileRecord:
    if died.status == -signal.SIGALRM:
        return FileRecord("skipped", "timed out", f"timed out after {limit_seconds:.3g} s")
    if died.status == OUT_OF_MEMORY:
        return FileRecord("skipped", "out of memory", f"out of memory: needs more than {MEMORY_BYTES >> 30} GB")
    return FileRecord("skipped", "reader crashed", f"reader crashed: {died}")


@cache
def _limit_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))
