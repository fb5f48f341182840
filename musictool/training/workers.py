"""A run with all that it needs, on one machine or on several.

Of several machines only the first, the chief, reads and writes the model folder. It sends the others what model.json
says of the run; they open the corpus, which must be the same on all, and compute. So only corpora need to be at hand
on every machine, and a run that was begun on three machines can be resumed on one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from musictool import arch as archs
from musictool import home
from musictool.arch import Arch
from musictool.atomic import write_json
from musictool.backend import backend
from musictool.backend.strategy import Strategy
from musictool.corpus.corpus import Corpus
from musictool.corpus.training_corpus import corpus_of
from musictool.dataset.conditions import Conditions, labels_of
from musictool.dataset.dataset import Encoded
from musictool.dataset.encode import encode_controls, encode_corpus
from musictool.dataset.windows import SideInputs, Windows
from musictool.errors import BadCorpus
from musictool.models.contents import parameters
from musictool.models.info import MARKER, read_info
from musictool.models.model import Model
from musictool.music.bar_positions import BarPositions
from musictool.music.transposition import TO_C
from musictool.training import fine_tune
from musictool.training.memory import check_fits, free_bytes
from musictool.training.options import RunSettings, TrainOptions, stored, stored_settings
from musictool.training.reporter import Reporter, RunFacts
from musictool.training.results import FolderResults
from musictool.training.run import Run
from musictool.training.state import checkpoint_path


@dataclass(frozen=True)
class Trained:
    """A finished run.

    Attributes:
        model: opened, with its best weights.
        reason: why it ended: "epochs", "patience", "time" or "counted", for an arch that counts all at once.
        loss: validation nats per row of the best epoch; None for a corpus without validation pieces.
        baselines: the same for what it had to beat (musictool/metrics/baselines.py).
        is_chief: False on a machine that has computed for another, which has the model's folder.
    """

    model: Model
    reason: str
    loss: float | None
    baselines: dict[str, float]
    is_chief: bool = True

    @property
    def unbeaten(self) -> list[str]:
        """The baselines that the model did not beat."""
        return [name for name, nats in self.baselines.items() if self.loss is None or self.loss >= nats]

    @property
    def eval_metrics(self) -> dict[str, float]:
        """What the best epoch of a model without a likelihood was measured by; the first is the smaller the better."""
        *_, stage = self.model.arch.stages
        metrics = self.model.info["metrics"]
        return {name: metrics[f"val_{name}"] for name in stage.eval_metrics if metrics.get(f"val_{name}") is not None}


def build_networks(
    arch: Arch, strategy: Strategy, name: str, info: Mapping[str, Any], base: Mapping[str, Any] | None = None
) -> None:
    """Build the networks of an arch where they will be trained, on all machines at once.

    Args:
        arch: of the chief, not yet built.
        strategy: what computes.
        name: the model's.
        info: what its model.json says, or will say, of arch, encoding, corpus and training.
        base: the vocabulary that its own begins with (musictool/training/fine_tune.py).

    Raises:
        OutOfMemory: for a run that needs more than this machine has free.
    """
    strategy.broadcast(json.dumps([name, info, base]).encode())
    free = free_bytes()
    with strategy.scope():
        arch.build()
    if backend.device_name() == "CPU":  # how much a GPU has free, nothing here knows
        settings = stored_settings(info, home.models_folder() / name)
        check_fits(parameters(arch), arch.held_numbers(settings.window), settings, strategy.workers, free)


def run_chief(
    folder: Path, arch: Arch, encoded: Encoded, corpus: Corpus, reporter: Reporter, strategy: Strategy
) -> Trained:
    """Train in a model folder that is ready, under the settings in its model.json; no other process works in it."""
    info = read_info(folder)
    if not checkpoint_path(folder).exists():
        fine_tune.load_parent(arch, info["provenance"])
    settings = stored_settings(info, folder)
    windows = _windows(encoded, settings, _side_inputs(info, arch, encoded, corpus, reporter), arch)
    run = Run(FolderResults(folder, arch, settings), arch.stages, windows, settings, reporter, strategy)
    reporter.run_begins(_facts(folder.name, run, info, corpus, encoded))
    reason = run.run()
    info = read_info(folder)
    info["training"]["finished"] = reason
    write_json(folder / MARKER, info)
    return Trained(Model.open(folder), reason, info["metrics"].get("val_loss"), info["metrics"]["baselines"])


def _facts(name: str, run: Run, info: Mapping[str, Any], corpus: Corpus, encoded: Encoded) -> RunFacts:
    settings, state = run.settings, run.results.state
    return RunFacts(
        model=name,
        corpus=corpus.name,
        arch=info["arch"]["name"],
        stages=len(run.stages),
        parameters=info["metrics"]["parameters"],
        device=info["provenance"]["device"],
        precision=settings.precision,
        seed=settings.seed,
        epochs=None if settings.is_endless else settings.epochs,
        epochs_done=state["epoch"] if state else None,
        unit=encoded.spec.unit,
        vocabulary=encoded.spec.size if encoded.spec.kind == "tokens" else None,
        row_size=encoded.spec.size,
        train_rows=encoded.summary["train_rows"],
        validation_rows=encoded.summary["validation_rows"],
        baselines=info["metrics"]["baselines"],
    )


def run_worker(strategy: Strategy, reporter: Reporter) -> Trained:
    """Compute for the chief: the same as `build_networks` and `run_chief`, without a model folder.

    Raises:
        BadCorpus: if the corpus is not here, or not the same.
    """
    name, info, base = json.loads(strategy.broadcast())
    folder = home.models_folder() / name
    settings = stored_settings(info, folder)
    backend.configure(settings.precision, settings.seed)
    corpus = corpus_of(info, name)
    encoded = encoded_for(corpus, stored(info, folder), reporter, base)
    arch = archs.from_json(info["arch"], encoded.spec)
    with strategy.scope():
        arch.build()
    windows = _windows(encoded, settings, _side_inputs(info, arch, encoded, corpus, reporter), arch)
    reason = Run(FolderResults(folder, arch, settings), arch.stages, windows, settings, reporter, strategy).run()
    model = Model(folder, info, encoded.encoding).with_arch(arch)
    return Trained(model, reason, None, info["metrics"]["baselines"], is_chief=False)


def encoded_for(
    corpus: Corpus, options: TrainOptions, reporter: Reporter, base: dict[str, Any] | None = None
) -> Encoded:
    """The corpus in the encoding of a run. Raises BadCorpus if there is nothing to learn from."""
    encoded = encode_corpus(
        corpus,
        options.encoding,
        options.encoding_settings,
        options.run.transpose.semitones,
        to_c=options.run.transpose.to_c,
        base=base,
        progress=reporter.encoding,
    )
    if not len(encoded.pieces("train")):
        raise BadCorpus(f"no training piece of {corpus.name} has music that {options.encoding} can write down")
    return encoded


def _windows(encoded: Encoded, settings: RunSettings, side_inputs: SideInputs, arch: Arch) -> Windows:
    return Windows(
        encoded,
        settings.window,
        settings.batch_size,
        settings.transpose.semitones,
        settings.seed,
        stretches=(*{1.0, *settings.stretch},),
        side_inputs=side_inputs,
        task=arch.task(encoded.encoding),
    )


def _side_inputs(
    info: Mapping[str, Any], arch: Arch, encoded: Encoded, corpus: Corpus, reporter: Reporter
) -> SideInputs:
    """What a model is given beside the rows of its corpus: its conditions, and the positions in the bar."""
    conditions = Conditions.from_json(info["conditions"])
    to_c = info["training"]["options"]["transpose"] == TO_C
    controls = encode_controls(encoded, corpus, to_c=to_c, progress=reporter.encoding) if conditions.controls else None
    index = {label: i for i, label in enumerate(conditions.labels)}
    labels = labels_of(corpus, conditions.column) if conditions.column else [""] * len(corpus)
    bars = None
    if arch.reads_bar_positions:
        assert encoded.encoding.rows_per_quarter is not None  # as it is of frames
        bars = BarPositions(corpus.metres(), encoded.encoding.rows_per_quarter)
    return SideInputs(conditions, controls, np.array([index.get(label, -1) for label in labels]), bars)
