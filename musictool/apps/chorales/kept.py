"""A folder from which a run of the benchmark is resumed: checkpoint, best weights, and the settings of both."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from musictool.arch import Stage
from musictool.atomic import write_json
from musictool.errors import BadOption
from musictool.training.results import CheckpointedResults
from musictool.training.state import State, checkpoint_path, restore_variables, save_checkpoint

MARKER = "benchmark.json"
WEIGHTS = "best.h5"
LENGTHS = ("max_minutes", "epochs", "patience")  # settings that say how long a run is


class KeptResults(CheckpointedResults):
    """What a run needs to be resumed.

    Args:
        folder: made if it is not there.
        settings: JSON-able; those that the run in the folder was begun with.

    Raises:
        BadOption: for a run of other settings.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]):
        super().__init__(folder)
        marker = folder / MARKER
        if marker.exists() and json.loads(marker.read_text(encoding="utf-8")) != json.loads(json.dumps(settings)):
            raise BadOption(f"{folder} holds a run of other settings ({marker}); give them again, or another --folder")
        folder.mkdir(parents=True, exist_ok=True)
        checkpoint_path(folder).parent.mkdir(exist_ok=True)
        write_json(marker, dict(settings))

    @classmethod
    def of_run(
        cls, folder: Path, arch: str, options: Sequence[str], settings: Mapping[str, Any], free: Collection[str] = ()
    ) -> KeptResults:
        """The folder of a run; its length, and the settings in `free`, may be others when it is resumed."""
        fixed = {key: value for key, value in settings.items() if key not in (*LENGTHS, *free)}
        return cls(folder, {"arch": arch, "options": list(options), "settings": fixed})

    def keep_weights(self, stage: Stage, epochs: float, validation: dict[str, float]) -> None:
        save_checkpoint(self.folder / WEIGHTS, stage.network.variables, State(epoch=int(epochs)))

    def load_best(self, stage: Stage) -> None:
        restore_variables(self.folder / WEIGHTS, stage.network.variables)
