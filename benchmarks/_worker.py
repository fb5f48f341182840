"""Contenders in processes of their own: two libraries that share a process share its threads as well."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType


class Worker:
    """A process that says `ready`, and then one number for each line that it is sent (see `serve`).

    Args:
        command: that starts it, at once; entering waits until it is ready.
        threads: that each operation may use, whatever library computes it.
    """

    def __init__(self, command: Sequence[str], threads: int):
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, str(threads)), "TF_CPP_MIN_LOG_LEVEL": "3"}
        pipe = subprocess.PIPE
        self.command = command
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment)

    def __enter__(self) -> Worker:
        if self._line() != "ready":
            raise SystemExit(f"{' '.join(self.command)} did not start: {self.process.communicate()[1].strip()[-2000:]}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.process.communicate()

    def measure(self, what: str = "") -> float:
        print(what, file=self.process.stdin, flush=True)
        return float(self._line())

    def _line(self) -> str:
        return self.process.stdout.readline().strip() if self.process.stdout else ""


def serve(measures: Callable[[], float] | Mapping[str, Callable[[], float]]) -> None:
    """The worker's side: measure whenever it is asked to; where there are several things to measure, what is named."""
    known = measures if isinstance(measures, Mapping) else {"": measures}
    print("ready", flush=True)
    for line in sys.stdin:
        print(known[line.strip()](), flush=True)


def rate(work: Callable[[], object], amount: float, seconds: float = 2.0) -> Callable[[], float]:
    """Measures how much a second is done, where each call of `work` does `amount`; at least `seconds` long."""
    for _ in range(2):
        work()  # compiles, allocates

    def measure() -> float:
        begin, calls = time.perf_counter(), 0
        while (passed := time.perf_counter() - begin) < seconds:
            work()
            calls += 1
        return calls * amount / passed

    return measure


def has_torch(python: str) -> bool:
    """Whether this Python can import torch."""
    return subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 0
