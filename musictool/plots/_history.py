"""history.csv of a model as curves: a measure of a stage, epoch by epoch.

A stage that has a loss is shown by it. Another, as that of a GAN, has several measures: its selection metrics come
first (by the first of these an epoch was kept), then the losses of its parameter groups. The measure of the corpus
itself (corpus_variety for variety) is no curve but the baseline of the measure.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Any

import numpy as np

from musictool.drawing.plot import PlotInput
from musictool.encoding import Spec
from musictool.errors import BadModel
from musictool.models.info import read_info

X_LABELS = {"epochs": "epoch", "minutes": "minutes of training"}
NO_MEASURE = ("stage", "epoch", "learning_rate", "rows_per_second", "seconds")
LOSS, VALIDATION, OF_CORPUS = "loss", "val_", "corpus_"

Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Curve:
    """One measure of one stage of one model.

    Attributes:
        model: its name.
        panel: the title of its panel: models of one panel can be compared.
        x: float64 (epochs,), epochs or minutes.
        training, validation: float64 (epochs,), nan for epochs without it.
        kept: the index of the epoch whose weights the model has.
        baseline: the lowest baseline, or the measure of the corpus, and its name; None without one.
    """

    model: str
    panel: str
    x: np.ndarray
    training: np.ndarray
    validation: np.ndarray
    kept: int
    baseline: tuple[float, str] | None

    @property
    def shown(self) -> np.ndarray:
        """The line of the validation pieces, or of the training pieces if there is none."""
        return self.validation if np.isfinite(self.validation).any() else self.training


def curves_of(model: PlotInput, name: str, against: str) -> list[Curve]:
    """All curves of a model, under `name`; none before its first epoch is over.

    Args:
        against: one of X_LABELS.

    Raises:
        BadModel: for a damaged history.
    """
    info, rows = read_info(model.path), _history(model)
    stages = list(dict.fromkeys(row["stage"] for row in rows))
    unit, encoding = Spec.from_json(info["spec"]).unit, info["encoding"]["name"]
    curves = []
    for stage in stages:
        of_stage = [row for row in rows if row["stage"] == stage]
        x = np.cumsum(_column(of_stage, "seconds")) / 60 if against == "minutes" else _column(of_stage, "epoch")
        measures = _measures(of_stage)
        for measure in measures:
            label = f"nats per {unit}" if measure == LOSS else measure.replace("_", " ")
            panel = ", ".join([label, encoding, *([stage] if len(stages) > 1 else [])])
            baseline = _baseline(info) if measure == LOSS and len(stages) == 1 else _of_corpus(of_stage, measure)
            lines = _column(of_stage, measure), _column(of_stage, VALIDATION + measure)
            curves.append(Curve(name, panel, x, *lines, _kept(of_stage, measures[0]), baseline))
    return curves


def _history(model: PlotInput) -> Rows:
    path = model.path / "history.csv"
    if not path.exists():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if any(not {"stage", "epoch", "seconds"} <= {*row} or None in row for row in rows):
        raise BadModel(f"{path} is damaged: each row should have a stage, an epoch and seconds")
    return rows


def _measures(rows: Rows) -> list[str]:
    """The loss; of a stage without one all measures, its selection metrics first."""
    names = [name for name in rows[0] if name not in NO_MEASURE and np.isfinite(_column(rows, name)).any()]
    trained = [name for name in names if not name.startswith(VALIDATION)]
    if LOSS in trained or VALIDATION + LOSS in names:
        return [LOSS]
    selection = [name.removeprefix(VALIDATION) for name in names if name.startswith(VALIDATION)]
    return [name for name in dict.fromkeys([*selection, *trained]) if not name.startswith(OF_CORPUS)]


def _kept(rows: Rows, aim: str) -> int:
    """The epoch with the lowest `aim` on the validation pieces, or on the training pieces if there are none."""
    values = _column(rows, VALIDATION + aim)
    values = values if np.isfinite(values).any() else _column(rows, aim)
    return int(np.nanargmin(values))


def _column(rows: Rows, name: str) -> np.ndarray:
    """float64 (epochs,), nan for rows without this number."""
    values = np.full(len(rows), np.nan)
    for i, row in enumerate(rows):
        try:
            values[i] = float(row.get(name) or "nan")
        except ValueError:
            values[i] = np.nan
    return values


def _baseline(info: dict[str, Any]) -> tuple[float, str] | None:
    baselines = info["metrics"].get("baselines") or {}
    return min(((nats, name) for name, nats in baselines.items()), default=None)


def _of_corpus(rows: Rows, measure: str) -> tuple[float, str] | None:
    values = _column(rows, VALIDATION + OF_CORPUS + measure)
    return (float(values[-1]), "corpus") if np.isfinite(values[-1]) else None
