"""What a model can be asked for beside the notes before: how dense, in which pitch classes, of which label.

Each condition is a group of numbers in one vector that stands beside every row:

    density     one number for each of DENSITIES, notes a second: 1 at the nearest, shared where it lies between two
    histogram   the share of each pitch class C..B; they add up to 1
    label       1 at the piece's value of one column of the metadata (genre, artist, folder, ...)

A group of zeros asks for nothing. Training forgets each group in FORGOTTEN of the windows, so that the same model also
writes freely, as Performance RNN does (Simon and Oore 2017).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from musictool.corpus.corpus import Corpus
from musictool.dataset.controls import CONTROLS
from musictool.errors import BadOption, UnknownName

DENSITIES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
CONTROL_SIZES = {"density": len(DENSITIES), "histogram": CONTROLS - 1}
CONDITION_DROPOUT = 0.2
MOST_LABELS = 1000
FOLDER = "folder"  # the column that every corpus has: the folder that a file lies in


@dataclass(frozen=True)
class Conditions:
    """The conditions that one model knows.

    Attributes:
        controls: some of CONTROL_SIZES.
        column: the metadata column of the label; "" for none.
        labels: what stood there in the training corpus; the order of the label's numbers.
    """

    controls: tuple[str, ...] = ()
    column: str = ""
    labels: tuple[str, ...] = ()

    @property
    def sizes(self) -> dict[str, int]:
        """Group -> how many numbers it has, in the order of the vector."""
        label = {"label": len(self.labels)} if self.column else {}
        return {name: CONTROL_SIZES[name] for name in self.controls} | label

    @property
    def size(self) -> int:
        """C, the numbers of the vector."""
        return sum(self.sizes.values())

    def vectors(self, controls: np.ndarray | None, label: np.ndarray, asked: np.ndarray, length: int) -> np.ndarray:
        """float32 (B, length, C).

        Args:
            controls: float (B, length, CONTROLS), see musictool/dataset/controls.py; needed if the model knows any.
            label: int (B,), the index of each window's label, -1 for none.
            asked: bool (B, groups), whether each group says anything.
        """
        groups = [np.zeros((len(label), length, 0))]
        for name, said in zip(self.sizes, asked.T, strict=True):
            if name == "label":
                values = np.repeat((label[:, None] == np.arange(len(self.labels)))[:, None], length, axis=1)
            else:
                assert controls is not None
                values = density_shares(controls[..., 0]) if name == "density" else controls[..., 1:]
            groups.append(values * said[:, None, None])
        return np.concatenate(groups, axis=-1).astype(np.float32)

    def asked(
        self, density: float | None = None, histogram: Sequence[float] | None = None, label: str | None = None
    ) -> np.ndarray:
        """float32 (C,): the vector that asks for what is given and for nothing else.

        Args:
            density: notes a second.
            histogram: 12 weights, C..B, of any sum above 0.
            label: one of the labels, in any case.

        Raises:
            BadOption: for what this model does not know, or a value that cannot be meant.
            UnknownName: for another label, with a suggestion.
        """
        wanted = {"density": density, "histogram": histogram, "label": label}
        for name, value in wanted.items():
            if value is not None and name not in self.sizes:
                raise BadOption(
                    f"this model was not trained to be asked for a {name}; train one with "
                    + ("--label COLUMN" if name == "label" else f"--controls {name}")
                )
        of_group = {"density": self._density, "histogram": self._histogram, "label": self._label}
        groups = [
            np.zeros(size) if wanted[name] is None else of_group[name](wanted[name])
            for name, size in self.sizes.items()
        ]
        return np.concatenate([np.zeros(0), *groups]).astype(np.float32)

    def _density(self, density: Any) -> np.ndarray:
        if not 0 < density <= 1000:
            raise BadOption(f"--density {density} is not above 0 (to 1000) notes a second")
        return density_shares(np.array(density))

    def _histogram(self, histogram: Any) -> np.ndarray:
        weights = np.array(histogram, float)
        if weights.shape != (12,) or not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
            raise BadOption("--pitch-histogram is 12 numbers of at least 0, for C to B, not all of them 0")
        return np.asarray(weights / weights.sum())

    def _label(self, label: Any) -> np.ndarray:
        fitting = [each for each in self.labels if each.lower() == label.lower()]
        if not fitting:
            raise UnknownName.of(self.column, label, self.labels)
        return np.eye(len(self.labels))[self.labels.index(label if label in fitting else fitting[0])]

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Conditions:
        """The inverse of to_json."""
        return cls(tuple(values["controls"]), str(values["column"]), tuple(values["labels"]))


def density_shares(density: np.ndarray) -> np.ndarray:
    """float32 (..., len(DENSITIES)): 1 at the nearest of DENSITIES, on a logarithmic scale, or shared between two."""
    scale = np.arange(len(DENSITIES))
    place = np.interp(np.log(np.maximum(density, 1e-3)), np.log(DENSITIES), scale)[..., None]
    return np.maximum(0, 1 - np.abs(place - scale)).astype(np.float32)


def labels_of(corpus: Corpus, column: str) -> list[str]:
    """What stands in a metadata column for each piece; "" where nothing does, or where there is no such column."""
    column, said = column.strip().lower(), []
    for file in corpus.files:
        folder = {FOLDER: str(file["path"]).rpartition("/")[0]}
        said += [str({**folder, **file["about"]}.get(column, ""))] * file["pieces"]
    own: list[str] = corpus.own(said)
    return own


def of_corpus(corpus: Corpus, controls: Sequence[str], column: str, known: Sequence[str] = ()) -> Conditions:
    """The conditions for a model of this corpus: these controls, and the labels that stand in `column` ("" for none).

    Args:
        known: labels that come first, whether they stand there or not, or there is no such column.

    Raises:
        UnknownName: for a column that no file has, and no known labels.
        BadOption: for a column with too few or too many different values to learn from.
    """
    if not column:
        return Conditions(tuple(controls))
    columns = {FOLDER, *(name for file in corpus.files for name in file["about"])}
    if not known and column.strip().lower() not in columns:
        raise UnknownName.of("column of --label", column, columns)
    labels = (*known, *sorted(set(labels_of(corpus, column)) - {"", *known}))
    if not 2 <= len(labels) <= MOST_LABELS:
        raise BadOption(f"--label {column}: {corpus.name} has {len(labels)} different values, not 2 to {MOST_LABELS}")
    return Conditions(tuple(controls), column, labels)
