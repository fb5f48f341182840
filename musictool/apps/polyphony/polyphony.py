"""The benchmark of polyphonic frames: one .mat file, one kind of model, its nats beside the published ones.

The model is trained by the loop of `train` (musictool/training/run.py). The learning rate falls along a cosine to the
end of the time, or of the epochs if they are over sooner. The running mean of the weights is what is evaluated and
kept. The validation pieces choose the epoch; the test pieces are scored once, with the best weights.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from musictool.apps.polyphony.model import RollModel
from musictool.apps.polyphony.options import BenchmarkSettings, Head
from musictool.apps.polyphony.published import Class, Set, rows_of, set_of
from musictool.apps.polyphony.rolls import Piece, Rolls, read
from musictool.apps.polyphony.scores import FrameNats, baselines
from musictool.apps.polyphony.windows import RollWindows
from musictool.backend import backend
from musictool.errors import Stopped
from musictool.training.reporter import Reporter
from musictool.training.results import Results
from musictool.training.run import Run

HEADS: dict[Head, str] = {"sigmoid": "tied", "chain": "chain"}  # as roll-lstm calls the head that is trained
CLASSES: dict[Head, Class] = {"sigmoid": "independent", "chain": "joint"}
# Options of roll-lstm. A set of a thousand chords is soon known by heart; one of a hundred thousand is not.
SMALL = {"width": 128, "layers": 1, "embedding": 128, "hidden": 64, "dropout": 0.4}
LARGE = {"width": 256, "layers": 1, "embedding": 128, "hidden": 64, "dropout": 0.25}
FEW_FRAMES = 50_000
AVERAGE = 0.99  # decay of the running mean of the weights


@dataclass
class Course:
    """How a run went.

    Attributes:
        reason: why it ended: "epochs", "time", "patience" or "stopped".
        seconds: that it took.
        cpu_seconds: of all cores together; fewer than `seconds` per core on a machine with other work.
        epochs: for each its number, the nats per frame in training and validation, whether it was the best so far, and
            the seconds up to its end.
        best_epoch: whose weights were kept, counted from 1.
    """

    reason: str = "epochs"
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    epochs: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0


@dataclass(frozen=True)
class Result:
    """A finished benchmark.

    Attributes:
        rolls: the set.
        head: of the model.
        settings, options: that it was trained with.
        course: how training went.
        scores: "validation" and, if the file has one, "test" -> the model's.
        baselines: the same splits -> name of a baseline -> its score.
        parameters: of the network.
    """

    rolls: Rolls
    head: Head
    settings: BenchmarkSettings
    options: Sequence[str]
    course: Course
    scores: dict[str, FrameNats]
    baselines: dict[str, dict[str, FrameNats]]
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
            "baselines": {
                split: {name: asdict(score) for name, score in scores.items()}
                for split, scores in self.baselines.items()
            },
            "published_test_nats": {kind: [asdict(row) for row in rows_of(self.known, kind)] for kind in classes},
        }


def benchmark_polyphony(
    data: Rolls | Path,
    head: Head = "chain",
    *,
    options: Sequence[str] = (),
    reporter: Reporter | None = None,
    **given: Any,
) -> Result:
    """Train a model on the training pieces, choose by the validation pieces, and score the test pieces once.

    Args:
        data: the set, or its .mat file.
        head: whether the keys of a frame are independent, or decided one after another.
        options: "key=value" options of roll-lstm, over the defaults for sets of this size.
        reporter: is called as training goes on.
        given: fields of BenchmarkSettings.

    Raises:
        BadFile: for a file that is no such set.
    """
    data = data if isinstance(data, Rolls) else read(data)
    settings = replace(BenchmarkSettings(), **given)
    defaults = SMALL if data.frames("train") < FEW_FRAMES else LARGE
    options = [f"head={HEADS[head]}", *(f"{key}={value}" for key, value in defaults.items()), *options]
    backend.prepare("float32", settings.seed)
    model = RollModel(data.splits["train"], options)
    course = train(model, data.splits["train"], data.splits["validation"], settings, reporter or Reporter())
    scores: dict[str, FrameNats] = {
        split: model.score(data.splits[split], settings.frames)
        for split in ("validation", "test")
        if split in data.splits
    }
    return Result(data, head, settings, options, course, scores, baselines(data.splits), model.parameters)


def train(
    model: RollModel,
    training: Sequence[Piece],
    validation: Sequence[Piece],
    settings: BenchmarkSettings,
    reporter: Reporter,
) -> Course:
    """Train until there is reason to stop, and leave the weights of the best epoch in the model."""
    stage = model.stage(settings.weight_decay, lambda: model.score(validation, settings.frames).nats)
    windows = RollWindows(model.crop(training), settings.frames, settings.seed)
    results, recorder = Results(), _Recorder(reporter)
    run = Run(results, [stage], windows, settings.run, recorder, average=AVERAGE, finish_early=True)
    try:
        recorder.course.reason = run.run()
    except Stopped:
        recorder.course.reason = "stopped"
        results.load_best(stage)
    return recorder.course


class _Recorder(Reporter):
    """Writes the Course of a run, and passes on what it is called with."""

    def __init__(self, reporter: Reporter):
        self.reporter, self.course = reporter, Course()
        self._began = time.monotonic(), time.process_time()

    def epoch_begins(self, epoch: int, step: int, steps: int) -> None:
        self.reporter.epoch_begins(epoch, step, steps)

    def progress(self, step: int, loss: float, rows_per_second: float) -> None:
        self.reporter.progress(step, loss, rows_per_second)

    def epoch_ends(self, row: dict[str, Any], is_best: bool) -> None:
        course = self.course
        course.seconds, course.cpu_seconds = (
            now - began for now, began in zip((time.monotonic(), time.process_time()), self._began, strict=True)
        )
        if is_best:
            course.best_epoch = row["epoch"]
        course.epochs.append(
            {
                "epoch": row["epoch"],
                "train": row["loss"],
                "validation": row["val_loss"],
                "is_best": is_best,
                "seconds": course.seconds,
            }
        )
        self.reporter.epoch_ends(row, is_best)
