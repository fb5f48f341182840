"""What the benchmarks share: contenders in turns, medians, and a table for people."""

from __future__ import annotations

import datetime
import os
import platform
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Key = TypeVar("Key")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # all set to 1


def alternate(contenders: Mapping[Key, Callable[[], float]], rounds: int) -> dict[Key, float]:
    """The median of what each contender says in `rounds` rounds.

    All take their turn in every round, so that whatever else the machine does hits them alike.
    """
    measured: dict[Key, list[float]] = {name: [] for name in contenders}
    for number in range(1, rounds + 1):
        for name, measure in contenders.items():
            print(f"round {number} of {rounds}: {name} ...".ljust(100), end="\r", file=sys.stderr, flush=True)
            measured[name].append(measure())
    print(" " * 100, end="\r", file=sys.stderr, flush=True)
    return {name: statistics.median(values) for name, values in measured.items()}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown, every column after the first to the right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    rule = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]
    lines = []
    for row in (head, rule, *rows):
        first, *others = zip(row, widths, strict=True)
        cells = [first[0].ljust(first[1])] + [cell.rjust(width) for cell, width in others]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def goal(what: str, reached: float, least: float) -> str:
    """A line that says whether a ratio is what it has to be."""
    verdict = "met" if reached >= least else "NOT met"
    return f"goal {verdict}: {what}: {reached:,.3g} times, wanted at least {least:g}"


def machine() -> str:
    """Date, processor and load, for the line above a table."""
    load = f", load {os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else ""
    python = platform.python_version()
    return f"{datetime.date.today()}, {os.cpu_count()} cores ({platform.machine()}){load}, Python {python}"
