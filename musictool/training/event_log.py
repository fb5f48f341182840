"""The curves of a run for TensorBoard: tensorboard --logdir saved_models.

TensorBoardX, which writes them, is imported when a log is made: musictool installs and trains without it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from musictool.errors import BadOption

FOLDER = "logs"


class EventLog:
    """TensorBoard's event files in a folder. What an earlier run has left there is written anew.

    Args:
        folder: need not exist.
    """

    def __init__(self, folder: Path):
        shutil.rmtree(folder, ignore_errors=True)
        self._writer = _summary_writer()(str(folder), flush_secs=1)
        self._logged = 0

    def log(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Each number of the rows that are new is a point of a curve, called "stage/key"; its step is the epoch."""
        for row in history[self._logged :]:
            for key, value in row.items():
                if key not in ("stage", "epoch") and isinstance(value, int | float):
                    self._writer.add_scalar(f"{row['stage']}/{key}", value, row["epoch"])
        self._logged = len(history)

    def close(self) -> None:
        """Everything is in the file when this returns."""
        self._writer.close()


def check_event_log() -> None:
    """Raises BadOption if TensorBoardX is not installed."""
    _summary_writer()


def _summary_writer() -> Any:
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        raise BadOption(
            "--tensorboard needs TensorBoardX, which is not here; try: pip install 'musictool[tensorboard]'"
        ) from None
    return SummaryWriter
