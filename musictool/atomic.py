"""Files and folders that appear whole or not at all: written beside their place under another name, then renamed."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from musictool.errors import Busy, MusictoolError

WAIT_SECONDS = 0.2  # between two looks whether another process has ended
_before_replacing: list[Callable[[Path, Path], object]] = []
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no room on the disk, none left of a quota, a file that is too large


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; it takes the place of `path` when the block ends well, and is removed when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    with suppress(FileNotFoundError):
        os.unlink(partial)  # it may be a link, which is never written through
    try:
        with naming_when_full(path, partial):
            yield partial
            for callback in _before_replacing:
                callback(path, partial)
            os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def before_replacing(callback: Callable[[Path, Path], object]) -> Iterator[None]:
    """In the block `callback` is called with each path that `replacing` fills, and the file that takes its place."""
    _before_replacing.append(callback)
    try:
        yield
    finally:
        _before_replacing.remove(callback)


@contextmanager
def naming_when_full(path: Path, partial: Path | None = None) -> Iterator[None]:
    """Raise what a full disk brings about in the block, which writes `path`, as an OSError that names the file and says
    how much of it there was already, in `partial`.

    HDF5 says so within a long text, and of an error of its own when the file is closed.
    """
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        number = next((number for number in _FULL if _has_errno(error, number)), None)
        if number is None:
            raise
        needed = error.needed_bytes if isinstance(error, DiskFull) else _size(partial)
        raise DiskFull(path, needed, number) from None


class DiskFull(OSError):
    """There is no room for a file of over so many bytes; 0 if it is not known how many."""

    def __init__(self, path: Path, needed_bytes: int, number: int = errno.ENOSPC):
        free = shutil.disk_usage(path.parent).free
        needed = f"over {in_bytes(needed_bytes)} are wanted, " if needed_bytes else ""
        super().__init__(number, f"{os.strerror(number)} ({needed}{in_bytes(free)} are free)", str(path))
        self.needed_bytes = needed_bytes


def check_room(path: Path, needed_bytes: int) -> None:
    """Raises DiskFull, before anything is written, if there is no room for so many bytes beside `path`."""
    if shutil.disk_usage(path.parent).free < needed_bytes:
        raise DiskFull(path, needed_bytes)


def in_bytes(count: int) -> str:
    """A number of bytes to read: 512 bytes, 3.2 kB, 1.5 GB."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count} bytes"


def _size(path: Path | None) -> int:
    """Bytes that a file takes, or the files in a folder; 0 for none."""
    try:
        if path is not None and path.is_dir():
            return sum(map(_size, path.iterdir()))
        return 0 if path is None else path.stat().st_size
    except OSError:
        return 0


def _has_errno(error: BaseException, number: int) -> bool:
    """Whether an error, or one that it came of, is that of the system with this number."""
    before: BaseException | None = error
    while before is not None:
        if getattr(before, "errno", None) == number or os.strerror(number) in str(before):
            return True
        before = before.__context__
    return False


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """An empty folder to fill; it takes the place of the folder `path` when the block ends well.

    Only one process at a time may do this for one path; what a killed one left is swept away.
    """
    partial = path.with_name(f".{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        with naming_when_full(path, partial):
            yield partial
        shutil.rmtree(path, ignore_errors=True)
        os.replace(partial, path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


@contextmanager
def working_alone(folder: Path, what: str, advice: str = "wait for it, or use another --name") -> Iterator[None]:
    """No other process of ours works in `folder` meanwhile. Raises Busy if one does, with advice what to do.

    The system takes the lock from a process that ends, however it ends; the file that stays says nothing. Where it has
    no such locks (Windows), nothing is checked.
    """
    with _open_lock(folder / ".lock") as lock:
        with suppress(ImportError):
            import fcntl

            try:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Busy(f"another {what} is working on {folder}; {advice}") from None
        yield


def _open_lock(path: Path) -> Any:
    """The lock file, open for writing; made if there is none. Raises MusictoolError for a link or a pipe."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        lock = os.fdopen(os.open(path, flags, 0o666), "r+b", buffering=0)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise MusictoolError(f"{path} is a link and no lock of ours; remove it") from None
    if not stat.S_ISREG(os.fstat(lock.fileno()).st_mode):
        lock.close()
        raise MusictoolError(f"{path} is no regular file and no lock of ours; remove it")
    return lock


@contextmanager
def waiting_turn(folder: Path, on_wait: Callable[[], object]) -> Iterator[None]:
    """As working_alone, but waits for as long as another process of ours works in `folder`.

    Args:
        on_wait: called once, before waiting.
    """
    waited = False
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(working_alone(folder, ""))
                break
            except Busy:
                if not waited:
                    on_wait()
                waited = True
                time.sleep(WAIT_SECONDS)
        yield


@contextmanager
def temporary_path(path: Path) -> Iterator[Path]:
    """A path of the same name in a hidden folder beside `path`, for a file that is then moved; removed with the folder
    at the end of the block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.stem}.", suffix=".partial") as folder:
        yield Path(folder) / path.name


def write_json(path: Path, values: Any) -> None:
    """JSON, readable by a person, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(json_text(values), encoding="utf-8")


def json_text(values: Any) -> str:
    """JSON as write_json writes it."""
    return json.dumps(values, indent=1) + "\n"
