"""What a training run leaves in its model folder after each epoch: weights, history.csv, music, curves."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from musictool.arch import Arch, Stage
from musictool.errors import MusictoolError
from musictool.generation.request import Request
from musictool.generation.sample import sample
from musictool.models import model
from musictool.models.model import Model
from musictool.training import event_log
from musictool.training.event_log import EventLog
from musictool.training.options import RunSettings
from musictool.training.run_state import State, write_history
from musictool.writing import write

log = logging.getLogger(__name__)

SAMPLE_LENGTH = 200  # rows of the music written after each epoch


class Results:
    """The results of one run.

    Args:
        folder: a model folder.
        arch: what is trained.
        settings: of the run.
    """

    def __init__(self, folder: Path, arch: Arch, settings: RunSettings):
        self.folder = folder
        self.arch = arch
        self.settings = settings
        self._events: EventLog | None = None

    def keep_weights(self, stage: Stage, epoch: int, validation: dict[str, float]) -> None:
        """Save the stage's network as the best so far, after this epoch (counted from 1)."""
        judged: dict[str, Any] = {f"val_{name}": validation.get(name) for name in stage.selection_metrics}
        if stage.counting:
            judged["parameters"] = stage.network.count_params()  # none were there before it counted
        model.save_weights(self.folder, stage, {"best_epoch": epoch, **judged})

    def write(self, state: State) -> None:
        """History, curves, and music by the network as it is now, not as it was at its best; none before all stages
        of the arch have been begun."""
        if not state.epoch:
            return
        write_history(self.folder / "history.csv", state.history)
        if self.settings.tensorboard:
            self._events = self._events or EventLog(self.folder / event_log.FOLDER)
            self._events.log(state.history)
        path = self.folder / "samples" / f"epoch-{state.epoch:03d}.mid"
        is_last = state.stage == len(self.arch.stages) - 1
        if is_last and not state.step and not path.exists():
            self._write_music(path)

    def _write_music(self, path: Path) -> None:
        try:
            living = Model.open(self.folder).with_arch(self.arch)
            (score,) = sample(living, Request(length=SAMPLE_LENGTH, seed=self.settings.seed))
            write(score, path)
        except MusictoolError as error:
            log.warning("no sample %s: %s", path.stem, error)

    def close(self) -> None:
        """No more comes."""
        if self._events:
            self._events.close()
