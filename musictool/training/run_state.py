"""What a training run is and where it stands: plain data, and the files that it is written to."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from musictool.atomic import replacing


@dataclass
class State:
    """Where a run stands; kept as JSON in its checkpoint."""

    stage: int = 0
    epoch: int = 0  # epochs done
    step: int = 0  # steps done in the next epoch
    sums: list[float] = field(default_factory=list)  # of each measure and of rows, over those steps
    best: float = float("inf")
    waited: int = 0  # epochs since the best
    seconds: float = 0.0
    stage_began: float = 0.0  # how many of the seconds were over
    epoch_seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


def checkpoint_path(folder: Path) -> Path:
    """Where a model folder keeps what resuming needs."""
    return folder / "checkpoints" / "last.h5"


def write_history(path: Path, history: list[dict[str, Any]]) -> None:
    """history.csv: a row an epoch."""
    text = io.StringIO()
    names = dict.fromkeys(name for row in history for name in row)  # stages may measure different things
    writer = csv.DictWriter(text, fieldnames=list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    with replacing(path) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8")
