"""The process that writes music, from the inside: one job (jobs.py) after another, as worker.py asks for them.

A thread reads what comes in while a job runs, so that the job learns that it is cancelled, and the process ends when
its parent does.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from musictool.errors import MusictoolError
from musictool.web.jobs import JOBS


class Cancelled(Exception):
    """Nobody listens to the job any more."""


class JobQueue:
    """What was asked for, read in a thread of its own."""

    def __init__(self, lines: Iterator[str]):
        self._waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while True:
            yield self._waiting.get()

    def check(self, number: int) -> None:
        """Raises Cancelled if nobody listens to a job any more."""
        if number in self._cancelled:
            raise Cancelled

    def _read(self, lines: Iterator[str]) -> None:
        for line in lines:
            message = json.loads(line)
            if "cancel" not in message:
                self._waiting.put(message)
            else:
                self._cancelled.add(message["cancel"])
        os._exit(0)  # the parent is gone


def main() -> None:
    """Answer to the parent until it is gone."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what a library prints must not get among the answers
    requests = JobQueue(iter(sys.stdin.readline, ""))
    for job in requests:
        number = job.pop("id")
        answer = partial(_answer, answers, number)

        def report(
            what: str, share: float | None = None, number: int = number, answer: Any = answer, **more: Any
        ) -> None:
            requests.check(number)
            answer("working", what=what, share=share, **more)

        try:
            requests.check(number)
            done = JOBS[job.pop("job")](report, **job)
            answer("done", **done, resident_bytes=resident_bytes())
        except Cancelled:
            answer("cancelled")
        except MusictoolError as error:
            answer("failed", message=str(error))
        except Exception as error:  # whatever it is, it costs this job only
            answer("failed", message=f"the process that writes the music failed: {type(error).__name__}: {error}")


def _answer(file: Any, number: int, event: str, /, **values: Any) -> None:
    file.write(json.dumps({"id": number, "event": event, **values}) + "\n")


def resident_bytes() -> int:
    """Memory that this process holds; 0 where the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0
