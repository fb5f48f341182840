"""The benchmark of polyphonic frames: one .mat file, one kind of model, its nats beside the published ones.

The model is trained by the loop of `train` (musictool/training/run.py). The learning rate falls along a cosine to the
end of the time, or of the epochs if they are over sooner. The running mean of the weights is what is evaluated and
kept. The validation pieces choose the epoch; the test pieces are scored once, with the best weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from musictool.apps.polyphony.course import Course, fit
from musictool.apps.polyphony.model import RollModel
from musictool.apps.polyphony.options import BenchmarkSettings, Head
from musictool.apps.polyphony.published import Class, Set, rows_of, set_of
from musictool.apps.polyphony.rolls import Piece, Rolls, read
from musictool.apps.polyphony.scores import FrameNats, baselines
from musictool.apps.polyphony.windows import RollWindows
from musictool.backend import backend
from musictool.training.reporter import Reporter


@dataclass(frozen=True)
class Kind:
    """A kind of model.

    Attributes:
        published: the class of its numbers.
        small, large: options of its arch. A set of a thousand chords is soon known by heart; one of a hundred thousand
            is not.
        frames: per step, by default. What shares nothing between the keys needs more steps, and smaller ones.
        is_estimate: whether its nats are an estimate of a likelihood that cannot be computed.
    """

    published: Class
    small: Mapping[str, Any]
    large: Mapping[str, Any]
    frames: int = 1024
    is_estimate: bool = False


_CHAIN = {"width": 128, "layers": 1, "embedding": 128, "hidden": 64, "dropout": 0.4}
_RECURRENT = {"width": 128, "layers": 1, "embedding": 128, "dropout": 0.4}
KINDS: dict[Head, Kind] = {
    "sigmoid": Kind(
        "independent", {"chain": "false", **_CHAIN}, {"chain": "false", **_CHAIN, "width": 256, "dropout": 0.25}
    ),
    "chain": Kind("joint", {"chain": "true", **_CHAIN}, {"chain": "true", **_CHAIN, "width": 256, "dropout": 0.25}),
    "rnn-nade": Kind("joint", _RECURRENT, {**_RECURRENT, "width": 256, "dropout": 0.25}, 256),
    "rnn-rbm": Kind("joint", _RECURRENT, {**_RECURRENT, "width": 256, "dropout": 0.25}, 256, is_estimate=True),
    "rtrbm": Kind("joint", {}, {}, 256, is_estimate=True),
}
FEW_FRAMES = 50_000


@dataclass(frozen=True)
class PolyphonyResult:
    """A finished benchmark.

    Attributes:
        rolls: the set.
        head: of the model.
        settings, options: that it was trained with.
        course: how training went.
        scores: "validation" and, if the file has one, "test" -> the model's.
        most: the same of a model whose nats are estimated, by the estimate that errs on the other side; else empty.
        baselines: the same splits -> name of a baseline -> its score.
        parameters: of the network.
    """

    rolls: Rolls
    head: Head
    settings: BenchmarkSettings
    options: Sequence[str]
    course: Course
    scores: dict[str, FrameNats]
    most: dict[str, FrameNats]
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
            "class": KINDS[self.head].published,
            "is_estimate": KINDS[self.head].is_estimate,
            "parameters": self.parameters,
            "settings": asdict(self.settings),
            "options": list(self.options),
            "course": asdict(self.course),
            "scores": {split: asdict(score) for split, score in self.scores.items()},
            "most": {split: asdict(score) for split, score in self.most.items()},
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
) -> PolyphonyResult:
    """Train a model on the training pieces, choose by the validation pieces, and score the test pieces once.

    Args:
        data: the set, or its .mat file.
        head: which of KINDS.
        options: "key=value" options of its arch, over the defaults for sets of this size.
        reporter: is called as training goes on.
        given: fields of BenchmarkSettings.

    Raises:
        BadFile: for a file that is no such set.
    """
    data = data if isinstance(data, Rolls) else read(data)
    kind = KINDS[head]
    settings = replace(BenchmarkSettings(frames=kind.frames), **given)
    defaults = kind.small if data.frames("train") < FEW_FRAMES else kind.large
    options = [*(f"{key}={value}" for key, value in defaults.items()), *options]
    backend.configure("float32", settings.seed)
    model = RollModel(data.splits["train"], head, options)
    course = train(model, data.splits["train"], data.splits["validation"], settings, reporter or Reporter())

    def scored(most: bool) -> dict[str, FrameNats]:
        return {
            split: model.score(pieces, settings.frames, most)
            for split, pieces in data.splits.items()
            if split != "train"
        }

    scores, most = scored(False), scored(True) if kind.is_estimate else {}
    return PolyphonyResult(
        data, head, settings, options, course, scores, most, baselines(data.splits), model.parameters
    )


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
    return fit(stage, windows, settings.run, reporter)
