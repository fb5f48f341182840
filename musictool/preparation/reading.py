"""What came of reading some files, and the process that reads them.

`serve` is the whole life of such a process; musictool/workers.py starts it and says why it is one of its own.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from musictool.errors import BadFile
from musictool.key import keys_of
from musictool.packed import Packed, concatenate, pack
from musictool.score import Score

READ = "musictool.readers._base:read"
MEMORY_BYTES = 4 << 30  # address space of one process; a file that needs more is skipped
ORDINARY_BYTES = 64 << 10  # a larger file has more time
OUT_OF_MEMORY = 77  # exit status
DRUMS = -1  # stands for a drum track among programs


@dataclass(frozen=True)
class Outcome:
    """What became of one file.

    Attributes:
        status: "ok", "salvaged" or "skipped".
        reason: a few words that can be counted, such as "truncated"; empty for a sound file.
        detail: the whole message.
        pieces, notes, bars, seconds: sums over its pieces.
        programs: General MIDI programs that sound, ascending; DRUMS for drums.
    """

    status: str
    reason: str = ""
    detail: str = ""
    pieces: int = 0
    notes: int = 0
    bars: int = 0
    seconds: float = 0.0
    programs: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Batch:
    """What came of some files: an Outcome each, and the pieces of all of them in order."""

    outcomes: list[Outcome]
    pieces: Packed


@dataclass(frozen=True)
class ReadSettings:
    """How files are read.

    Attributes:
        parser: which library parses MIDI.
        time_limit_seconds: how long one file of ordinary size may take.
        read: "module:function" with the signature of musictool.readers._base.read.
    """

    parser: str = "symusic"
    time_limit_seconds: float = 60.0
    read: str = READ


def serve(parser: str, time_limit_seconds: float, read: str) -> None:
    """Answer to the parent until it closes the pipe."""
    parent = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints must not get into the answers
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    _limit_memory()
    settings = ReadSettings(parser, time_limit_seconds, read)
    while True:
        try:
            paths = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        answer = pickle.dumps(read_files(paths, settings, lambda: parent.write(b".")), protocol=5)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _write_all(parent, b"=" + len(answer).to_bytes(8, "little") + answer)


def read_files(paths: Iterable[Path], settings: ReadSettings, before_each: Callable[[], object]) -> Batch:
    """Read files one after the other; the process dies of SIGALRM in one that takes longer than its limit."""
    module, _, function = settings.read.partition(":")
    read = getattr(importlib.import_module(module), function)
    outcomes, packed = [], [pack([])]
    for path in paths:
        before_each()
        signal.setitimer(signal.ITIMER_REAL, allowed_seconds(path, settings.time_limit_seconds))
        try:
            reading = read(path, settings.parser)
            pieces = pack(reading.scores)
            outcomes.append(_outcome(reading.scores, reading.remark))
            packed.append(pieces)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        except BadFile as error:
            outcomes.append(Outcome("skipped", error.reason, str(error)))
        except Exception as error:  # the one place: whatever a reader does, it costs this file only
            outcomes.append(Outcome("skipped", "unreadable", f"unreadable: {type(error).__name__}: {error}"))
    pieces = concatenate(packed)
    pieces.pieces["key"] = keys_of(pieces)
    return Batch(outcomes, pieces)


def allowed_seconds(path: Path, limit_seconds: float) -> float:
    """The time limit of this file: a collection of a thousand tunes may take longer than a song, up to ten times."""
    try:
        size = os.path.getsize(path)
    except OSError:
        return limit_seconds
    return limit_seconds * min(max(size / ORDINARY_BYTES, 1.0), 10.0)


def _outcome(scores: list[Score], remark: str) -> Outcome:
    notes = sum(len(score.notes) for score in scores)
    if not notes:
        raise BadFile("no notes")
    sounding = (score.tracks[track] for score in scores for track in np.unique(score.notes["track"]).tolist())
    return Outcome(
        status="salvaged" if remark else "ok",
        reason="salvaged" if remark else "",
        detail=remark,
        pieces=len(scores),
        notes=notes,
        bars=sum(score.bars for score in scores),
        seconds=round(sum(score.seconds for score in scores), 3),
        programs=sorted({DRUMS if track.is_drum else track.program for track in sounding}),
    )


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _write_all(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
