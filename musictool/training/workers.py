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
from musictool.dataset.dataset import Encoded, encode_controls, encode_corpus
from musictool.dataset.windows import SideInputs
from musictool.errors import BadCorpus
from musictool.models.info import MARKER, read_info
from musictool.models.model import Model
from musictool.music.key import TO_C
from musictool.training import fine_tune as growing
from musictool.training.options import semitones
from musictool.training.reporter import Reporter
from musictool.training.run import Run
from musictool.training.run_state import Settings, checkpoint_path


@dataclass(frozen=True)
class Trained:
    """A finished run.

    Attributes:
        model: opened, with its best weights.
        reason: why it ended: "epochs", "patience", "time" or "counted", for an arch that counts all at once.
        loss: validation nats a row of the best epoch; None for a corpus without validation pieces.
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
        """What the best epoch of a model that foretells nothing was measured by, the first the smaller the better."""
        *_, stage = self.model.arch.stages
        said = self.model.info["metrics"]
        return {name: said[f"val_{name}"] for name in stage.eval_metrics if said.get(f"val_{name}") is not None}


def build(
    arch: Arch, devices: Strategy, name: str, info: Mapping[str, Any], base: Mapping[str, Any] | None = None
) -> None:
    """Build the networks of an arch where they will be trained, on all machines at once.

    Args:
        arch: of the chief, which nothing has been asked of.
        devices: what computes.
        name: the model's.
        info: what its model.json says, or will say, of arch, encoding, corpus and training.
        base: the vocabulary that its own begins with (musictool/training/fine_tune.py).
    """
    devices.from_chief(json.dumps([name, info, base]).encode())
    _build(arch, devices)


def _build(arch: Arch, devices: Strategy) -> None:
    with devices.scope():
        arch.build()


def learn(folder: Path, arch: Arch, encoded: Encoded, corpus: Corpus, listener: Reporter, devices: Strategy) -> Trained:
    """Train in a model folder that is ready, under the settings that stand in it; no other process works in it."""
    info = read_info(folder)
    said = info["provenance"].get("init_from")
    if said and not checkpoint_path(folder).exists():
        growing.begin_as(arch, said)
    settings = Settings.from_json(info["training"]["settings"])
    run = Run(folder, arch, encoded, settings, listener, _beside(info, encoded, corpus, listener), devices)
    listener.run_begins(run, info, corpus)
    reason = run.run()
    info = read_info(folder)
    info["training"]["finished"] = reason
    write_json(folder / MARKER, info)
    return Trained(Model.open(folder), reason, info["metrics"].get("val_loss"), info["metrics"]["baselines"])


def follow(devices: Strategy, listener: Reporter) -> Trained:
    """Compute for the chief, which does what `build` and `learn` do.

    Raises:
        BadCorpus: if the corpus is not here, or not the same.
    """
    name, info, base = json.loads(devices.from_chief())
    settings = Settings.from_json(info["training"]["settings"])
    backend.prepare(settings.precision, settings.seed)  # type: ignore[arg-type]
    corpus = corpus_of(info, name)
    encoded = encoded_for(corpus, info["training"]["wishes"], listener, base)
    arch = archs.from_json(info["arch"], encoded.spec)
    _build(arch, devices)
    folder = home.models_folder() / name
    reason = Run(folder, arch, encoded, settings, listener, _beside(info, encoded, corpus, listener), devices).run()
    model = Model(folder, info, encoded.encoding).played_by(arch)
    return Trained(model, reason, None, info["metrics"]["baselines"], is_chief=False)


def encoded_for(
    corpus: Corpus, wishes: Mapping[str, Any], listener: Reporter, base: dict[str, Any] | None = None
) -> Encoded:
    """The corpus in the encoding of a run. Raises BadCorpus if there is nothing to learn from."""
    low, high = semitones(wishes)
    encoded = encode_corpus(
        corpus,
        wishes["encoding"],
        wishes["encoding_settings"],
        range(low, high + 1),
        to_c=wishes["transpose"] == TO_C,
        base=base,
        progress=listener.encoding,
    )
    if not len(encoded.pieces("train")):
        raise BadCorpus(f"no training piece of {corpus.name} has music that {wishes['encoding']} can write down")
    return encoded


def _beside(info: Mapping[str, Any], encoded: Encoded, corpus: Corpus, listener: Reporter) -> SideInputs:
    """What the model of this folder can be asked for, beside the rows and pieces of its corpus."""
    conditions = Conditions.from_json(info["conditions"])
    controls = encode_controls(encoded, corpus, progress=listener.encoding) if conditions.controls else None
    index = {label: i for i, label in enumerate(conditions.labels)}
    said = labels_of(corpus, conditions.column) if conditions.column else [""] * len(corpus)
    return SideInputs(conditions, controls, np.array([index.get(label, -1) for label in said]))
