"""A reader for tests of what guards against readers: files that begin with a word in capitals do what it says."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

from musictool.errors import BadFile
from musictool.music.score import Score, Track
from musictool.reading import Reading

READ = "tests.preparation.wicked_reader:read"
READ_OTHERWISE = "tests.preparation.wicked_reader:read_otherwise"


def write(path: Path, word: str, *pitches: int) -> Path:
    """A file for `read`: `word` is one of its deeds or "PLAIN"; one note a pitch."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{word} {' '.join(map(str, pitches))}")
    return path


def read(path: Path, parser: str) -> Reading:
    """Do what the file says, then read its pitches as quarter notes; a "/" among them begins another piece."""
    log = os.environ.get("WICKED_LOG")
    if log:
        with open(log, "a") as file:
            file.write(f"{os.getpid()} {path.name}\n")
    word, _, text = path.read_text().partition(" ")
    _DEEDS[word](path)
    pieces = [[int(pitch) for pitch in piece.split()] for piece in text.split("/")]
    tracks = (Track(40, name="Größe"), Track(0, is_drum=True))
    scores = [Score.from_notes([(p, i, 1) for i, p in enumerate(piece)], tracks) for piece in pieces]
    return Reading(scores, "salvaged: so it says" if word == "MENDED" else "")


def read_otherwise(path: Path, parser: str) -> Reading:
    """The same under another name: for a corpus, another way of reading."""
    return read(path, parser)


def _hang_in_c(path: Path) -> None:
    ctypes.PyDLL(None).pause()  # holds the interpreter's lock, so that no Python thread could end it


def _crash(path: Path) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _crash_once(path: Path) -> None:
    mark = path.with_suffix(".crashed")
    if not mark.exists():
        mark.touch()
        os._exit(3)


def _refuse(path: Path) -> None:
    raise BadFile("truncated", "after 12 bytes")


def _fail(path: Path) -> None:
    raise KeyError("no such thing")


def _eat_memory(path: Path) -> None:
    bytearray(1 << 40)


def _print(path: Path) -> None:
    os.write(1, b"=noise on the standard output\n")


def _tell_modules(path: Path) -> None:
    raise BadFile(" ".join(name for name in ("tensorflow", "music21", "h5py") if name in sys.modules) or "none")


_DEEDS = {
    "PLAIN": lambda path: None,
    "MENDED": lambda path: None,
    "SLOW": lambda path: time.sleep(0.03),
    "HANG": lambda path: time.sleep(3600),
    "HANGINC": _hang_in_c,
    "CRASH": _crash,
    "CRASHONCE": _crash_once,
    "EXIT": lambda path: os._exit(0),
    "REFUSE": _refuse,
    "FAIL": _fail,
    "MEMORY": _eat_memory,
    "PRINT": _print,
    "MODULES": _tell_modules,
}
