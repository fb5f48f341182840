"""Who is told how a training run goes: a base class that passes nothing on, and imports nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Reporter:
    """What a run tells while it goes on; the command line draws its progress bar from it."""

    def encoding(self, done: int, total: int) -> None:
        """The corpus is being encoded; of `total` pieces `done` are."""

    def run_begins(self, run: Any, info: Mapping[str, Any], corpus: Any) -> None:
        """All is ready: a Run (musictool/training/run.py), what its model.json says, the Corpus."""

    def epoch_begins(self, epoch: int, step: int, steps: int) -> None:
        """An epoch (counted from 1) of `steps` steps, of which `step` are already done, begins."""

    def progress(self, step: int, loss: float, rows_per_second: float) -> None:
        """`step` steps of the epoch are done, with this mean loss so far."""

    def epoch_ends(self, row: dict[str, Any]) -> None:
        """An epoch is done and saved; `row` is its line of history.csv."""
