"""The benchmark of chorales in sixteenths: one JSON file, one model, its nats per token beside the published ones.

The model is trained by the loop of `train` (musictool/training/run.py), as that of the polyphony benchmark is: the
learning rate falls along a cosine to the end of the time, the running mean of the weights is evaluated and kept, the
validation pieces choose the epoch, and the test pieces are scored once. Every token of every piece counts, the first
included, and no padding does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from musictool.apps.chorales.batches import ChoraleWindows
from musictool.apps.chorales.kept import KeptResults
from musictool.apps.chorales.model import CHAIN, ChoraleModel
from musictool.apps.chorales.options import ChoraleSettings
from musictool.apps.chorales.pieces import REST, VOICES, Chorales, Piece, read
from musictool.apps.chorales.published import rows_of
from musictool.apps.polyphony.course import Course, fit
from musictool.backend import backend
from musictool.options import build
from musictool.training.reporter import Reporter

DEFAULTS = {"width": 256, "embedding": 128, "hidden": 64, "dropout": 0.4}  # options of chain


@dataclass(frozen=True)
class ChoralesResult:
    """A finished benchmark.

    Attributes:
        chorales: the set.
        arch: name of the model's.
        settings, options: that it was trained with.
        course: how training went; its nats are per token.
        scores: "validation" and, if the file has one, "test" -> nats per token.
        baselines: the same splits -> name of a baseline -> nats per token.
        parameters: of the network.
    """

    chorales: Chorales
    arch: str
    settings: ChoraleSettings
    options: Sequence[str]
    course: Course
    scores: dict[str, float]
    baselines: dict[str, dict[str, float]]
    parameters: int

    def to_json(self) -> dict[str, Any]:
        """All numbers, and the published rows."""
        return {
            "file": self.chorales.name,
            "arch": self.arch,
            "parameters": self.parameters,
            "settings": self.settings.to_json(),
            "options": list(self.options),
            "course": asdict(self.course),
            "scores": self.scores,
            "baselines": self.baselines,
            "published": [asdict(row) for row in rows_of(self.chorales)],
        }


def benchmark_chorales(
    data: Chorales | Path,
    arch: str = CHAIN,
    *,
    options: Sequence[str] = (),
    folder: Path | None = None,
    reporter: Reporter | None = None,
    **given: Any,
) -> ChoralesResult:
    """Train a model on the training pieces, choose by the validation pieces, and score the test pieces once.

    Args:
        data: the set, or its JSON file.
        arch: "chain", or the name of an arch that learns tokens.
        options: "key=value" options of the arch.
        folder: keeps the run, which is then resumed if it was stopped; None to keep nothing.
        reporter: is called as training goes on.
        given: fields of ChoraleSettings.

    Raises:
        BadFile: for a file that is no such set.
        KindMismatch, UnknownName: for an arch that learns no tokens.
        BadOption: for a folder that holds a run of other settings.
    """
    data = data if isinstance(data, Chorales) else read(data)
    settings = build(ChoraleSettings, given)
    defaults = [f"{key}={value}" for key, value in DEFAULTS.items()] if arch == CHAIN else []
    options, shifts = [*defaults, *options], settings.transpose.semitones
    backend.configure("float32", settings.seed)
    model = ChoraleModel(arch, data.splits["train"], shifts, options)
    results = None if folder is None else KeptResults.of_run(folder, arch, options, settings.to_json())
    stage = model.stage(settings.weight_decay, lambda: model.score(data.splits["validation"], settings.frames))
    windows = ChoraleWindows(data.splits["train"], model.form, settings.frames, shifts, settings.seed)
    course = fit(stage, windows, settings.run, reporter or Reporter(), results)
    splits = [split for split in ("validation", "test") if split in data.splits]
    scores: dict[str, float] = {split: model.score(data.splits[split], settings.frames) for split in splits}
    return ChoralesResult(data, arch, settings, options, course, scores, baselines(data.splits), model.parameters)


def baselines(splits: dict[str, list[Piece]]) -> dict[str, dict[str, float]]:
    """What each voice sings most, and what it does after each pitch, counted in the training pieces: nats per token of
    the validation and test pieces, by split and name. Everything is counted once more than seen."""
    sung = np.ones((VOICES, 129))  # [voice, pitch or rest]
    after = np.zeros((VOICES, 129, 129))  # [voice, before, then]
    for piece in splits["train"]:
        for voice, pitches in enumerate(piece.T - REST):
            np.add.at(sung[voice], pitches, 1)
            np.add.at(after[voice], (pitches[:-1], pitches[1:]), 1)
    alone = sung / sung.sum(axis=1, keepdims=True)
    times = after.sum(axis=2, keepdims=True)
    follows = (after + alone[:, None]) / (times + 1)
    nats: dict[str, dict[str, float]] = {}
    for split in (split for split in splits if split != "train"):
        sums = np.zeros(2)
        for piece in splits[split]:
            for voice, pitches in enumerate(piece.T - REST):
                sums -= np.log(alone[voice, pitches]).sum(), np.log(alone[voice, pitches[:1]]).sum()
                sums[1] -= np.log(follows[voice, pitches[:-1], pitches[1:]]).sum()
        voice, before = (sums / sum(piece.size for piece in splits[split])).tolist()
        nats[split] = {"pitches of a voice": voice, "pitch before": before}
    return nats
