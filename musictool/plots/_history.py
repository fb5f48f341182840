"""history.csv of a model as curves: a measure of a stage, epoch by epoch.

A stage that has a loss is shown by it. Another, as that of adversaries, has several measures: what it is assessed by
comes first (the first of these says which epoch was kept), then what its players made small. What the corpus itself has
of a measure (corpus_variety for variety) is no curve but what the measure is held against.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Any

import numpy as np

from musictool.drawing.plot import Thing
from musictool.encoding import Spec
from musictool.errors import BadModel
from musictool.models.info import read_info

AGAINST = {"epochs": "epoch", "minutes": "minutes of training"}
NO_MEASURE = ("stage", "epoch", "learning_rate", "rows_per_second", "seconds")
LOSS, JUDGED, OF_CORPUS = "loss", "val_", "corpus_"

Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Curve:
    """One measure of one stage of one model.

    Attributes:
        model: its name.
        about: what its panel is of: models of one `about` can be compared.
        x: float64 (epochs,), epochs or minutes.
        training, validation: float64 (epochs,), nan where there is none.
        kept: the index of the epoch whose weights the model has.
        floor: what it is held against, and its name: the lowest baseline, or the corpus; None where there is nothing.
    """

    model: str
    about: str
    x: np.ndarray
    training: np.ndarray
    validation: np.ndarray
    kept: int
    floor: tuple[float, str] | None

    @property
    def shown(self) -> np.ndarray:
        """The validation pieces' line, or for want of one the training pieces'."""
        return self.validation if np.isfinite(self.validation).any() else self.training


def curves_of(thing: Thing, name: str, against: str) -> list[Curve]:
    """Every curve of a model, which is called `name`; none before its first epoch is over.

    Args:
        against: one of AGAINST.

    Raises:
        BadModel: for a history that is none.
    """
    info, rows = read_info(thing.path), _history(thing)
    stages = list(dict.fromkeys(row["stage"] for row in rows))
    unit, encoding = Spec.from_json(info["spec"]).unit, info["encoding"]["name"]
    found = []
    for stage in stages:
        own = [row for row in rows if row["stage"] == stage]
        x = np.cumsum(_column(own, "seconds")) / 60 if against == "minutes" else _column(own, "epoch")
        measures = _measures(own)
        for measure in measures:
            of = f"nats a {unit}" if measure == LOSS else measure.replace("_", " ")
            about = ", ".join([of, encoding, *([stage] if len(stages) > 1 else [])])
            floor = _baseline(info) if measure == LOSS and len(stages) == 1 else _of_corpus(own, measure)
            lines = _column(own, measure), _column(own, JUDGED + measure)
            found.append(Curve(name, about, x, *lines, _kept(own, measures[0]), floor))
    return found


def _history(thing: Thing) -> Rows:
    path = thing.path / "history.csv"
    if not path.exists():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if any(not {"stage", "epoch", "seconds"} <= {*row} or None in row for row in rows):
        raise BadModel(f"{path} is damaged: a row an epoch should have a stage, an epoch and seconds")
    return rows


def _measures(rows: Rows) -> list[str]:
    """The loss; of a stage without one all that was measured, what it is assessed by first."""
    names = [name for name in rows[0] if name not in NO_MEASURE and np.isfinite(_column(rows, name)).any()]
    trained = [name for name in names if not name.startswith(JUDGED)]
    if LOSS in trained or JUDGED + LOSS in names:
        return [LOSS]
    judged = [name.removeprefix(JUDGED) for name in names if name.startswith(JUDGED)]
    return [name for name in dict.fromkeys([*judged, *trained]) if not name.startswith(OF_CORPUS)]


def _kept(rows: Rows, aim: str) -> int:
    """The epoch with the lowest aim, of the validation pieces where they were judged."""
    judged = _column(rows, JUDGED + aim)
    judged = judged if np.isfinite(judged).any() else _column(rows, aim)
    return int(np.nanargmin(judged))


def _column(rows: Rows, name: str) -> np.ndarray:
    """float64 (epochs,), nan where a row has no such number."""
    values = np.full(len(rows), np.nan)
    for i, row in enumerate(rows):
        try:
            values[i] = float(row.get(name) or "nan")
        except ValueError:
            values[i] = np.nan
    return values


def _baseline(info: dict[str, Any]) -> tuple[float, str] | None:
    known = info["metrics"].get("baselines") or {}
    return min(((nats, name) for name, nats in known.items()), default=None)


def _of_corpus(rows: Rows, measure: str) -> tuple[float, str] | None:
    values = _column(rows, JUDGED + OF_CORPUS + measure)
    return (float(values[-1]), "corpus") if np.isfinite(values[-1]) else None
