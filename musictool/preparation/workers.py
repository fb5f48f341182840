"""Reading many files in processes that may hang or crash without harm.

A reader meets files that nobody has seen. One that loops for ever inside C, eats all memory or kills its process must
cost its own file and nothing else. So files are read by child processes: a plain `python -c`, started fresh and spoken
to through its pipes. It shares no threads, no locks and no `__main__` with its parent (a parent that has imported
TensorFlow cannot be forked safely, and a script without a main guard cannot be imported twice). Before each file the
child arms the kernel's timer, whose signal kills it wherever it hangs, and writes a mark, so that the parent knows
which file was the guilty one. When the parent dies, its pipe ends and so do the children.

    parent -> child   a pickled list of paths
    child -> parent   "." before each file, "=" and a pickled Batch behind the last
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from musictool.packed import concatenate, pack
from musictool.preparation.reading import MEMORY_BYTES, OUT_OF_MEMORY, Batch, Outcome, ReadSettings, allowed_seconds

WAITING_BATCHES = 32  # tasks handed out at a time beyond one for each child

_START = (
    "import sys, json, signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "sys.path[:] = json.loads(sys.argv[1]); from musictool.preparation.reading import serve; "
    "serve(*json.loads(sys.argv[2]))"
)


class _Died(Exception):
    """The child is gone.

    Attributes:
        position: which of the files it was reading.
        status: as subprocess has it, negative for a signal.
    """

    def __init__(self, position: int, status: int):
        self.position, self.status = position, status


class _Child:
    def __init__(self, settings: ReadSettings):
        arguments = (json.dumps(sys.path), json.dumps((settings.parser, settings.time_limit_seconds, settings.read)))
        # one thread a child, and the same order in every set that a reader iterates over
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # Ctrl-C is the parent's to answer
        )

    def read(self, paths: list[Path]) -> Batch:
        """Raises _Died."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        position = -1
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(pickle.dumps(paths))
            process.stdin.flush()
        while (mark := process.stdout.read(1)) == b".":
            position += 1
        answer = process.stdout.read(int.from_bytes(process.stdout.read(8), "little")) if mark else b""
        try:
            batch: Batch = pickle.loads(answer)
        except (EOFError, pickle.UnpicklingError):
            raise _Died(position, process.wait()) from None
        return batch

    def kill(self) -> None:
        """End it and wait for its end."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # what was not yet sent never will be
                pipe.close()  # type: ignore[union-attr]


class Readers:
    """Child processes that read; a context manager. Children start when there is work for them.

    Args:
        workers: at most so many at a time.
    """

    def __init__(self, settings: ReadSettings, workers: int):
        self._settings = settings
        self._threads = ThreadPoolExecutor(workers, "musictool-reading")
        self._waiting = workers + WAITING_BATCHES
        self._idle: queue.SimpleQueue[_Child] = queue.SimpleQueue()
        self._children: list[_Child] = []
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Readers:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._closed = True
        for child in list(self._children):
            child.kill()
        self._threads.shutdown(cancel_futures=True)

    def read(self, tasks: Iterable[list[Path]]) -> Iterator[tuple[list[Path], Batch]]:
        """Each task and what came of it, in the order in which they are done."""
        running: dict[Future[Batch], list[Path]] = {}
        for task in tasks:
            running[self._threads.submit(self._read, task)] = task
            done = [future for future in running if future.done()]
            if len(running) >= self._waiting and not done:
                done = list(wait(running, return_when=FIRST_COMPLETED).done)
            for future in done:
                yield running.pop(future), future.result()
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()

    def _read(self, paths: list[Path], again: bool = False) -> Batch:
        try:
            return self._try(paths)
        except _Died as died:
            at, status = died.position, died.status
        if at < 0 and again:
            raise RuntimeError(
                f"no reading process starts, status {status}; see: python -c 'import musictool.preparation.reading'"
            )
        if at < 0:  # somebody ended it while it had nothing to do
            return self._read(paths, again=True)
        guilty = _reason(status, allowed_seconds(paths[at], self._settings.time_limit_seconds))
        before, own, behind = paths[:at], paths[at : at + 1], paths[at + 1 :]
        parts = [self._read(before)] if before else []
        if guilty.reason == "timed out" or again:
            parts.append(Batch([guilty], pack([])))
        else:  # what earlier files left behind may have been at fault
            parts.append(self._read(own, again=True))
        parts += [self._read(behind)] if behind else []
        outcomes = [outcome for part in parts for outcome in part.outcomes]
        return Batch(outcomes, concatenate(part.pieces for part in parts))

    def _try(self, paths: list[Path]) -> Batch:
        try:
            child = self._idle.get_nowait()
        except queue.Empty:
            child = self._new_child()
        try:
            batch = child.read(paths)
        except _Died:
            self._children.remove(child)
            child.kill()
            raise
        self._idle.put(child)
        return batch

    def _new_child(self) -> _Child:
        with self._lock:
            if self._closed:
                raise RuntimeError("reading was stopped")
            self._children.append(_Child(self._settings))
            return self._children[-1]


def _reason(status: int, limit_seconds: float) -> Outcome:
    if status == -signal.SIGALRM:
        return Outcome("skipped", "timed out", f"timed out after {limit_seconds:.3g} s")
    if status == OUT_OF_MEMORY:
        return Outcome("skipped", "out of memory", f"out of memory: needs more than {MEMORY_BYTES >> 30} GB")
    how = signal.Signals(-status).name if status < 0 else f"status {status}"
    return Outcome("skipped", "reader crashed", f"reader crashed: {how}")
