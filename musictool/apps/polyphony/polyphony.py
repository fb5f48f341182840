"""The benchmark of polyphonic frames: one .mat file, one kind of model, its nats beside the published ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from musictool.apps.polyphony.published import Class, Set, rows_of, set_of
from musictool.apps.polyphony.rolls import Rolls, read
from musictool.apps.polyphony.scores import Score, floors
from musictool.apps.polyphony.training import Course, Listener, Model, Settings, train
from musictool.backend import backend

Head = Literal["sigmoid", "chain"]
HEADS: dict[Head, str] = {"sigmoid": "tied", "chain": "chain"}  # as roll-lstm calls the head that is trained
CLASSES: dict[Head, Class] = {"sigmoid": "independent", "chain": "joint"}


@dataclass(frozen=True)
class Starting:
    """What training starts from, unless told otherwise: options of roll-lstm, and some of Settings."""

    options: dict[str, float]
    frames: int = 1024
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    epochs: int = 1000
    patience: int = 1000


# A set of a thousand chords is soon known by heart; one of a hundred thousand is not.
SMALL = Starting({"width": 128, "layers": 1, "embedding": 128, "hidden": 64, "dropout": 0.4})
LARGE = Starting({"width": 256, "layers": 1, "embedding": 128, "hidden": 64, "dropout": 0.25})
FEW_FRAMES = 50_000


@dataclass(frozen=True)
class Result:
    """What came of it.

    Attributes:
        rolls: the set.
        head: of the model.
        settings, options: that it was trained with.
        course: how training went.
        scores: "validation" and, if the file has one, "test" -> the model's.
        floors: of the same splits -> name of a way of guessing -> its score.
        parameters: of the network.
    """

    rolls: Rolls
    head: Head
    settings: Settings
    options: Sequence[str]
    course: Course
    scores: dict[str, Score]
    floors: dict[str, dict[str, Score]]
    parameters: int

    @property
    def known(self) -> Set | None:
        """Which of the published sets this is."""
        return set_of(self.rolls)

    def to_json(self) -> dict[str, Any]:
        """All numbers, and the published rows by class."""
        classes: tuple[Class, ...] = ("independent", "joint", "bound")
        return {
            "file": self.rolls.name,
            "set": self.known,
            "head": self.head,
            "class": CLASSES[self.head],
            "parameters": self.parameters,
            "settings": asdict(self.settings),
            "options": list(self.options),
            "course": asdict(self.course),
            "scores": {split: asdict(score) for split, score in self.scores.items()},
            "floors": {
                split: {name: asdict(score) for name, score in own.items()} for split, own in self.floors.items()
            },
            "published_test_nats": {kind: [asdict(row) for row in rows_of(self.known, kind)] for kind in classes},
        }


def floors_of(data: Rolls) -> dict[str, dict[str, Score]]:
    """The scores of guessing, on the validation and test pieces."""
    ways = floors(data.splits["train"])
    return {
        split: {name: Score.of(map(nats, pieces)) for name, nats in ways.items()}
        for split, pieces in data.splits.items()
        if split != "train"
    }


def benchmark_polyphony(
    data: Rolls | Path,
    head: Head = "chain",
    *,
    seed: int = 1,
    options: Sequence[str] = (),
    listener: Listener | None = None,
    **given: Any,
) -> Result:
    """Train a model on the training pieces, choose by the validation pieces, and score the test pieces once.

    Args:
        data: the set, or the .mat file that it stands in.
        head: whether the keys of a frame are independent, or decided one after another.
        seed: of all that is drawn.
        options: "key=value" options of roll-lstm, over those it starts from.
        listener: who is told.
        given: values of Settings that shall not be as they start.

    Raises:
        BadFile: for a file that is no such set.
    """
    data = data if isinstance(data, Rolls) else read(data)
    starting = SMALL if data.frames("train") < FEW_FRAMES else LARGE
    settings = replace(
        Settings(
            30.0,
            starting.epochs,
            starting.patience,
            starting.frames,
            starting.learning_rate,
            starting.weight_decay,
            seed,
        ),
        **given,
    )
    options = [f"head={HEADS[head]}", *(f"{key}={value}" for key, value in starting.options.items()), *options]
    training, validation = data.splits["train"], data.splits["validation"]
    backend.prepare("float32", seed)
    model = Model(training, options)
    course = train(model, training, validation, settings, listener or Listener())
    scores: dict[str, Score] = {
        split: model.score(data.splits[split], settings.frames)
        for split in ("validation", "test")
        if split in data.splits
    }
    return Result(data, head, settings, options, course, scores, floors_of(data), model.parameters)
