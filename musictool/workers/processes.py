"""Functions called in other processes, which may hang or crash without harm.

A reader meets files that nobody has seen. One that loops for ever inside C, eats all memory or kills its process must
cost its own file and nothing else. So the work on music is done by child processes: a plain `python -c`, started fresh
and spoken to through its pipes. It shares no threads, no locks and no `__main__` with its parent (a parent that has
imported TensorFlow cannot be forked safely, and a script without a main guard cannot be imported twice). Where a
function does several things it marks each before it begins, in a few bytes of memory that both can see, so that the
parent of a child that died knows which one was at fault. When the parent dies, its pipe ends and so do the children.

    parent -> child   a pickled ("module:function", arguments)
    child -> parent   the length and the bytes of the pickled answer

A *job* is a function of a Pool and a task: what the parent does to get one task done, calling functions in children as
often as it likes. Jobs run in threads of this process, or on other machines (musictool/workers/dask.py).
"""

from __future__ import annotations

import contextlib
import importlib
import json
import mmap
import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, BinaryIO, TypeVar

Task = TypeVar("Task")
Answer = TypeVar("Answer")

MARK_BYTES = LENGTH_BYTES = 8
SWITCH_SECONDS = 0.0005  # while children wait for answers to be fetched, no thread may keep the others for long
WAITING_TASKS = 32  # handed out at a time beyond one for each child

_START = (
    "import sys, json, signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "sys.path[:] = json.loads(sys.argv[1]); from musictool.workers.processes import serve; serve(int(sys.argv[2]))"
)


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Died(Exception):
    """The child is gone.

    Attributes:
        marks: how many it had set in its last call.
        status: as subprocess has it, negative for a signal.
    """

    def __init__(self, marks: int, status: int):
        super().__init__(marks, status)
        self.marks, self.status = marks, status

    def __str__(self) -> str:
        return signal.Signals(-self.status).name if self.status < 0 else f"status {self.status}"


class Pool:
    """Child processes, started when there is work for them."""

    def __init__(self) -> None:
        self._idle: queue.SimpleQueue[_Child] = queue.SimpleQueue()
        self._children: list[_Child] = []
        self._lock = threading.Lock()
        self._closed = False

    def call(self, function: str, *arguments: Any) -> Any:
        """What "module:function" returns in a child for these arguments; any thread may call.

        Raises:
            Died: the child did, and is replaced for the next call.
            Exception: whatever the function raised.
        """
        try:
            child = self._idle.get_nowait()
        except queue.Empty:
            child = self._new_child()
        try:
            done, answer = child.call(function, arguments)
        except Died:
            self._children.remove(child)
            child.kill()
            raise
        self._idle.put(child)
        if not done:
            raise answer
        return answer

    def close(self) -> None:
        """End all children, whatever they are doing."""
        with self._lock:
            self._closed = True
        for child in list(self._children):
            child.kill()

    def _new_child(self) -> _Child:
        with self._lock:
            if self._closed:
                raise RuntimeError("the work was stopped")
            self._children.append(_Child())
            return self._children[-1]


class Workers(ABC):
    """Whoever does jobs, here or on other machines; a context manager.

    Args:
        waiting: tasks handed out at a time; of those that are done, no more wait to be fetched.
    """

    def __init__(self, waiting: int):
        self._waiting = waiting

    @abstractmethod
    def __enter__(self) -> Workers:
        """Ready for jobs."""

    @abstractmethod
    def __exit__(self, *_: object) -> None:
        """No jobs any more, and whatever is running ends."""

    @abstractmethod
    def submit(self, job: Callable[[Pool, Task], Answer], task: Task) -> Future[Answer]:
        """Begin one job."""

    def map(
        self, job: Callable[[Pool, Task], Answer], tasks: Iterable[Task], *, ordered: bool = False
    ) -> Iterator[tuple[Task, Answer]]:
        """Each task and what came of it, in the order in which they are done, or in the order of the tasks."""
        running: dict[Future[Answer], Task] = {}
        for task in tasks:
            running[self.submit(job, task)] = task
            yield from self._done(running, ordered, self._waiting)
        while running:
            yield from self._done(running, ordered, 1)

    def _done(self, running: dict[Future[Answer], Task], ordered: bool, most: int) -> Iterator[tuple[Task, Answer]]:
        """Whatever is done, until fewer than `most` are running."""
        while running:
            first = next(iter(running))
            if ordered:
                done = [first] if first.done() or len(running) >= most else []
            else:
                done = [future for future in running if future.done()]
                if not done and len(running) >= most:
                    done = list(wait(running, return_when=FIRST_COMPLETED).done)
            if not done:
                return
            for future in done:
                yield running.pop(future), future.result()


class LocalWorkers(Workers):
    """Jobs in threads of this process, each with a child of its own.

    Args:
        count: at most so many at a time.
    """

    def __init__(self, count: int):
        super().__init__(count + WAITING_TASKS)
        self.pool = Pool()
        self._threads = ThreadPoolExecutor(count, "musictool-worker")

    def __enter__(self) -> LocalWorkers:
        self._switch_seconds = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setswitchinterval(self._switch_seconds)
        self.pool.close()
        self._threads.shutdown(cancel_futures=True)

    def submit(self, job: Callable[[Pool, Task], Answer], task: Task) -> Future[Answer]:
        """Begin one job."""
        return self._threads.submit(job, self.pool, task)


class _Child:
    def __init__(self) -> None:
        # one thread per child, and the same order in every set that a function iterates over
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
        with tempfile.TemporaryFile() as shared:
            shared.truncate(MARK_BYTES)
            self._marks = mmap.mmap(shared.fileno(), MARK_BYTES)
            self._process = self._start(shared.fileno(), environment)

    def _start(self, shared: int, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", _START, json.dumps(sys.path), str(shared)],
            pass_fds=[shared],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # Ctrl-C is the parent's to answer
        )

    def call(self, function: str, arguments: tuple[Any, ...]) -> tuple[bool, Any]:
        """(True, what it returned) or (False, what it raised). Raises Died."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        self._marks[:] = bytes(MARK_BYTES)
        with contextlib.suppress(BrokenPipeError):
            pickle.dump((function, arguments), process.stdin, protocol=5)
            process.stdin.flush()
        answer = process.stdout.read(int.from_bytes(process.stdout.read(LENGTH_BYTES), "little"))
        try:
            done, value = pickle.loads(answer)
        except (EOFError, pickle.UnpicklingError):
            raise Died(int.from_bytes(self._marks[:], "little"), process.wait()) from None
        return done, value

    def kill(self) -> None:
        """End it and wait for its end."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # what was not yet sent never will be
                pipe.close()  # type: ignore[union-attr]
        self._marks.close()


# ---- in the child ----

_marks: mmap.mmap | None = None


def mark() -> None:
    """Tell the parent that something new begins; does nothing where there is no parent."""
    if _marks is not None:
        _marks[:] = (int.from_bytes(_marks[:], "little") + 1).to_bytes(MARK_BYTES, "little")


def serve(shared: int) -> None:
    """Answer to the parent until it closes the pipe; `shared` is the descriptor of the memory for marks."""
    global _marks
    _marks = mmap.mmap(shared, MARK_BYTES)
    parent = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints must not get into the answers
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    while True:
        try:
            name, arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            module, _, function = name.partition(":")
            answer = True, getattr(importlib.import_module(module), function)(*arguments)
        except Exception as error:  # the parent's to answer
            answer = False, error
        data = pickle.dumps(answer, protocol=5)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _write_all(parent, len(data).to_bytes(LENGTH_BYTES, "little") + data)


def _write_all(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
