"""What a training run keeps: its best weights in memory, or all that it needs and makes in a model folder."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from musictool.arch import Arch, Stage
from musictool.atomic import replacing
from musictool.errors import MusictoolError
from musictool.generation.request import Request
from musictool.generation.sample import sample
from musictool.models import model
from musictool.models.info import weights_file
from musictool.models.model import Model
from musictool.training import event_log
from musictool.training.event_log import EventLog
from musictool.training.options import RunSettings
from musictool.training.state import State, checkpoint_path, read_state, restore_variables, save_checkpoint
from musictool.writing import write

log = logging.getLogger(__name__)

HISTORY = "history.csv"  # written after the first checkpoint
SAMPLE_LENGTH = 200  # rows of the music written after each epoch


class Results:
    """The best weights of a run, in memory: for a run that leaves no files."""

    def __init__(self) -> None:
        self._weights: dict[str, list[Any]] = {}

    @property
    def state(self) -> dict[str, Any] | None:
        """The State of the checkpoint, as JSON; None for a run that has not begun."""
        return None

    def save(self, variables: Sequence[Any], state: State) -> None:
        """Write the checkpoint that a resumed run starts from."""

    def restore(self, variables: Sequence[Any]) -> None:
        """Fill the variables from the checkpoint."""

    def keep_weights(self, stage: Stage, epochs: float, validation: dict[str, float]) -> None:
        """Keep the stage's network as the best so far, after so many epochs; 3.4 within the fourth."""
        self._weights[stage.name] = stage.network.get_weights()

    def load_best(self, stage: Stage) -> None:
        """Load the weights that were kept."""
        stage.network.set_weights(self._weights[stage.name])

    def write(self, state: State) -> None:
        """Write what a user wants to see after each epoch."""

    def close(self) -> None:
        """Nothing follows."""


class CheckpointedResults(Results):
    """Results with a checkpoint in a folder, from which a run is resumed."""

    def __init__(self, folder: Path):
        super().__init__()
        self.folder = folder

    @property
    def state(self) -> dict[str, Any] | None:
        path = checkpoint_path(self.folder)
        return read_state(path) if path.exists() else None

    def save(self, variables: Sequence[Any], state: State) -> None:
        save_checkpoint(checkpoint_path(self.folder), variables, state)

    def restore(self, variables: Sequence[Any]) -> None:
        restore_variables(checkpoint_path(self.folder), variables)


class FolderResults(CheckpointedResults):
    """The model folder of a run: checkpoint, weights, history.csv, music, curves.

    Args:
        folder: made by `musictool.models.model.create`.
        arch: what is trained.
        settings: of the run.
    """

    def __init__(self, folder: Path, arch: Arch, settings: RunSettings):
        super().__init__(folder)
        self.arch = arch
        self.settings = settings
        self._events: EventLog | None = None

    def load_best(self, stage: Stage) -> None:
        stage.network.load_weights(self.folder / weights_file(stage.name))

    def keep_weights(self, stage: Stage, epochs: float, validation: dict[str, float]) -> None:
        metrics: dict[str, Any] = {f"val_{name}": validation.get(name) for name in stage.selection_metrics}
        if stage.counting:
            metrics["parameters"] = stage.network.count_params()  # it has none before it counts
        model.save_weights(self.folder, stage, {"best_epoch": epochs if epochs >= 1 else None, **metrics})

    def write(self, state: State) -> None:
        """History, curves, and music by the network as it is now, not as it was at its best; none before all stages
        of the arch have been begun."""
        if not state.epoch:
            return
        _write_history(self.folder / HISTORY, state.history)
        if self.settings.tensorboard:
            self._events = self._events or EventLog(self.folder / event_log.FOLDER)
            self._events.log(state.history)
        path = self.folder / "samples" / f"epoch-{state.epoch:03d}.mid"
        is_last = state.stage == len(self.arch.stages) - 1
        if is_last and not state.step and not path.exists():
            self._write_music(path)

    def _write_music(self, path: Path) -> None:
        try:
            current = Model.open(self.folder).with_arch(self.arch)
            (score,) = sample(current, Request(length=SAMPLE_LENGTH, seed=self.settings.seed))
            write(score, path)
        except MusictoolError as error:
            log.warning("no sample %s: %s", path.stem, error)

    def close(self) -> None:
        if self._events:
            self._events.close()


def _write_history(path: Path, history: list[dict[str, Any]]) -> None:
    """history.csv: a row per epoch."""
    text = io.StringIO()
    names = dict.fromkeys(name for row in history for name in row)  # stages may have different metrics
    writer = csv.DictWriter(text, fieldnames=list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    with replacing(path) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8")
