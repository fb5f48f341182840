"""Files and folders that appear whole or not at all: written beside their place under another name, then renamed."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from musictool.errors import Busy

WAIT_SECONDS = 0.2  # between two looks whether another process has ended


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; it takes the place of `path` when the block ends well, and is removed when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield partial
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """An empty folder to fill; it takes the place of the folder `path` when the block ends well.

    Only one process at a time may do this for one path; what a killed one left is swept away.
    """
    partial = path.with_name(f".{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
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
    with open(folder / ".lock", "w") as lock:
        with suppress(ImportError):
            import fcntl

            try:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Busy(f"another {what} is working on {folder}; {advice}") from None
        yield


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


def write_json(path: Path, values: Any) -> None:
    """JSON, readable by a person, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
