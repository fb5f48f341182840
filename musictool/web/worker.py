"""The process that writes music, as the page's process sees it: jobs go in, events come out, and it may be killed.

    page -> child   a line of JSON: {"id": 7, "job": "write", ...}, or {"cancel": 7}
    child -> page   lines of JSON: {"id": 7, "event": "working", "what": "writing", "share": 0.4}, and at last one of
                    {"id": 7, "event": "done", ...}, {"id": 7, "event": "failed", "message": ...}, "cancelled"

The child is musictool/web/child.py, and what it does with jobs is jobs.py. A job whose listener leaves is cancelled; a
child that does not obey within GRACE_SECONDS, takes too long, dies or grows too large is replaced by a fresh one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from musictool import home
from musictool.errors import Busy, MusictoolError

GRACE_SECONDS = 15.0  # in which a child has noticed that its job is cancelled; loading a library may take as long
JOB_SECONDS = 180.0
TRAINING_JOB = "fine-tune"
PLACES = 3  # jobs at a time: one at work, the others waiting
LINE_BYTES = 4 << 20
MOST_RESIDENT_BYTES = 3 << 30  # a child that has grown so large is replaced once its job is done

START = (
    "import sys, json, signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "sys.path[:] = json.loads(sys.argv[1]); from musictool.web.child import main; main()"
)

Event = dict[str, Any]


class Worker:
    """One child process, started when there is work for it.

    Args:
        folder: its working directory: nothing that a visitor names lies there.
        program: what it runs; `python -c START` unless a test gives another.
    """

    def __init__(self, folder: Path, program: Sequence[str] = ()):
        self._folder = folder
        self._program = program or (sys.executable, "-c", START, json.dumps(sys.path))
        self._numbers = itertools.count(1)
        self._process: asyncio.subprocess.Process | None = None
        self._ending: asyncio.Task[None] | None = None  # of a job that was cancelled

    @property
    def pid(self) -> int | None:
        """The process id of the child; None while there is none."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def run(self, job: str, limit_seconds: float = JOB_SECONDS, **values: Any) -> AsyncGenerator[Event, None]:
        """The events of one job, the last of which is "done". One job at a time.

        Raises:
            MusictoolError: the job failed, with the reason; took too long; or the child died.
        """
        if self._ending is not None:
            await self._ending
        number, process = next(self._numbers), await self._running()
        _send(process, {"id": number, "job": job, **values})
        is_over = False
        try:
            deadline = asyncio.get_running_loop().time() + limit_seconds
            while not is_over:
                event = await self._next(process, number, deadline)
                is_over = event["event"] in ("done", "failed", "cancelled")
                if event["event"] == "failed":
                    raise MusictoolError(event["message"])
                yield event
            if event.get("resident_bytes", 0) > MOST_RESIDENT_BYTES:
                await self.stop()
        except TimeoutError:
            raise MusictoolError(f"this took more than {limit_seconds:.0f} s and was ended; ask for less") from None
        finally:
            if not is_over and process.returncode is None:
                self._ending = asyncio.create_task(self._cancel(process, number))

    async def stop(self) -> None:
        """End the child, whatever it is doing."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def stop_when_idle(self) -> None:
        """End the child as soon as the job that it may still be ending has ended."""

        async def stop(ending: asyncio.Task[None] | None) -> None:
            if ending is not None:
                await ending
            await self.stop()

        self._ending = asyncio.create_task(stop(self._ending))

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            environment = {
                **os.environ,
                home.HOME_VARIABLE: str(home.home().resolve()),
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "PYTHONHASHSEED": "0",
            }
            self._process = await asyncio.create_subprocess_exec(
                *self._program,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd=self._folder,
                env=environment,
                limit=LINE_BYTES,
                start_new_session=True,  # Ctrl-C is the page's to answer
            )
        return self._process

    async def _next(self, process: asyncio.subprocess.Process, number: int, deadline: float) -> Event:
        """The next event of a job. Raises MusictoolError if the child died, TimeoutError after the deadline."""
        assert process.stdout is not None
        while True:
            left = deadline - asyncio.get_running_loop().time()
            try:
                line = await asyncio.wait_for(process.stdout.readline(), max(0.0, left))
            except asyncio.TimeoutError:  # another class than TimeoutError before Python 3.11
                raise TimeoutError from None
            if not line:
                await process.wait()
                raise MusictoolError("the process that writes the music has died; it is started again, so ask again")
            event: Event = json.loads(line)
            if event["id"] == number:
                return event

    async def _cancel(self, process: asyncio.subprocess.Process, number: int) -> None:
        """Wait for the end of a cancelled job, but not for long."""
        _send(process, {"cancel": number})
        try:
            deadline = asyncio.get_running_loop().time() + GRACE_SECONDS
            while (await self._next(process, number, deadline))["event"] not in ("done", "failed", "cancelled"):
                pass
        except (TimeoutError, MusictoolError):
            await self.stop()


def _send(process: asyncio.subprocess.Process, message: dict[str, Any]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(ConnectionError):  # that it is dead shows when it is read from
        process.stdin.write(json.dumps(message).encode() + b"\n")


class Queue:
    """Whose turn it is: jobs one after another in the order in which they came, PLACES at a time."""

    def __init__(self, places: int = PLACES):
        self._places = places
        self._taken = 0
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[int]:
        """A place in the queue: how many jobs are before it. Raises Busy if all are taken."""
        if self._taken >= self._places:
            raise Busy("others are before you; the page asks again by itself")
        self._taken += 1
        try:
            yield self._taken - 1
        finally:
            self._taken -= 1

    def turn(self) -> asyncio.Lock:
        """What is held while a job runs."""
        return self._turn
